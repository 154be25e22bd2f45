// What a quantizer does to values, for figures and tables: no run computes with it.
import { tf } from '../core/backend';
import { tidy } from '../core/memory';
import { fakeQuantize, quantize, toGroups, type Affine } from './affine';
import { fitAffine } from './fit';
import { sizeBytes } from './plan';
import { codeRange, type QuantSpec } from './spec';
import { pullBack } from './ste';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/**
 * The levels s (c - z) of a grid, from the lowest to the highest.
 *
 * @param zero of the asymmetric grid, whose zero point depends on the values
 * @example levels({ bits: 2, grid: 'stretched' }) // [-1.5, -0.5, 0.5, 1.5]
 */
export function levels(spec: Pick<QuantSpec, 'bits' | 'grid'>, scale = 1, zero = codeRange(spec).zero): number[] {
  const { low, high } = codeRange(spec);
  return Array.from({ length: high - low + 1 }, (_, i) => scale * (low + i - zero));
}

/** A quantizer as a function of one weight. */
export interface Transfer { levels: number[]; quantized: Float32Array; gradient: Float32Array }

/**
 * Q(w) and the straight-through gradient dQ/dw over w: the staircase, and what training takes for its slope.
 *
 * @param values what the grid is fitted to, as one group  @param w where it is looked at
 * @example transfer({ bits: 2, grid: 'symmetric', scale: 'absmax', granularity: 'row', learned: false }, [-1, 1], [-1, 0.4, 0.6]).quantized // [-1, 0, 1]
 */
export function transfer(spec: QuantSpec, values: ArrayLike<number>, w: ArrayLike<number>): Transfer {
  return tidy(() => {
    const row = (x: ArrayLike<number>): Tensor2D => tf.tensor2d(Float32Array.from(x), [1, x.length]), one: QuantSpec = { ...spec, granularity: 'row' };
    const affine = fitAffine(row(values), one), at = row(w);
    return {
      levels: levels(spec, affine.scale.dataSync()[0], affine.zero.dataSync()[0]),
      quantized: fakeQuantize(at, affine, one).dataSync() as Float32Array,
      gradient: pullBack(at, affine, one, tf.onesLike(at)).w.dataSync() as Float32Array,
    };
  });
}

/** How far rounding moves a weight. */
export interface QuantError {
  /** ||w - Q(w)||^2 / ||w||^2 */
  total: number;
  /** the same of each row */
  rows: Float32Array;
  /** share of the weights at each level, from the lowest */
  shares: number[];
  /** bits that a weight takes, its part of the scales and zero points included */
  bitsPerWeight: number;
  /** w / s: the weights in units of their own scale */
  scaled: Float32Array;
}

/**
 * Rounds a weight to nearest and measures what that did.
 *
 * @param w `[out, in]`  @param shrink multiplies the scales that the rule finds
 * @throws ZsaqError 'mismatch' if its rows do not divide into the groups of the specification
 */
export function quantizationError(w: Tensor, spec: QuantSpec, shrink = 1): QuantError {
  return tidy(() => {
    const { scale, zero } = fitAffine(w, spec), affine: Affine = { scale: tf.mul(scale, shrink) as Tensor2D, zero }, { low, high } = codeRange(spec);
    const rows = (x: Tensor): Tensor => tf.sum(tf.square(tf.reshape(x, [x.shape[0], -1])), 1), size = rows(w), off = rows(tf.sub(w, fakeQuantize(w, affine, spec)));
    const counts = new Array<number>(high - low + 1).fill(0);
    for (const code of quantize(w, affine, spec).dataSync()) counts[code - low]++;
    return {
      total: tf.div(tf.sum(off), tf.sum(size)).dataSync()[0], rows: tf.div(off, tf.maximum(size, 1e-30)).dataSync() as Float32Array, shares: counts.map((n) => n / w.size),
      bitsPerWeight: 8 * sizeBytes({ w: w.shape }, { weights: { w: spec }, sites: [], activationBits: null }) / w.size,
      scaled: tf.div(toGroups(w, spec.granularity), affine.scale).dataSync() as Float32Array,
    };
  });
}
