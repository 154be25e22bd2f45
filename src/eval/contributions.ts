import { METRICS, type MetricName } from './metrics';

/**
 * What each example contributes to a score, in the order of the examples, so that two models are compared example by example:
 * `correct`: 1 or 0; `pseudovalue`: of a metric that is no mean, the jackknife's n m - (n - 1) m_{-i}, whose mean is close to it
 * (Efron and Tibshirani 1993, chapter 11; m itself of at most two examples, and where the metric is not defined without the one); `nll`: mean negative log likelihood of a window of text, in nats.
 */
export interface Contributions { kind: 'correct' | 'pseudovalue' | 'nll'; values: Float32Array }

/**
 * Contributions of examples to a metric.
 *
 * @param predictions and `labels` as `METRICS` takes them
 * @example contributions('accuracy', [1, 0], [1, 1]).values // [1, 0]
 */
export function contributions(name: MetricName, predictions: ArrayLike<number>, labels: ArrayLike<number>): Contributions {
  if (name === 'accuracy' || name === 'perplexity') return { kind: 'correct', values: Float32Array.from(labels, (label, i) => Number(predictions[i] === label)) };
  const metric = METRICS[name], n = labels.length, whole = metric(predictions, labels), [p, l] = [Array.from(predictions), Array.from(labels)];
  const without = (list: number[], i: number): number[] => [...list.slice(0, i), ...list.slice(i + 1)];
  const other = (i: number): number => (n > 2 ? metric(without(p, i), without(l, i)) : NaN);
  return { kind: 'pseudovalue', values: Float32Array.from(labels, (_, i) => { const m = other(i); return Number.isFinite(m) ? n * whole - (n - 1) * m : whole; }) };
}
