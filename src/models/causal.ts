import { tf } from '../core/backend';
import { append, attend, causalBias, splitHeads, type KeysValues } from '../nn/attention';
import { inputShape, pastLength, range, type Inputs, type Output, type Past } from './model';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** One call of a causal model: where its tokens stand, whom they see, and what is kept of them. */
export interface CausalCall {
  /** int32 rows of the position table, `[seq]` or `[batch, seq]` */
  positions: Tensor;
  /** bias that hides later positions and padding */
  hiding: Tensor;
  /** attention of layer i over the past and these tokens; q, k, v `[batch, seq, hidden]` */
  attend(i: number, q: Tensor, k: Tensor, v: Tensor, heads: number, hiding: Tensor, scale?: number, seen?: (p: Tensor) => Tensor): Tensor;
  /** the states `[batch, seq or 1, hidden]` that the head reads */
  read(x: Tensor): Tensor;
  /** the output, with the past if it was asked for */
  output(logits: Tensor, hidden: Tensor[]): Output;
}

/**
 * What OPT and GPT-2 share. Positions count the real tokens, so that padding on either side changes nothing.
 *
 * @param first row of the position table that the first token reads
 */
export function causalCall(model: { maxLength: number }, inputs: Inputs, first: number): CausalCall {
  const [batch, seq] = inputShape(model, inputs), { mask, past } = inputs, before = pastLength(past);
  const hiding = causalBias(seq, mask, before), present: KeysValues[] = [];
  return {
    positions: mask ? counted(mask, before, first) : tf.add(range(seq), tf.scalar(first + before, 'int32')),
    hiding,
    attend(i, q, k, v, heads, bias, scale, seen) {
      present[i] = append(past?.[i], { keys: splitHeads(k, heads), values: splitHeads(v, heads) });
      return attend(q, present[i], bias, scale, seen);
    },
    read: (x) => (inputs.lastOnly ? tf.slice(x, [0, seq - 1, 0], [batch, 1, x.shape[2]!]) : x),
    output: (logits, hidden) => ({ logits, hidden, ...(past ? { past: present } : {}) }),
  };
}

/** Place of each real token among the real ones; padding reads the row before the first, as in transformers, or row 0. */
function counted(mask: Tensor, before: number, first: number): Tensor {
  const real = tf.cast(mask, 'float32'), all = tf.maximum(tf.add(tf.mul(tf.cumsum(real, 1), real), first - 1), 0);
  return tf.cast(before ? tf.slice(all, [0, before], [all.shape[0]!, all.shape[1]! - before]) : all, 'int32');
}

/** Gives the tensors of a past back. */
export function disposePast(past: Past | undefined): void {
  for (const { keys, values } of past ?? []) tf.dispose([keys, values]);
}
