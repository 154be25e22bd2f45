import { compiled } from '../core/graph';
import { valueAndGrad } from '../core/grad';
import { tidy } from '../core/memory';
import { dispose, part, prefixed, type Params } from '../core/tree';
import { adamDefaults, makeAdam, type AdamState } from '../optim/adam';
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
  const adam = makeAdam({ decaying: { decay: true }, other: { decay: false } }, (name, x) => (decays(name, x) ? 'decaying' : 'other'), { ...adamDefaults, weightDecay }, compiled);
  const update = ({ params, adam: state }: State, batch: Params, rate: number): ReturnType<Update> => {
    const { loss: l, norm, ...g } = tidy(() => gradients({ ...prefixed('w/', params), ...prefixed('batch/', batch) }));
    const values = { loss: l.dataSync()[0], norm: norm.dataSync()[0] }, next = adam.update(params, part(g, 'g/'), state, { decaying: rate, other: rate });
    dispose(g, { l, norm });
    return { state: { params: next.params, adam: next.state }, ...values };
  };
  return Object.assign(update, { dispose: () => { gradients.dispose(); adam.dispose(); } });
}

const decays = (name: string, x: Tensor): boolean => x.rank > 1 && !/embed|\.w[tp]e\./i.test(name);
