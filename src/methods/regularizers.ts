// What keeps the generator from collapse, added to the divergence that it ascends. All off by default: the paper names none.
import { tf } from '../core/backend';
import { operation } from '../core/grad';
import { addAll, gatherRows, matMul2, softmax } from '../core/kernels';
import { tidy } from '../core/memory';
import { maskOf } from './studentStep';
import type { Inputs } from '../models/model';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';

export interface RegularizerWeights { entropy: number; diversity: number; manifold: number }

/** What the regularizers read of one generated batch. */
export interface Generated {
  /** scaled logits over the candidates, `[batch * seq, candidates]`; absent where the adapter does not speak in tokens */
  logits?: Tensor2D;
  /** embeddings as teacher and student read them, `[batch, seq, embedding]` */
  embeds: Tensor;
  /** 1 where a generated token stands, 0 at special tokens and padding, `[batch, seq]` */
  words: Tensor2D;
  /** the teacher's word embedding table `[vocabulary, embedding]` */
  table: Tensor2D;
}

/** entropy weight H + diversity weight V - manifold weight M, to be ascended; a weight of 0 costs nothing. At least one is not. */
export function regularization(g: Generated, { entropy, diversity, manifold }: RegularizerWeights): Scalar {
  const terms: Tensor[] = [];
  if (entropy) terms.push(tf.mul(entropyOf(g.logits!), entropy));
  if (diversity) terms.push(tf.mul(diversityOf(g), diversity));
  if (manifold) terms.push(tf.mul(manifoldDistance(g), -manifold));
  return addAll(terms);
}

/** Mean entropy of the output distributions as a share of the largest possible one: H = -mean sum_c p_c log p_c / log n, in 0 ... 1. */
export function entropyOf(logits: Tensor2D): Scalar {
  const p = softmax(logits), bits = tf.neg(tf.sum(tf.mul(p, tf.logSoftmax(logits)), -1));
  return tf.div(tf.mean(bits), Math.log(logits.shape[1])) as Scalar;
}

/**
 * How much the examples of a batch differ: V = 1 - mean over i != j of cos(m_i, m_j), m_i the mean embedding of example i's words. Equal
 * examples give 0, opposite ones up to 1 + 1 / (batch - 1).
 */
export function diversityOf({ embeds, words }: Pick<Generated, 'embeds' | 'words'>): Scalar {
  const [batch, seq] = words.shape, means = tf.sum(tf.mul(embeds, tf.reshape(words, [batch, seq, 1])), 1) as Tensor2D; // a cosine does not see the count
  const unit = tf.div(means, tf.sqrt(tf.add(tf.sum(tf.square(means), 1, true), 1e-12)));
  const total = tf.sum(tf.square(tf.sum(unit, 0))), self = tf.sum(tf.square(unit)); // ||sum u||^2 holds every pair twice, and each with itself
  return tf.sub(1, tf.div(tf.sub(total, self), Math.max(1, batch * (batch - 1)))) as Scalar;
}

/**
 * Distance from the embedding manifold: M = mean over words of ||e - E_v||^2 / ||E_v||^2, E_v the nearest row of the teacher's table. Real
 * tokens have 0; mixtures and mapped states have more. The choice of v is a constant of the gradient.
 */
export function manifoldDistance({ embeds, words, table }: Pick<Generated, 'embeds' | 'words' | 'table'>): Scalar {
  const rows = tf.reshape(embeds, [-1, table.shape[1]]) as Tensor2D, weight = tf.reshape(words, [-1]);
  const distance = operation([rows], (save) => {
    const sizes = tf.sum(tf.square(table), 1), nearest = nearestRows(rows, table, sizes);
    const off = tf.sub(rows, gatherRows(table, nearest)), size = tf.reshape(tf.maximum(gatherRows(sizes, nearest), 1e-12), [-1, 1]);
    save([off, size]);
    return tf.div(tf.sum(tf.square(off), 1), tf.reshape(size, [-1]));
  }, (dy, [off, size]) => [() => tf.mul(tf.div(tf.mul(off, 2), size), tf.reshape(dy, [-1, 1]))]);
  return tf.div(tf.sum(tf.mul(distance, weight)), tf.maximum(tf.sum(weight), 1)) as Scalar;
}

/** int32 `[n]`: the row of the table that is nearest to each of `rows`, argmin_v ||E_v||^2 - 2 e.E_v. */
export function nearestRows(rows: Tensor2D, table: Tensor2D, sizes: Tensor = tf.sum(tf.square(table), 1)): Tensor1D {
  return tf.argMin(tf.sub(sizes, tf.mul(matMul2(rows, table, false, true), 2)), 1) as Tensor1D;
}

/** Where a batch of embeddings stands: the mean norm of its words as a share of the table's rows', and `manifoldDistance`. Null for tokens, which are rows of the table. */
export async function whereabouts(inputs: Inputs, table: Tensor2D): Promise<{ norm: number; distance: number } | null> {
  const { embeds } = inputs;
  if (!embeds) return null;
  const both = tidy(() => {
    const words = maskOf(inputs), norms = tf.norm(embeds, 2, 2);
    const norm = tf.div(tf.div(tf.sum(tf.mul(norms, words)), tf.sum(words)), tf.mean(tf.norm(table, 2, 1)));
    return tf.stack([norm, manifoldDistance({ embeds, words, table })]);
  });
  const [norm, distance] = await both.data();
  both.dispose();
  return { norm, distance };
}
