// What two series of runs say of one another.
import { ZsaqError } from '../src/core/error';
import type { Run } from './protocol';

/** One side's times in milliseconds and the largest memory of its process in bytes. */
export interface Side { median: number; minimum: number; peakBytes: number }

/** One line of the benchmark: below 1 we are faster. */
export interface Ratio {
  name: string;
  shape: string;
  /** ours, and that of PyTorch */
  precision: { ours: string; pytorch: string };
  ours: Side;
  pytorch: Side;
  /** ours.median / pytorch.median */
  ratio: number;
  /** largest relative difference of the answers of the first run */
  difference: number;
  runs: number;
}

export function median(values: readonly number[]): number {
  if (!values.length) throw new RangeError('the median of nothing');
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Times and memory of a series. */
export function summarize(runs: readonly Run[]): Side {
  const ms = runs.map((r) => r.ms);
  return { median: median(ms), minimum: Math.min(...ms), peakBytes: Math.max(...runs.map((r) => r.peakBytes)) };
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
