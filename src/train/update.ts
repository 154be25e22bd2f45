import { tf } from '../core/backend';
import { compiled } from '../core/graph';
import { valueAndGrad } from '../core/grad';
import { tidy } from '../core/memory';
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
 * A step as two graphs: the gradient of the loss, clipped to a global norm, which is compiled for each shape of batch, and
 * AdamW, which is compiled once. Matrices of the layers decay; embeddings, biases and norms do not. The caller disposes of
 * the old state.
 */
export function makeUpdate(loss: (params: Params, batch: Params) => Scalar, { clip, weightDecay }: { clip: number; weightDecay: number }): Update {
  const gradients = compiled((x) => {
    const { value, grads } = valueAndGrad((params) => loss(params, part(x, 'batch/')), part(x, 'w/'));
    const clipped = clipByGlobalNorm(grads, clip);
    return { loss: value, norm: clipped.norm, ...prefixed('g/', clipped.grads) };
  });
  const adam = compiled(adamAll);
  const update = ({ params, adam: { m, v, step } }: State, batch: Params, rate: number): ReturnType<Update> => {
    const { loss: l, norm, ...g } = tidy(() => gradients({ ...prefixed('w/', params), ...prefixed('batch/', batch) }));
    const values = { loss: l.dataSync()[0], norm: norm.dataSync()[0] };
    const out = tidy(() => {
      const factors = adamFactors({ rate, decay: true }, step + 1, { ...adamDefaults, weightDecay });
      const scalars = Object.fromEntries(Object.entries(factors).map(([name, value]) => [`factor/${name}`, tf.scalar(value as number)]));
      return adam({ ...prefixed('w/', params), ...g, ...prefixed('m/', m), ...prefixed('v/', v), ...scalars });
    });
    dispose(g, { l, norm });
    return { state: { params: part(out, 'w/'), adam: { m: part(out, 'm/'), v: part(out, 'v/'), step: step + 1 } }, ...values };
  };
  return Object.assign(update, { dispose: () => { gradients.dispose(); adam.dispose(); } });
}

function adamAll(x: Params): Record<string, Tensor> {
  const g = part(x, 'g/'), m = part(x, 'm/'), v = part(x, 'v/'), factors = part(x, 'factor/') as unknown as AdamFactors<Tensor>;
  const out: Record<string, Tensor> = {};
  for (const [name, w] of Object.entries(part(x, 'w/'))) {
    [out[`w/${name}`], out[`m/${name}`], out[`v/${name}`]] = adamTensor(w, g[name], m[name], v[name], decays(name, w) ? factors : { ...factors, keep: 1 });
  }
  return out;
}

const decays = (name: string, x: Tensor): boolean => x.rank > 1 && !/embed|\.w[tp]e\./i.test(name);
