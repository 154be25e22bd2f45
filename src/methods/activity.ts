import { mean } from '../core/statistics';
import type { Entry } from './method';

/** Below this rise of the divergence a perturbation tests nothing. */
export const INACTIVE = 0.01;

/** Mean of (L(w + eps) - L(w)) / L(w) over the steps with SAM; null if there are none. */
export function meanSharpness(history: readonly Entry[]): number | null {
  const found = history.flatMap(({ sharpness }) => sharpness ?? []);
  return found.length ? mean(found) : null;
}

/** A sentence on a run whose beta was too small to matter, else nothing: its result is that of plain AdamW. */
export function samWarning(sharpness: number | null): string {
  if (sharpness === null || sharpness >= INACTIVE) return '';
  return `SAM inactive: its perturbation raised the divergence by ${(100 * sharpness).toFixed(2)}% on average, less than ${100 * INACTIVE}%; try a larger --set beta=\n`;
}
