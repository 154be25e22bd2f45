import { tf } from '../core/backend';
import { softmax } from '../core/kernels';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** Far below any score, yet finite: a row without any visible position stays a number. */
const HIDDEN = -1e9;

/**
 * Multi-head attention softmax(q kᵀ / sqrt(d) + bias) v.
 *
 * @param q `[batch, seq, hidden]`, k and v likewise; hidden = heads d
 * @param bias added to the scores, broadcast to `[batch, heads, seq, seq]`
 * @returns `[batch, seq, hidden]`
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, heads: number, bias?: Tensor): Tensor {
  const [batch, seq, hidden] = q.shape as [number, number, number], d = hidden / heads;
  const split = (x: Tensor) => tf.transpose(tf.reshape(x, [batch, seq, heads, d]), [0, 2, 1, 3]); // [batch, heads, seq, d]
  const scores = tf.matMul(split(tf.mul(q, 1 / Math.sqrt(d))), split(k), false, true); // [batch, heads, seq, seq]
  const mixed = tf.matMul(softmax(bias ? tf.add(scores, bias) : scores), split(v));
  return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch, seq, hidden]);
}

/** Bias that hides padded keys: `[batch, seq]` of 1 and 0 -> `[batch, 1, 1, seq]` of 0 and -1e9. */
export function paddingBias(mask: Tensor2D): Tensor {
  const [batch, seq] = mask.shape;
  return tf.reshape(tf.mul(tf.sub(1, tf.cast(mask, 'float32')), HIDDEN), [batch, 1, 1, seq]);
}

/** Bias that hides later positions, and padded ones if a mask is given: `[1 or batch, 1, seq, seq]`. */
export function causalBias(seq: number, mask?: Tensor2D): Tensor {
  const later = tf.mul(tf.sub(1, tf.linalg.bandPart(tf.ones([seq, seq]), -1, 0)), HIDDEN);
  const causal = tf.reshape(later, [1, 1, seq, seq]);
  return mask ? tf.minimum(causal, paddingBias(mask)) : causal;
}
