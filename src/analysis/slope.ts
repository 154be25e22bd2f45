import { Stream } from '../core/random';

/** A line through points in logarithms: value = exp(intercept) T^slope, with the interval that holds 95 % of the bootstrap's slopes. */
export interface Slope { slope: number; intercept: number; low: number; high: number }

const mean = (a: readonly number[]): number => a.reduce((s, b) => s + b, 0) / a.length;

/** Least squares of log y over log x. */
export function logLogFit(x: readonly number[], y: readonly number[]): { slope: number; intercept: number } { return fitOver(x)(y); }

/** Fits over the same x: what depends on it alone is computed once. */
function fitOver(x: readonly number[]): (y: readonly number[]) => { slope: number; intercept: number } {
  const u = x.map(Math.log), mu = mean(u), spread = u.reduce((s, a) => s + (a - mu) ** 2, 0);
  return (y) => {
    const v = y.map(Math.log), mv = mean(v), slope = u.reduce((s, a, i) => s + (a - mu) * (v[i] - mv), 0) / spread;
    return { slope, intercept: mv - slope * mu };
  };
}

/**
 * The slope of the mean over seeds, with a bootstrap over seeds at each T (Efron 1979): the interval says what other seeds could have
 * given, and nothing of a bend in the curve.
 *
 * @param values `[T][seed]`  @param draws resamples
 */
export function bootstrapSlope(x: readonly number[], values: readonly (readonly number[])[], draws = 1000, seed = 0): Slope {
  const random = new Stream('bootstrap', seed), fit = fitOver(x);
  const slopes = new Float64Array(draws);
  for (let k = 0; k < draws; k++) slopes[k] = fit(values.map((row) => mean(row.map(() => random.pick(row))))).slope;
  slopes.sort();
  const quantile = (q: number) => slopes[Math.round(q * (draws - 1))];
  return { ...fit(values.map(mean)), low: quantile(0.025), high: quantile(0.975) };
}
