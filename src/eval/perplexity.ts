import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import type { Params } from '../core/tree';
import type { Model } from '../models/model';
import type { Hooks } from '../nn/hooks';
import { windows } from '../text/batches';
import { METRIC_LABELS } from './metrics';
import { turn } from './turn';
import type { EvaluationCallbacks } from './task';

/** How a text is cut into windows, and how many are computed at once. */
export interface PerplexityOptions extends EvaluationCallbacks {
  /** predictions in a window, each from the tokens of the window before it */
  window?: number;
  /** below `window`: windows overlap and only the predictions that are new are counted */
  stride?: number;
  /** windows in a batch; by default as many as keep the logits within 256 MB */
  batch?: number;
  hooks?: Hooks;
}

/** exp of the mean negative log likelihood of a token, with what it was measured on. */
export interface PerplexityResult {
  metric: string;
  /** exp(nll) */
  score: number;
  /** predictions counted */
  examples: number;
  /** mean negative log likelihood of a token, in nats */
  nll: number;
  /** the same of each window, over the predictions that it counts */
  windows: Float32Array;
}

const LOGITS_BYTES = 256 * 2 ** 20;

/**
 * Perplexity exp(-1/n sum_i log p(x_i | x_<i within the window)) of a stream of ids. A window is `window + 1` ids: `window`
 * inputs and the ids after them as targets; a rest that fills no window is left out. Sums are float64 on the host.
 *
 * @throws ZsaqError 'mismatch' for a model that is no language model, 'range' for too few or foreign ids, 'cancelled'
 * @example (await perplexity(model, params, tokenStream(lines, tokenizer))).score // 157.27
 */
export async function perplexity(
  model: Model, params: Params, ids: ArrayLike<number>,
  { window = 128, stride = window, batch, hooks, onProgress, signal }: PerplexityOptions = {},
): Promise<PerplexityResult> {
  if (model.head.kind !== 'languageModel') throw new ZsaqError('mismatch', `perplexity needs a language model, but the model has a ${model.head.kind} head: choose a task that fits the model`);
  if (batch !== undefined && !(Number.isInteger(batch) && batch > 0)) throw new ZsaqError('range', `batch ${batch}: give a whole number of at least 1`);
  if (stride > window) throw new ZsaqError('range', `a stride of ${stride} leaves tokens out between windows of ${window}: give a stride of at most the window`);
  for (let i = 0; i < ids.length; i++) {
    if (!(ids[i] >= 0 && ids[i] < model.vocabSize)) throw new ZsaqError('range', `token id ${ids[i]} at place ${i} is outside the model's vocabulary of ${model.vocabSize}: use the model's own tokenizer`);
  }
  const all = windows(ids, window + 1, stride);
  if (!all.length) throw new ZsaqError('range', `${ids.length} tokens do not fill one window of ${window} predictions: give a longer text or a smaller window`);
  const rows = batch ?? Math.max(1, Math.floor(LOGITS_BYTES / (4 * window * model.vocabSize)));
  const means = new Float32Array(all.length);
  let sum = 0, examples = 0;
  for (let start = 0; start < all.length; start += rows) {
    await turn(signal);
    const part = all.slice(start, start + rows);
    const losses = await lossesOf(model, params, part, window, hooks);
    for (let row = 0; row < part.length; row++) {
      const first = start + row === 0 ? 0 : window - stride, before = sum;
      for (let i = first; i < window; i++) sum += losses[row * window + i];
      means[start + row] = (sum - before) / (window - first);
      examples += window - first;
    }
    onProgress?.({ done: start + part.length, total: all.length });
  }
  const nll = sum / examples;
  return { metric: METRIC_LABELS.perplexity, score: Math.exp(nll), examples, nll, windows: means };
}

/**
 * Perplexity of a word, exp(nll * tokens / words): comparable between tokenizers, which that of a token is not.
 *
 * @param nll mean negative log likelihood of a token, in nats
 * @param tokens tokens of the whole stream, of which the first has no prediction
 * @param words words of the text, with one end of line a line, as the published counts of WikiText and PTB have it
 * @example wordPerplexity(Math.log(2), 201, 100) // 4
 */
export function wordPerplexity(nll: number, tokens: number, words: number): number {
  if (!(tokens > 1 && words > 0)) throw new ZsaqError('range', `${tokens} tokens and ${words} words: per-word perplexity needs two tokens and a word at least`);
  return Math.exp(nll * (tokens - 1) / words);
}

async function lossesOf(model: Model, params: Params, part: readonly Int32Array[], window: number, hooks?: Hooks): Promise<Float32Array> {
  const losses = tf.tidy(() => {
    const cut = (from: number) => {
      const values = new Int32Array(part.length * window);
      part.forEach((w, row) => values.set(w.subarray(from, from + window), row * window));
      return values;
    };
    const ids = tf.tensor2d(cut(0), [part.length, window], 'int32') as Tensor2D;
    const logits = model.forward(params, { ids }, hooks).logits;
    return tokenLosses(tf.reshape(logits, [part.length * window, -1]) as Tensor2D, tf.tensor1d(cut(1), 'int32') as Tensor1D);
  });
  try { return await losses.data() as Float32Array; } finally { losses.dispose(); }
}

/**
 * -log softmax(logits)[target] of each row. Plain operations: TensorFlow's kernel for it also makes the gradient and takes four times as long.
 *
 * @param logits `[n, vocabulary]`  @param targets int32 `[n]`
 * @returns `[n]`
 */
export function tokenLosses(logits: Tensor2D, targets: Tensor1D): Tensor {
  return tf.tidy(() => {
    const [n, vocabulary] = logits.shape;
    const places = tf.add(tf.mul(tf.range(0, n, 1, 'int32'), tf.scalar(vocabulary, 'int32')), targets) as Tensor1D;
    return tf.sub(tf.logSumExp(logits, 1), tf.gather(tf.reshape(logits, [-1]), places));
  });
}
