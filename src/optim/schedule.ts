import { ZsaqError } from '../core/error';

/** How a rate (or SAM's radius) changes over the steps of a run. */
export interface Schedule {
  /** shape of the decay after the warm-up */
  kind: 'constant' | 'linear' | 'cosine';
  /** share of the steps over which the rate rises linearly from 0 */
  warmup: number;
  /** share of the peak that is left at the end */
  floor: number;
}

/**
 * Share of the peak rate at step t of T (t from 0): t' = (t + 1) / (warmup T) while warming up, then from 1 to `floor`
 * along a line or half a cosine.
 *
 * @throws ZsaqError 'range' for fewer than one step
 */
export function rateAt({ kind, warmup, floor }: Schedule, step: number, steps: number): number {
  if (!(steps >= 1)) throw new ZsaqError('range', `${steps} steps: at least one is needed`);
  const rising = Math.round(warmup * steps);
  if (step < rising) return (step + 1) / rising;
  const progress = Math.min(1, (step - rising) / Math.max(1, steps - rising));
  if (kind === 'constant') return 1;
  const left = kind === 'linear' ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2;
  return floor + (1 - floor) * left;
}
