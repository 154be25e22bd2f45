// Differences in words: with their interval, with a mark where the two sides are not alike, and what may be said of them.
import type { Gap } from '../specs/spec';

/** `+0.31`, `-0.04`. */
export const signed = (x: number): string => `${x >= 0 ? '+' : '-'}${Math.abs(x).toFixed(2)}`;

/** `-0.65 to +0.34`. */
export const intervalText = ({ low, high }: Pick<Gap, 'low' | 'high'>): string => `${signed(low)} to ${signed(high)}`;

/** Beside a difference whose sides ran on different processors. */
export const APART = '†';
/** Why that matters. */
export const APART_WORDS = 'whose sums round differently: that weighs as much as another seed';
const mark = ({ apart }: Pick<Gap, 'apart'>): string => (apart ? ` ${APART}` : '');

/** A difference alone, with its mark. */
export const gainText = (gap: Gap): string => `${signed(gap.gain)}${mark(gap)}`;

/** A difference with its interval: `-0.15 (-0.65 to +0.34)`. */
export const gapText = (gap: Gap): string => `${signed(gap.gain)} (${intervalText(gap)})${mark(gap)}`;

/** Ends that a table shows as 0.00. */
const SHOWN_AS_ZERO = 0.005;

/** 1 or -1 where the whole interval lies on one side of 0, by more than its end is known and more than a table shows; else 0. */
export function sideOf({ low, high, error }: Pick<Gap, 'low' | 'high' | 'error'>): 1 | 0 | -1 {
  const least = Math.max(2 * error, SHOWN_AS_ZERO);
  return low > least ? 1 : high < -least ? -1 : 0;
}

/** What may be said of a difference: of the methods where each side has been run several times, else of these runs. */
export function told(gap: Gap): string {
  const side = sideOf(gap);
  if (!side) return gap.once ? 'not to be told apart in these runs' : 'not to be told from chance';
  return gap.once ? `${side > 0 ? 'ahead' : 'behind'} in these runs` : side > 0 ? 'better' : 'worse';
}

/** What a reader of several intervals must know of them: their number, and the mark where one has it. */
export function caution(gaps: readonly Gap[]): string {
  const many = gaps.length > 1 ? [`each of the ${gaps.length} intervals is for itself, and where nothing differs about one in 20 lies beside 0 nevertheless`] : [];
  const once = gaps.some((g) => g.once) ? ['where a side has one run, another run of it may differ by more than the interval'] : [];
  const apart = gaps.some((g) => g.apart) ? [`${APART} the sides ran on different processors, ${APART_WORDS}`] : [];
  return [...many, ...once, ...apart].join('; ');
}
