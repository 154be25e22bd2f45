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
    const covering = coveringScale(groups, spec);
    // fitted in units of the covering scale, so that squares of huge or tiny weights stay numbers
    const scale = spec.scale === 'absmax' ? covering : spec.scale === 'twn' ? ternaryScale(groups)
      : tf.mul(fitScale(tf.div(groups, covering), spec), covering);
    return { scale: tf.maximum(scale, TINY) as Tensor2D, zero } as Affine;
  });
}

/** Smallest scale that clips nothing: max |w| / high, and 2 max |w| / 2^b on the stretched grid, whose cells end half a step further out. */
function coveringScale(groups: Tensor2D, spec: QuantSpec): Tensor2D {
  const { high, zero } = codeRange(spec);
  const steps = spec.grid === 'stretched' ? zero + 0.5 : high;
  return tf.maximum(tf.div(tf.max(tf.abs(groups), 1, true), steps), TINY) as Tensor2D;
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

/** The range [min, max] (with zero in it), or for `mse` the best shrunken one; the zero point is a whole code. */
function fitAsymmetric(groups: Tensor2D, spec: QuantSpec): Affine {
  const { high } = codeRange(spec);
  const bottom = tf.minimum(tf.min(groups, 1, true), 0), top = tf.maximum(tf.max(groups, 1, true), 0);
  const at = (share: number) => {
    const scale = tf.maximum(tf.div(tf.mul(tf.sub(top, bottom), share), high), TINY);
    return { scale, zero: tf.clipByValue(tf.round(tf.div(tf.mul(bottom, -share), scale)), 0, high) };
  };
  let best = at(1);
  if (spec.scale === 'absmax') return best as Affine;
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
