import { tf } from '../core/backend';
import { tidy } from '../core/memory';
import { toGroups, type Affine } from './affine';
import { codeRange, type QuantSpec } from './spec';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** A group of zeros gets this scale: its codes are then zero (or the two levels next to it), never NaN. */
const TINY = 1e-30;
/** Candidates for the fitted scale, as shares of the covering one, and rounds of least squares after them. */
const CANDIDATES = 32, SMALLEST = 0.1, REFINEMENTS = 4;

/**
 * Scale and zero point of every group by the specification's rule. The caller owns both tensors.
 *
 * @param w `[..., n]`  @returns `[groups, 1]` each; scales positive
 */
export function fitAffine(w: Tensor, spec: QuantSpec, name?: string): Affine {
  return tidy(() => {
    const groups = toGroups(w, spec.granularity, name);
    if (spec.grid === 'asymmetric') return fitAsymmetric(groups, spec);
    const zero = tf.fill([groups.shape[0], 1], codeRange(spec).zero) as Tensor2D;
    const covering = coveringScale(spec.scale === 'percentile' ? upper(tf.abs(groups) as Tensor2D, spec) : tf.max(tf.abs(groups), 1, true), spec);
    // fitted in units of the covering scale, so that squares of huge or tiny weights stay numbers
    const scale = spec.scale === 'absmax' || spec.scale === 'percentile' ? covering : spec.scale === 'twn' ? ternaryScale(groups)
      : tf.mul(fitScale(tf.div(groups, covering), spec), covering);
    return { scale: tf.maximum(scale, TINY) as Tensor2D, zero } as Affine;
  });
}

/** Smallest scale that clips nothing up to `most`: most / high, and 2 most / 2^b on the stretched grid, whose cells end half a step further out. */
function coveringScale(most: Tensor, spec: QuantSpec): Tensor2D {
  const { high, zero } = codeRange(spec);
  const steps = spec.grid === 'stretched' ? zero + 0.5 : high;
  return tf.maximum(tf.div(most, steps), TINY) as Tensor2D;
}

/** The value of each group that a share `percentile` of the others does not exceed: the k-th largest, k = 1 + floor((1 - percentile)(n - 1)). */
function upper(groups: Tensor2D, { percentile = 0.999 }: QuantSpec): Tensor2D {
  const [rows, n] = groups.shape, k = 1 + Math.floor((1 - percentile) * (n - 1) + 1e-9);
  return tf.slice(tf.topk(groups, k).values as Tensor2D, [0, k - 1], [rows, 1]);
}

/** TWN: s = mean of |w| over |w| > 0.7 mean |w|. */
function ternaryScale(groups: Tensor2D): Tensor2D {
  const magnitude = tf.abs(groups), over = tf.cast(tf.greater(magnitude, tf.mul(tf.mean(magnitude, 1, true), 0.7)), 'float32');
  return tf.divNoNan(tf.sum(tf.mul(magnitude, over), 1, true), tf.sum(over, 1, true)) as Tensor2D;
}

/** argmin_s ||w - s (c(s) - z)||^2: best of a geometric grid of scales, then alternating least squares s = <w, c - z> / <c - z, c - z>. */
function fitScale(groups: Tensor2D, spec: QuantSpec): Tensor2D {
  const { low, high, zero } = codeRange(spec);
  const levels = (s: Tensor2D) => tf.sub(tf.clipByValue(tf.round(tf.add(tf.div(groups, s), zero)), low, high), zero);
  const error = (s: Tensor2D) => tf.sum(tf.square(tf.sub(groups, tf.mul(levels(s), s))), 1, true);
  const covering = tf.ones([groups.shape[0], 1]) as Tensor2D;
  let best = covering, least = error(covering);
  const tryScale = (s: Tensor2D) => {
    [best, least] = tidy(() => {
      const e = error(s), better = tf.less(e, least);
      return [tf.where(better, s, best), tf.where(better, e, least)] as [Tensor2D, Tensor];
    });
  };
  for (let i = 1; i < CANDIDATES; i++) tryScale(tf.mul(covering, SMALLEST ** (i / (CANDIDATES - 1))) as Tensor2D);
  for (let i = 0; i < REFINEMENTS; i++) {
    tryScale(tidy(() => {
      const c = levels(best), square = tf.sum(tf.square(c), 1, true);
      return tf.maximum(tf.divNoNan(tf.sum(tf.mul(groups, c), 1, true), square), TINY) as Tensor2D;
    }));
  }
  return best;
}

/** The range [min, max] (with zero in it), that of the percentiles, or for `mse` the best shrunken one; the zero point is a whole code. */
function fitAsymmetric(groups: Tensor2D, spec: QuantSpec): Affine {
  const { high } = codeRange(spec), ends = spec.scale === 'percentile';
  const bottom = tf.minimum(ends ? tf.neg(upper(tf.neg(groups) as Tensor2D, spec)) : tf.min(groups, 1, true), 0);
  const top = tf.maximum(ends ? upper(groups, spec) : tf.max(groups, 1, true), 0);
  const at = (share: number) => {
    const scale = tf.maximum(tf.div(tf.mul(tf.sub(top, bottom), share), high), TINY);
    return { scale, zero: tf.clipByValue(tf.round(tf.div(tf.mul(bottom, -share), scale)), 0, high) };
  };
  let best = at(1);
  if (spec.scale !== 'mse') return best as Affine;
  const error = ({ scale, zero }: typeof best) => {
    const codes = tf.clipByValue(tf.round(tf.add(tf.div(groups, scale), zero)), 0, high);
    return tf.sum(tf.square(tf.sub(groups, tf.mul(tf.sub(codes, zero), scale))), 1, true);
  };
  let least = error(best);
  for (let i = 1; i < CANDIDATES; i++) {
    const next = at(1 - (i * (1 - SMALLEST)) / (CANDIDATES - 1)), e = error(next), better = tf.less(e, least);
    best = { scale: tf.where(better, next.scale, best.scale), zero: tf.where(better, next.zero, best.zero) };
    least = tf.where(better, e, least);
  }
  return best as Affine;
}
