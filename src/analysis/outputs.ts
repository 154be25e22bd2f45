import { tf } from '../core/backend';
import { tidy } from '../core/memory';
import { mean } from '../core/statistics';
import { divergence, type DivergenceConfig } from '../train/divergence';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** What is compared: logits `[batch, labels]` or `[batch, seq, vocabulary]`, hidden states from the embeddings on. */
export interface Outputs { logits: Tensor; hidden: Tensor[] }

/** Two models on the same inputs. */
export interface OutputComparison {
  /** share of rows with the same largest logit */
  agreement: number;
  divergence: number;
  /** of each layer, embeddings first: mean over real tokens of ||h_Q - h_P||^2 / ||h_P||^2 */
  layers: number[];
  /** logits of the quantized model less those of the full-precision one, at most `kept` of them */
  differences: Float32Array;
}

/**
 * Compares a quantized model's outputs with the full-precision one's.
 *
 * @param mask `[batch, seq]`, 1 at real tokens
 */
export async function compareOutputs(quantized: Outputs, full: Outputs, mask: Tensor2D, config: DivergenceConfig, kept = 4096): Promise<OutputComparison> {
  const perToken = full.logits.rank === 3, found = tidy(() => {
    const rows = (x: Tensor): Tensor => tf.reshape(x, [-1, x.shape[x.rank - 1]!]), [q, p] = [rows(quantized.logits), rows(full.logits)];
    const weight = tf.cast(perToken ? tf.reshape(mask, [-1]) : tf.ones([p.shape[0]]), 'float32'), same = tf.cast(tf.equal(tf.argMax(q, 1), tf.argMax(p, 1)), 'float32');
    const layers = full.hidden.map((h, i) => {
      const error = tf.div(tf.sum(tf.squaredDifference(quantized.hidden[i], h), -1), tf.maximum(tf.sum(tf.square(h), -1), 1e-12)), real = tf.cast(mask, 'float32');
      return tf.div(tf.sum(tf.mul(error, real)), tf.maximum(tf.sum(real), 1));
    });
    return {
      numbers: tf.stack([tf.div(tf.sum(tf.mul(same, weight)), tf.sum(weight)), divergence(quantized, full, mask, config), ...layers]),
      differences: tf.slice(tf.reshape(tf.sub(q, p), [-1]), [0], [Math.min(kept, p.size)]),
    };
  });
  const [[agreement, d, ...layers], differences] = [[...await found.numbers.data()], Float32Array.from(await found.differences.data())];
  tf.dispose([found.numbers, found.differences]);
  return { agreement, divergence: d, layers, differences };
}

/** The mean of several comparisons, with all their differences. */
export function meanComparison(all: readonly OutputComparison[]): OutputComparison {
  const over = (of: (c: OutputComparison) => number) => mean(all.map(of)), differences = new Float32Array(all.reduce((n, c) => n + c.differences.length, 0));
  all.reduce((at, c) => { differences.set(c.differences, at); return at + c.differences.length; }, 0);
  return { agreement: over((c) => c.agreement), divergence: over((c) => c.divergence), layers: all[0].layers.map((_, i) => over((c) => c.layers[i])), differences };
}
