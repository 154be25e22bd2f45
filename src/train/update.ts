import { tf } from '../core/backend';
import { compiled, type Compiled } from '../core/graph';
import { valueAndGrad } from '../core/grad';
import { dispose, part, prefixed, type Params } from '../core/tree';
import { adamDefaults, adamFactors, adamTensor, type AdamFactors, type AdamState } from '../optim/adam';
import { clipByGlobalNorm } from '../optim/clip';
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';

/** Weights and the moments of AdamW. */
export interface State { params: Record<string, Tensor>; adam: AdamState }

/** One step of supervised training: new state, and the loss and global gradient norm before the update. */
export interface Update {
  (state: State, batch: Params, rate: number): { state: State; loss: number; norm: number };
  dispose(): void;
}

/**
 * A step as one graph: gradient of the loss, clipping to a global norm, AdamW. Matrices of the layers decay; embeddings,
 * biases and norms do not. The caller disposes of the old state.
 *
 * @param frozen weights that the loss reads and nothing changes
 */
export function makeUpdate(loss: (params: Params, batch: Params) => Scalar, { clip, weightDecay }: { clip: number; weightDecay: number }, frozen: Params): Update {
  const run: Compiled = compiled((x) => {
    const w = part(x, 'w/'), batch = part(x, 'batch/');
    const { value, grads } = valueAndGrad((params) => loss({ ...params, ...frozen }, batch), w);
    const { grads: g, norm } = clipByGlobalNorm(grads, clip), out: Record<string, Tensor> = { loss: value, norm };
    for (const [name, weight] of Object.entries(w)) {
      const factors = { ...part(x, 'factor/'), ...(decays(name, weight) ? {} : { keep: 1 }) } as unknown as AdamFactors<Tensor>;
      [out[`w/${name}`], out[`m/${name}`], out[`v/${name}`]] = adamTensor(weight, g[name], x[`m/${name}`], x[`v/${name}`], factors);
    }
    return out;
  }, frozen);
  const update = ({ params, adam }: State, batch: Params, rate: number): ReturnType<Update> => {
    const factors = adamFactors({ rate, decay: true }, adam.step + 1, { ...adamDefaults, weightDecay });
    const inputs = Object.fromEntries(Object.entries(factors).map(([name, value]) => [`factor/${name}`, tf.scalar(value as number)]));
    const out = tf.tidy(() => run({ ...prefixed('w/', params), ...prefixed('m/', adam.m), ...prefixed('v/', adam.v), ...prefixed('batch/', batch), ...inputs }) as never) as Record<string, Tensor>;
    const [l, n] = [out.loss.dataSync()[0], out.norm.dataSync()[0]];
    dispose(inputs, { loss: out.loss, norm: out.norm });
    return { state: { params: part(out, 'w/'), adam: { m: part(out, 'm/'), v: part(out, 'v/'), step: adam.step + 1 } }, loss: l, norm: n };
  };
  return Object.assign(update, { dispose: () => run.dispose() });
}

const decays = (name: string, x: Tensor): boolean => x.rank > 1 && !/embed|\.w[tp]e\./i.test(name);
