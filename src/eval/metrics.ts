import { ZsaqError } from '../core/error';

type Numbers = ArrayLike<number>;

function checked(predictions: Numbers, labels: Numbers, least = 1): number {
  if (predictions.length !== labels.length) throw new ZsaqError('mismatch', `${predictions.length} predictions for ${labels.length} labels: give one of each per example`);
  if (labels.length < least) throw new ZsaqError('range', `${labels.length} examples are too few for this metric: give at least ${least}`);
  return labels.length;
}

/** Share of equal entries, as `sklearn.metrics.accuracy_score`. @throws ZsaqError 'mismatch' | 'range' */
export function accuracy(predictions: Numbers, labels: Numbers): number {
  const n = checked(predictions, labels);
  let right = 0;
  for (let i = 0; i < n; i++) if (predictions[i] === labels[i]) right++;
  return right / n;
}

/**
 * Binary F1 = 2 tp / (2 tp + fp + fn) of the class `positive`, as `sklearn.metrics.f1_score`; 0 where the class occurs neither
 * in the predictions nor in the labels.
 */
export function f1(predictions: Numbers, labels: Numbers, positive = 1): number {
  const n = checked(predictions, labels);
  let both = 0, either = 0;
  for (let i = 0; i < n; i++) {
    const p = predictions[i] === positive, l = labels[i] === positive;
    if (p && l) both++;
    either += Number(p) + Number(l);
  }
  return either === 0 ? 0 : 2 * both / either;
}

/**
 * Matthews correlation for any number of classes (Gorodkin 2004), as `sklearn.metrics.matthews_corrcoef`; 0 where all
 * predictions or all labels are one class (GLUE's convention).
 *
 * `(c s - sum_k p_k t_k) / sqrt((s^2 - sum_k p_k^2) (s^2 - sum_k t_k^2))` with s examples, c right ones, p_k predicted and
 * t_k true counts of class k.
 */
export function matthews(predictions: Numbers, labels: Numbers): number {
  const n = checked(predictions, labels);
  const predicted = new Map<number, number>(), truth = new Map<number, number>();
  let right = 0;
  for (let i = 0; i < n; i++) {
    predicted.set(predictions[i], (predicted.get(predictions[i]) ?? 0) + 1);
    truth.set(labels[i], (truth.get(labels[i]) ?? 0) + 1);
    if (predictions[i] === labels[i]) right++;
  }
  let cross = 0, p2 = 0, t2 = 0;
  for (const [k, count] of predicted) { cross += count * (truth.get(k) ?? 0); p2 += count * count; }
  for (const count of truth.values()) t2 += count * count;
  const spread = (n * n - p2) * (n * n - t2);
  return spread === 0 ? 0 : (right * n - cross) / Math.sqrt(spread);
}

/**
 * Pearson's correlation, as `scipy.stats.pearsonr`: NaN for constant input and for input with NaN.
 *
 * @throws ZsaqError 'range' for fewer than two examples
 */
export function pearson(x: Numbers, y: Numbers): number {
  checked(x, y, 2);
  const a = centred(x), b = centred(y);
  if (!a || !b) return NaN;
  let dot = 0;
  for (let i = 0; i < a.length; i++) dot += a[i] * b[i];
  return Math.max(-1, Math.min(1, dot));
}

/** x - mean(x) at length 1, or `undefined` where x is constant. Scaled first, so that squares neither overflow nor vanish. */
function centred(x: Numbers): Float64Array | undefined {
  const n = x.length;
  let constant = true, mean = 0;
  for (let i = 0; i < n; i++) {
    if (x[i] !== x[0]) constant = false;
    mean += x[i] / n;
  }
  if (constant) return undefined;
  const out = new Float64Array(n);
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, Math.abs(out[i] = x[i] - mean));
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (out[i] /= largest) ** 2;
  const length = Math.sqrt(squares);
  for (let i = 0; i < n; i++) out[i] /= length;
  return out;
}

/** Spearman's correlation: Pearson's of the ranks, ties sharing their average rank; as `scipy.stats.spearmanr`. */
export function spearman(x: Numbers, y: Numbers): number {
  const n = checked(x, y, 2);
  for (let i = 0; i < n; i++) if (Number.isNaN(x[i]) || Number.isNaN(y[i])) return NaN;
  return pearson(ranks(x), ranks(y));
}

/** Ranks from 1 on, the average for ties: `ranks([3, 1, 3]) // [2.5, 1, 2.5]`. */
export function ranks(x: Numbers): Float64Array {
  const sorted = Float64Array.from(x).sort(), out = new Float64Array(x.length);
  for (let i = 0; i < out.length; i++) out[i] = (firstAt(sorted, x[i], false) + firstAt(sorted, x[i], true) + 1) / 2;
  return out;
}

/** Index of the first entry that is not below the value, or of the first above it. */
function firstAt(sorted: Float64Array, value: number, above: boolean): number {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value || (above && sorted[middle] === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Mean of Pearson's and Spearman's correlation, GLUE's score for STS-B; NaN where either is. */
export function pearsonSpearman(x: Numbers, y: Numbers): number { return (pearson(x, y) + spearman(x, y)) / 2; }

/** Metrics of examples by name; each maps predictions and labels to a number of which 1 is the best. */
export const METRICS = {
  accuracy, f1, matthews, pearson, spearman, pearsonSpearman,
} as const satisfies Record<string, (predictions: Numbers, labels: Numbers) => number>;

/** A metric of examples, or the perplexity of a text. */
export type MetricName = keyof typeof METRICS | 'perplexity';

/** How a metric is called in tables and results. */
export const METRIC_LABELS: Readonly<Record<MetricName, string>> = {
  accuracy: 'accuracy', f1: 'F1', matthews: 'Matthews correlation', pearson: 'Pearson correlation', spearman: 'Spearman correlation',
  pearsonSpearman: 'mean of Pearson and Spearman', perplexity: 'perplexity',
};
