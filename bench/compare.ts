// What series of runs say of one another.
import { ZsaqError } from '../src/core/error';
import type { Precision } from '../src/core/kernels';
import type { Mode, Turn } from './protocol';

/** One side's times in milliseconds, the largest resident memory of its process while it ran, and that of its libraries before any work. */
export interface Side { median: number; minimum: number; peakBytes: number; libraryBytes: number }

/** One line of the benchmark: below 1 we are faster. */
export interface Ratio {
  name: string;
  shape: string;
  /** ours, and how PyTorch computed */
  precision: { ours: Precision; pytorch: Mode };
  ours: Side;
  pytorch: Side;
  /** ours.median / pytorch.median */
  ratio: number;
  /** largest relative difference of the answers from equal starting values */
  difference: number;
  runs: number;
  /** largest share of the cores that other processes used during a turn; null where it cannot be told */
  others: number | null;
  /** further numbers of the case, such as the share of time inside the backend */
  extras?: Record<string, number>;
}

export function median(values: readonly number[]): number {
  if (!values.length) throw new RangeError('the median of nothing');
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Times and memory of a series. */
export function summarize(turns: readonly Turn[], libraryBytes: number): Side {
  const ms = turns.flatMap((t) => t.ms);
  return { median: median(ms), minimum: Math.min(...ms), peakBytes: Math.max(...turns.map((t) => t.peakBytes)), libraryBytes };
}

/**
 * Largest relative difference of two answers; no time is believed before it is small.
 *
 * @throws ZsaqError 'mismatch' if it is above the tolerance or no number
 */
export function agree(name: string, ours: readonly number[], pytorch: readonly number[], tolerance: number): number {
  const off = ours.length === pytorch.length ? Math.max(...ours.map((x, i) => Math.abs(x - pytorch[i]) / Math.max(Math.abs(pytorch[i]), 1e-12))) : Infinity;
  if (!(off <= tolerance)) {
    throw new ZsaqError('mismatch', `benchmark ${name}: our answer ${ours.join(', ')} is not PyTorch's ${pytorch.join(', ')} (tolerance ${tolerance}): times of different work are not compared`);
  }
  return off;
}

/**
 * A SAM-SGA step is a student step on a drawn batch, and every `every` steps an ascent of the generator: their weighted sum, for each
 * shape and mode of which all three were timed. Its peak is the largest of the three.
 */
export function wholeSteps(ratios: readonly Ratio[], every: number): Ratio[] {
  return ratios.filter((r) => r.name === 'step').flatMap((step) => {
    const partOf = (name: string) => ratios.find((r) => r.name === name && r.shape === step.shape && r.precision.pytorch === step.precision.pytorch);
    const draw = partOf('draw'), ascent = partOf('ascent');
    if (!draw || !ascent) return [];
    const parts = [step, draw, ascent], sum = (side: 'ours' | 'pytorch'): Side => {
      const [a, b, c] = parts.map((r) => r[side]), add = (field: 'median' | 'minimum') => a[field] + b[field] + c[field] / every;
      return { median: add('median'), minimum: add('minimum'), peakBytes: Math.max(...[a, b, c].map((s) => s.peakBytes)), libraryBytes: a.libraryBytes };
    };
    const ours = sum('ours'), pytorch = sum('pytorch'), others = parts.map((r) => r.others);
    return [{ ...step, name: 'samSga', ours, pytorch, ratio: ours.median / pytorch.median, difference: Math.max(...parts.map((r) => r.difference)),
      others: others.includes(null) ? null : Math.max(...others as number[]), extras: undefined }];
  });
}
