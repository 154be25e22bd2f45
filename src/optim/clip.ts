import { tf } from '../core/backend';
import { tidy } from '../core/memory';
import { map, norm, type Params } from '../core/tree';
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';

/**
 * Scales all gradients by min(1, limit / ||g||_2), one norm over the record (as PyTorch's `clip_grad_norm_`).
 * `Infinity` clips nothing. The norm before clipping is returned too: it is what a guard watches.
 */
export function clipByGlobalNorm(g: Params, limit: number): { grads: Record<string, Tensor>; norm: Scalar } {
  return tidy(() => {
    const n = norm(g);
    if (limit === Infinity) return { grads: map(g, (x) => tf.clone(x)), norm: n };
    const factor = tf.minimum(1, tf.div(limit, tf.add(n, 1e-6)));
    return { grads: map(g, (x) => tf.mul(x, factor)), norm: n };
  });
}
