import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { addAll, klRows } from '../core/kernels';
import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** Kullback-Leibler from P to Q, Jensen-Shannon, mean absolute or mean squared difference of the logits. */
export type LogitsTerm = 'kl' | 'js' | 'l1' | 'mse';

/** D(P, Q): a term on the outputs and, weighted, one on the hidden states. */
export interface DivergenceConfig {
  /** term on the outputs; a one-logit regression head takes `mse` only */
  logits: LogitsTerm;
  /** temperature of the softmax; the term is multiplied by temperature^2 (Hinton et al. 2015) */
  temperature: number;
  /** weight of the layer-wise hidden-state term; 0 leaves it out */
  hidden: number;
}

/** The part of a model's output that is compared. */
interface Comparable { logits: Tensor; hidden: Tensor[] }

/**
 * D(P, Q) = logits term + lambda mean over layers of (mean over real tokens of ||h_Q - h_P||^2 / ||h_P||^2).
 * Two logits carry one degree of freedom, too few to teach a 2-bit student: hence the hidden states. The logits term,
 * averaged over examples (of a language model: over real tokens), with p, q the softmax at the temperature:
 * kl = sum p log(p / q) · js = (KL(p|m) + KL(q|m)) / 2, m = (p + q) / 2, at most log 2 · l1 = sum |p - q|, at most 2 ·
 * mse = mean (z_Q - z_P)^2.
 *
 * @param mask `[batch, seq]`, 1 at real tokens
 * @throws ZsaqError on a softmax divergence over one logit, which is identically zero
 */
export function divergence(student: Comparable, teacher: Comparable, mask: Tensor2D, config: DivergenceConfig): Scalar {
  const perToken = teacher.logits.rank === 3;
  if (teacher.logits.shape[teacher.logits.rank - 1] === 1) checkSingleLogit(config.logits);
  const terms = logitsTerm(student.logits, teacher.logits, config); // [batch] or [batch, seq]
  const output = perToken ? maskedMean(terms, mask) : tf.mean(terms);
  if (config.hidden === 0) return output as Scalar;
  const layers = teacher.hidden.slice(1).map((target, i) => {
    const error = tf.sum(tf.squaredDifference(student.hidden[i + 1], target), -1);
    const size = tf.maximum(tf.sum(tf.square(target), -1), 1e-12);
    return maskedMean(tf.div(error, size), mask);
  });
  return tf.add(output, tf.mul(addAll(layers), config.hidden / layers.length)) as Scalar;
}

/** @throws ZsaqError 'mismatch' on a softmax divergence, which is identically zero over one logit */
export function checkSingleLogit(logits: LogitsTerm): void {
  if (logits !== 'mse') throw new ZsaqError('mismatch', `divergence "${logits}" over a single logit is always zero: a regression head takes mse`);
}

function logitsTerm(student: Tensor, teacher: Tensor, { logits, temperature: t }: DivergenceConfig): Tensor {
  if (logits === 'mse') return tf.mean(tf.squaredDifference(student, teacher), -1);
  if (logits === 'kl') return klRows(student, teacher, t);
  const scale = t * t, logP = tf.logSoftmax(tf.div(teacher, t)), logQ = tf.logSoftmax(tf.div(student, t));
  const p = tf.exp(logP), q = tf.exp(logQ);
  if (logits === 'l1') return tf.mul(tf.sum(tf.abs(tf.sub(p, q)), -1), scale);
  const logM = tf.log(tf.maximum(tf.mul(tf.add(p, q), 0.5), 1e-30));
  const both = tf.add(tf.mul(p, tf.sub(logP, logM)), tf.mul(q, tf.sub(logQ, logM)));
  return tf.mul(tf.sum(both, -1), scale / 2);
}

function maskedMean(x: Tensor, mask: Tensor2D): Tensor {
  const weight = tf.cast(mask, 'float32');
  return tf.div(tf.sum(tf.mul(x, weight)), tf.maximum(tf.sum(weight), 1));
}
