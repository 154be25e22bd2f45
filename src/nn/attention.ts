import { tf } from '../core/backend';
import { softmax } from '../core/kernels';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** Far below any score, yet finite: a row without any visible position stays a number. */
const HIDDEN = -1e9;

/** Keys and values by head, `[batch, heads, seq, d]` each: what a causal model keeps of the tokens it has read. */
export interface KeysValues { keys: Tensor; values: Tensor }

/** `[batch, seq, heads d] -> [batch, heads, seq, d]`. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, seq, hidden] = x.shape as [number, number, number];
  return tf.transpose(tf.reshape(x, [batch, seq, heads, hidden / heads]), [0, 2, 1, 3]);
}

/** Earlier keys and values with later ones behind them. */
export function append(past: KeysValues | undefined, next: KeysValues): KeysValues {
  return past ? { keys: tf.concat([past.keys, next.keys], 2), values: tf.concat([past.values, next.values], 2) } : next;
}

/**
 * Multi-head attention softmax(scale q kᵀ + bias) v over keys and values that are split by head already.
 *
 * @param q `[batch, seq, hidden]`, hidden = heads d
 * @param bias added to the scores, broadcast to `[batch, heads, seq, keys]`
 * @param scale 1 / sqrt(d) unless given
 * @param seen what stands in for the probabilities `[batch, heads, seq, keys]`
 * @returns `[batch, seq, hidden]`
 */
export function attend(q: Tensor, { keys, values }: KeysValues, bias?: Tensor, scale?: number, seen: (p: Tensor) => Tensor = (p) => p): Tensor {
  const [batch, seq, hidden] = q.shape as [number, number, number], heads = keys.shape[1]!;
  const scores = tf.matMul(splitHeads(tf.mul(q, scale ?? 1 / Math.sqrt(hidden / heads)), heads), keys, false, true); // [batch, heads, seq, keys]
  const mixed = tf.matMul(seen(softmax(bias ? tf.add(scores, bias) : scores)), values);
  return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch, seq, hidden]);
}

/**
 * Multi-head attention softmax(q kᵀ / sqrt(d) + bias) v.
 *
 * @param q `[batch, seq, hidden]`, k and v likewise; hidden = heads d
 * @param bias added to the scores, broadcast to `[batch, heads, seq, seq]`
 * @returns `[batch, seq, hidden]`
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, heads: number, bias?: Tensor, seen?: (p: Tensor) => Tensor): Tensor {
  return attend(q, { keys: splitHeads(k, heads), values: splitHeads(v, heads) }, bias, undefined, seen);
}

/** Bias that hides padded keys: `[batch, seq]` of 1 and 0 -> `[batch, 1, 1, seq]` of 0 and -1e9. */
export function paddingBias(mask: Tensor2D): Tensor {
  const [batch, seq] = mask.shape;
  return tf.reshape(tf.mul(tf.sub(1, tf.cast(mask, 'float32')), HIDDEN), [batch, 1, 1, seq]);
}

/**
 * Bias that hides later positions, and padded ones if a mask is given: `[1 or batch, 1, seq, past + seq]`.
 *
 * @param mask `[batch, past + seq]`
 * @param past tokens read before these `seq`, all visible to them
 */
export function causalBias(seq: number, mask?: Tensor2D, past = 0): Tensor {
  const later = tf.mul(tf.sub(1, tf.linalg.bandPart(tf.ones([seq, past + seq]), -1, past)), HIDDEN);
  const causal = tf.reshape(later, [1, 1, seq, past + seq]);
  return mask ? tf.minimum(causal, paddingBias(mask)) : causal;
}
