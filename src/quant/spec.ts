import { shown, ZsaqError } from '../core/error';

/** Widths of weights. */
export type Bits = 2 | 3 | 4 | 8;

/** One scale per tensor, per row (output channel) or per `group` consecutive weights of a row. */
export type Granularity = 'tensor' | 'row' | { group: number };

/**
 * The levels of a grid are s (c - z), c = low ... high:
 * - `symmetric`: c in +-(2^(b-1) - 1), z = 0: 2^b - 1 levels, each with its mirror image. At 2 bits three, -s 0 s (ternary).
 * - `stretched`: c in 0 ... 2^b - 1, z = (2^b - 1) / 2: all 2^b levels, none at zero. At 2 bits +-s/2, +-3s/2
 *   (SEQ of ParetoQ, Liu et al. 2025, arXiv 2502.02631).
 * - `asymmetric`: c in 0 ... 2^b - 1, z an integer per group: all levels where the values are, for one-sided ones. Zero is a level.
 *
 * A picture of each: src/quant/README.md.
 */
export type Grid = 'symmetric' | 'stretched' | 'asymmetric';

/**
 * How the scale follows from the values: `absmax` covers the largest (min and max on the asymmetric grid), `mse` minimizes
 * ||w - Q(w)||^2 per group, `percentile` covers a share of the values and clips the rest, `twn` is the ternary rule of Li et al. 2016
 * (arXiv 1605.04711): s = mean |w| over |w| > 0.7 mean |w|.
 */
export type ScaleRule = 'absmax' | 'mse' | 'percentile' | 'twn';

/** How one tensor is quantized. Frozen data: `learned` says whether training may move the scale (LSQ). */
export interface QuantSpec {
  readonly bits: Bits;
  readonly granularity: Granularity;
  readonly grid: Grid;
  readonly scale: ScaleRule;
  readonly learned: boolean;
  /** share of the values that the rule `percentile` covers, on either side; 0.999 if absent */
  readonly percentile?: number;
}

/**
 * How the input of a site is quantized: the specification of its values, with a group for each token (`row`), whose scale then follows
 * the token, or one for the site (`tensor`), whose scale calibration has fixed.
 */
export interface ActivationSpec extends QuantSpec {
  readonly granularity: 'row' | 'tensor';
  /** scale and zero point of a static one, once it is calibrated */
  readonly fixed?: { readonly scale: number; readonly zero: number };
}

/** Lowest and highest code; the zero point where it does not depend on the weights. */
export function codeRange({ bits, grid }: Pick<QuantSpec, 'bits' | 'grid'>): { low: number; high: number; zero: number } {
  if (grid === 'symmetric') {
    const high = 2 ** (bits - 1) - 1;
    return { low: -high, high, zero: 0 };
  }
  const high = 2 ** bits - 1;
  return { low: 0, high, zero: grid === 'stretched' ? high / 2 : 0 };
}

/** Refuses what cannot be: checked wherever a specification comes from outside. */
export function checkSpec(spec: QuantSpec): QuantSpec {
  if (![2, 3, 4, 8].includes(spec.bits)) throw new ZsaqError('range', `${shown(spec.bits)} bits: weights take 2, 3, 4 or 8`);
  if (!['symmetric', 'stretched', 'asymmetric'].includes(spec.grid)) throw new ZsaqError('usage', `grid ${shown(spec.grid)}: choose symmetric, stretched or asymmetric`);
  if (!['absmax', 'mse', 'percentile', 'twn'].includes(spec.scale)) throw new ZsaqError('usage', `scale rule ${shown(spec.scale)}: choose absmax, mse, percentile or twn`);
  if (spec.percentile !== undefined && !(spec.percentile > 0.5 && spec.percentile <= 1)) throw new ZsaqError('range', `percentile ${shown(spec.percentile)}: give a share above 0.5, at most 1`);
  if (spec.scale === 'twn' && (spec.bits !== 2 || spec.grid !== 'symmetric')) throw new ZsaqError('usage', 'scale rule twn belongs to the symmetric grid at 2 bits (ternary weights)');
  const g = spec.granularity;
  const known = g === 'tensor' || g === 'row' || (typeof g === 'object' && g !== null && Number.isInteger(g.group) && g.group >= 2);
  if (!known) throw new ZsaqError('usage', `granularity ${shown(g)}: choose "tensor", "row" or {"group": n} with n at least 2`);
  return spec;
}

/** Refuses an activation that cannot be. @throws ZsaqError also if it is static and has no scale */
export function checkActivation(spec: ActivationSpec, site: string): ActivationSpec {
  checkSpec(spec);
  const { granularity, grid, learned, fixed } = spec, sound = (granularity === 'row' || granularity === 'tensor') && grid !== 'stretched' && !learned && spec.scale !== 'twn';
  if (!sound) throw new ZsaqError('usage', `activations at ${site}: the grid is symmetric or asymmetric, the granularity row or tensor, the scale absmax, mse or percentile and never learned`);
  if (fixed && !(granularity === 'tensor' && fixed.scale > 0 && Number.isFinite(fixed.scale) && Number.isInteger(fixed.zero))) {
    throw new ZsaqError('format', `activations at ${site}: a fixed scale is a number above 0 with a whole zero point, for the granularity tensor`);
  }
  return spec;
}

/**
 * "W4A8" -> weight and activation bits; activations take 8 bits or none ("W4A16", "W4A32": not quantized).
 *
 * @throws ZsaqError 'range' for other widths
 */
export function parseBits(text: string): { weights: Bits; activations: 8 | null; name: string } {
  const m = /^W(\d+)A(\d+)$/i.exec(text);
  const weights = Number(m?.[1]), activations = Number(m?.[2]);
  if (!m || ![2, 3, 4, 8].includes(weights) || ![8, 16, 32].includes(activations)) {
    throw new ZsaqError('range', `bits ${shown(text)}: give W2A8, W3A8, W4A8 or W8A8 (A16 leaves activations alone)`);
  }
  return { weights: weights as Bits, activations: activations === 8 ? 8 : null, name: text.toUpperCase() };
}
