import { late, ownKernel, tf } from '../core/backend';
import { own } from '../core/kernels';
import { tidy } from '../core/memory';
import { toGroups, type Affine } from './affine';
import { codeRange, type QuantSpec } from './spec';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/**
 * Straight-through estimator (Bengio et al. 2013, arXiv 1308.3432) with learned step (LSQ, Esser et al. 2020,
 * arXiv 1902.08153, without its gradient factor, which Adam cancels). With v = w / s + z and r = round(v):
 *
 *   dL/dw = dL/dQ where low <= r <= high, else 0
 *   dL/ds = sum over the group of dL/dQ (r - v inside, low - z below, high - z above)
 *
 * The clipping bound is on the rounded code, as in PyTorch's learnable fake quantization and in SEQ: weights up to
 * half a step beyond the outermost level still learn. Exactly there, where absmax puts the largest weight of a row on the
 * stretched grid, half to even decides as it does in PyTorch: a negative one learns, a positive one waits for the scale.
 *
 * @param gradient dL/dQ(w) in the shape of w (for SAM: taken at Q(w) + eps; the estimator only routes it)
 */
export function pullBack(w: Tensor, affine: Affine, spec: QuantSpec, gradient: Tensor): { w: Tensor; scale: Tensor2D | null } {
  const { low, high } = codeRange(spec);
  return tidy(() => {
    const g = toGroups(gradient, spec.granularity);
    if (own()) {
      const [dw, ds] = ownKernel('ZsaqFakeQuantizeGrad', { low, high }, [toGroups(w, spec.granularity), affine.scale, affine.zero, g], 2);
      return { w: tf.reshape(dw, w.shape), scale: spec.learned ? ds as Tensor2D : null };
    }
    const v = tf.add(tf.div(toGroups(late(w, gradient), spec.granularity), affine.scale), affine.zero);
    const r = tf.round(v), clipped = tf.clipByValue(r, low, high), inside = tf.equal(r, clipped);
    const dw = tf.reshape(tf.mul(g, tf.cast(inside, 'float32')), w.shape);
    if (!spec.learned) return { w: dw, scale: null as Tensor2D | null };
    const slope = tf.where(inside, tf.sub(r, v), tf.sub(clipped, affine.zero));
    return { w: dw, scale: tf.sum(tf.mul(g, slope), 1, true) as Tensor2D };
  });
}
