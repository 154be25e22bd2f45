import { Stream } from '../../core/random';
import { spearman } from '../../eval/metrics';

/** Spearman's rank correlation with the 95 % interval of a bootstrap over the points. */
export interface Correlation { rho: number; low: number; high: number; points: number }

/** @returns null for fewer than four points, or values that do not differ */
export function rankCorrelation(x: readonly number[], y: readonly number[], draws = 1000): Correlation | null {
  const n = x.length;
  if (n < 4) return null;
  const rho = spearman(x, y), random = new Stream('correlation', 0), found: number[] = [];
  if (!Number.isFinite(rho)) return null;
  for (let k = 0; k < draws; k++) {
    const at = Array.from({ length: n }, () => random.int(n)), value = spearman(at.map((i) => x[i]), at.map((i) => y[i]));
    if (Number.isFinite(value)) found.push(value);
  }
  found.sort((a, b) => a - b);
  return { rho, low: found[Math.round(0.025 * (found.length - 1))], high: found[Math.round(0.975 * (found.length - 1))], points: n };
}

/** In words: which way, and whether the interval leaves out zero. */
export function correlationWords(c: Correlation | null): string {
  if (!c) return 'not defined';
  return `${c.rho.toFixed(2)} [${c.low.toFixed(2)}, ${c.high.toFixed(2)}]${c.low > 0 || c.high < 0 ? '' : ', which cannot be told from none'}`;
}
