// Is one method better than another? Resampled over examples, the same ones for both, and, where there are several, over the seeds of each.
import { Stream } from '../../src/index';

/** The contributions of one method to one task: a list of values for each seed, of equal length. */
export interface Sample { kind: 'correct' | 'pseudovalue' | 'nll'; seeds: readonly Float32Array[] }

/** A task with both methods on it. */
export interface Pair { task: string; ours: Sample; theirs: Sample }

/** Mean difference with the interval that holds 95 % of the resampled ones. `error`: standard error of its ends, which another draw of resamples would move. */
export interface Interval { gain: number; low: number; high: number; error: number; resamples: number }

const LEVEL = 0.95;

/**
 * Score of ours minus theirs, averaged over tasks, with a paired bootstrap interval (percentile; Efron and Tibshirani 1993): each resample
 * draws a task's examples with replacement, the same for every method, and seeds of each side that has several, whose deviations are
 * widened by sqrt(n / (n - 1)), for n seeds drawn from n vary too little. A side of one seed says nothing of another
 * run of it. Of running text, perplexity, of which less is better: the difference is theirs minus ours.
 *
 * @returns undefined without tasks
 */
export function pairedBootstrap(pairs: readonly Pair[], resamples = 10_000, seed = 0): Interval | undefined {
  if (!pairs.length) return undefined;
  const whole = ({ kind, seeds }: Sample): number => average(seeds.map((values) => score(kind, meanOf(values)))), gain = average(pairs.map(({ ours, theirs }) => whole(ours) - whole(theirs)));
  const scores = ({ kind, seeds }: Sample, task: string): Float64Array[] => seeds.map((values) => resampledScores(kind, values, task, resamples, seed));
  const stream = new Stream('bootstrap/seeds', seed), drawn = new Float64Array(resamples);
  const add = (of: readonly Float64Array[], sign: number): void => {
    const [only] = of, n = of.length;
    if (n === 1) { for (let r = 0; r < resamples; r++) drawn[r] += sign * only[r]; return; }
    for (let r = 0; r < resamples; r++) {
      const all = average(of.map((values) => values[r]));
      drawn[r] += sign * (all + Math.sqrt(n / (n - 1)) * (average(of.map(() => of[below(stream, n)][r])) - all));
    }
  };
  for (const { task, ours, theirs } of pairs) add(scores(ours, task), 1), add(scores(theirs, task), -1);
  for (let r = 0; r < resamples; r++) drawn[r] /= pairs.length;
  drawn.sort();
  const at = (share: number): number => drawn[Math.min(resamples - 1, Math.max(0, Math.round(share * (resamples - 1))))];
  const tail = (1 - LEVEL) / 2, deviation = Math.sqrt(tail * (1 - tail) / resamples); // of the share of resamples below an end
  const error = Math.max(...[tail, 1 - tail].map((share) => (at(share + deviation) - at(share - deviation)) / 2));
  return { gain, low: at(tail), high: at(1 - tail), error, resamples };
}

/** On the metric's scale: accuracy and correlations in points, perplexity as it is, less being better. */
function score(kind: Sample['kind'], mean: number): number { return kind === 'nll' ? -Math.exp(mean) : 100 * mean; }

/** Drawn once for each task and resampled once for each list of values, as long as somebody holds it: a table compares each of its results with many. */
const draws = new Map<string, Uint8Array>(), resampled = new WeakMap<Float32Array, Map<string, Float64Array>>();

/** How often each example was drawn, one resample after the other: a byte is enough, for a count is about Poisson's with mean 1. */
function drawsOf(task: string, examples: number, resamples: number, seed: number): Uint8Array {
  return kept(draws, [task, examples, resamples, seed].join('/'), () => {
    const stream = new Stream(`bootstrap/${task}`, seed), out = new Uint8Array(resamples * examples);
    for (let r = 0; r < resamples; r++) for (let i = 0; i < examples; i++) out[r * examples + below(stream, examples)]++;
    return out;
  });
}

/** Score of the values in each resample of the task's examples. */
function resampledScores(kind: Sample['kind'], values: Float32Array, task: string, resamples: number, seed: number): Float64Array {
  const own = resampled.get(values) ?? new Map<string, Float64Array>();
  resampled.set(values, own);
  return kept(own, [kind, task, resamples, seed].join('/'), () => {
    const drawn = drawsOf(task, values.length, resamples, seed), out = new Float64Array(resamples);
    for (let r = 0, at = 0; r < resamples; r++, at += values.length) {
      let a = 0, b = 0, c = 0, d = 0, i = 0; // four sums that need not wait for each other: most of a report's time is spent here
      for (; i + 3 < values.length; i += 4) a += drawn[at + i] * values[i], b += drawn[at + i + 1] * values[i + 1], c += drawn[at + i + 2] * values[i + 2], d += drawn[at + i + 3] * values[i + 3];
      for (; i < values.length; i++) a += drawn[at + i] * values[i];
      out[r] = score(kind, (a + b + c + d) / values.length);
    }
    return out;
  });
}

function kept<T>(map: Map<string, T>, key: string, made: () => T): T {
  const value = map.get(key) ?? made();
  map.set(key, value);
  return value;
}

const below = (stream: Stream, n: number): number => Math.floor((stream.uint32() / 2 ** 32) * n);

export const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

function meanOf(values: Float32Array): number {
  let sum = 0;
  for (const v of values) sum += v;
  return sum / values.length;
}
