// Is one method better than another? Resampled over examples, the same ones for both, and over the seeds of each.
import { createHash } from 'node:crypto';
import { Stream } from '../../src/index';

/** The contributions of one method to one task: a list of values for each seed, of equal length. */
export interface Sample { kind: 'correct' | 'pseudovalue' | 'nll'; seeds: readonly Float32Array[] }

/** A task with both methods on it. */
export interface Pair { task: string; ours: Sample; theirs: Sample }

/** Mean difference with the interval that holds 95 % of the resampled ones. */
export interface Interval { gain: number; low: number; high: number; resamples: number }

const LEVEL = 0.95;

/**
 * Score of ours minus theirs, averaged over tasks, with a paired bootstrap interval (percentile; Efron and Tibshirani 1993): each resample
 * draws examples with replacement, the same for both methods, and seeds of each method. Of running text, perplexity, of which less is
 * better: the difference is theirs minus ours.
 *
 * @returns undefined without tasks
 */
export function pairedBootstrap(pairs: readonly Pair[], resamples = 1000, seed = 0): Interval | undefined {
  if (!pairs.length) return undefined;
  const key = keyOf(pairs, resamples, seed), found = known.get(key) ?? resampled(pairs, resamples, seed);
  known.set(key, found);
  return { ...found };
}

/** Several tables ask for the same comparison; by what is compared. */
const known = new Map<string, Interval>();

function keyOf(pairs: readonly Pair[], resamples: number, seed: number): string {
  const hash = createHash('sha256').update(JSON.stringify([resamples, seed, pairs.map(({ task, ours, theirs }) => [task, ours.kind, theirs.kind, ours.seeds.map((s) => s.length), theirs.seeds.map((s) => s.length)])]));
  for (const { ours, theirs } of pairs) for (const s of [...ours.seeds, ...theirs.seeds]) hash.update(new Uint8Array(s.buffer, s.byteOffset, s.byteLength));
  return hash.digest('hex');
}

function resampled(pairs: readonly Pair[], resamples: number, seed: number): Interval {
  const stream = new Stream('bootstrap', seed), all = (s: Sample): number[] => s.seeds.map((_, i) => i);
  const draw = (n: number): Int32Array => {
    const out = new Int32Array(n);
    for (let i = 0; i < n; i++) out[i] = Math.floor((stream.uint32() / 2 ** 32) * n);
    return out;
  };
  const gain = average(pairs.map((p) => difference(p, undefined, all(p.ours), all(p.theirs))));
  const drawn = Float64Array.from({ length: resamples }, () => average(pairs.map((p) => (
    difference(p, draw(p.ours.seeds[0].length), [...draw(p.ours.seeds.length)], [...draw(p.theirs.seeds.length)]))))).sort();
  const at = (share: number): number => drawn[Math.min(resamples - 1, Math.max(0, Math.round(share * (resamples - 1))))];
  return { gain, low: at((1 - LEVEL) / 2), high: at((1 + LEVEL) / 2), resamples };
}

const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** On the metric's scale: accuracy and correlations in points, perplexity as it is. */
function difference({ ours, theirs }: Pair, examples: Int32Array | undefined, a: readonly number[], b: readonly number[]): number {
  const score = ({ kind, seeds }: Sample, chosen: readonly number[]): number => average(chosen.map((s) => {
    const mean = meanOf(seeds[s], examples);
    return kind === 'nll' ? -Math.exp(mean) : 100 * mean;
  }));
  return score(ours, a) - score(theirs, b);
}

function meanOf(values: Float32Array, examples: Int32Array | undefined): number {
  let sum = 0;
  if (!examples) for (let i = 0; i < values.length; i++) sum += values[i];
  else for (let i = 0; i < examples.length; i++) sum += values[examples[i]];
  return sum / values.length;
}
