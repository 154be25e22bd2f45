import { Stream } from '../../core/random';
import { pearson, spearman } from '../../eval/metrics';

/** Spearman's rank correlation with the 95 % interval of a bootstrap over the points. */
export interface Correlation { rho: number; low: number; high: number; points: number }

/** @returns null for fewer than four points, or values that do not differ */
export function rankCorrelation(x: readonly number[], y: readonly number[], draws = 1000): Correlation | null {
  const n = x.length;
  if (n < 4) return null;
  const rho = spearman(x, y), random = new Stream('correlation', 0), found: number[] = [];
  if (!Number.isFinite(rho)) return null;
  const at = new Int32Array(n), ofX = resampledRanks(x), ofY = resampledRanks(y);
  for (let k = 0; k < draws; k++) {
    for (let i = 0; i < n; i++) at[i] = random.int(n);
    const value = pearson(ofX(at), ofY(at));
    if (Number.isFinite(value)) found.push(value);
  }
  found.sort((a, b) => a - b);
  return { rho, low: found[Math.round(0.025 * (found.length - 1))], high: found[Math.round(0.975 * (found.length - 1))], points: n };
}

/** Ranks of the values at some places, the average for ties. Sorted once for all draws: a draw only counts how often it has each value. */
function resampledRanks(x: readonly number[]): (at: Int32Array) => Float64Array {
  const values = [...new Set(x)].sort((a, b) => a - b), order = new Map(values.map((v, i) => [v, i])), place = x.map((v) => order.get(v)!);
  const counts = new Int32Array(values.length), rank = new Float64Array(values.length), out = new Float64Array(x.length);
  return (at) => {
    counts.fill(0);
    for (const i of at) counts[place[i]]++;
    for (let v = 0, below = 0; v < counts.length; below += counts[v++]) rank[v] = below + (counts[v] + 1) / 2;
    for (let i = 0; i < at.length; i++) out[i] = rank[place[at[i]]];
    return out;
  };
}

/** In words: which way, and whether the interval leaves out zero. */
export function correlationWords(c: Correlation | null): string {
  if (!c) return 'not defined';
  return `${c.rho.toFixed(2)} [${c.low.toFixed(2)}, ${c.high.toFixed(2)}]${c.low > 0 || c.high < 0 ? '' : ', which cannot be told from none'}`;
}
