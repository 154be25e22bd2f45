import { Stream } from '../core/random';
import { mean } from '../core/statistics';

/** A line through points in logarithms: value = exp(intercept) T^slope, with the interval that holds 95 % of the bootstrap's slopes. */
export interface Slope { slope: number; intercept: number; low: number; high: number }

/** Least squares of log y over log x. */
export function logLogFit(x: readonly number[], y: readonly number[]): { slope: number; intercept: number } {
  const { mu, slopeOf } = fitOver(x), v = Float64Array.from(y, Math.log), slope = slopeOf(v);
  return { slope, intercept: mean(v) - slope * mu };
}

/** Fits over the same x: what depends on it alone is computed once. */
function fitOver(x: readonly number[]): { mu: number; slopeOf: (logY: Float64Array) => number } {
  const u = Float64Array.from(x, Math.log), mu = mean(u), spread = u.reduce((s, a) => s + (a - mu) ** 2, 0);
  const slopeOf = (v: Float64Array): number => {
    const mv = mean(v);
    let sum = 0;
    for (let i = 0; i < u.length; i++) sum += (u[i] - mu) * (v[i] - mv);
    return sum / spread;
  };
  return { mu, slopeOf };
}

/**
 * The slope of the mean over seeds, with a bootstrap over seeds at each T (Efron 1979): the interval says what other seeds could have
 * given, and nothing of a bend in the curve.
 *
 * @param values `[T][seed]`  @param draws resamples
 */
export function bootstrapSlope(x: readonly number[], values: readonly (readonly number[])[], draws = 1000, seed = 0): Slope {
  const random = new Stream('bootstrap', seed), { slopeOf } = fitOver(x), slopes = new Float64Array(draws), logs = new Float64Array(values.length);
  for (let k = 0; k < draws; k++) {
    for (let t = 0; t < values.length; t++) {
      let sum = 0;
      for (let i = 0; i < values[t].length; i++) sum += random.pick(values[t]);
      logs[t] = Math.log(sum / values[t].length);
    }
    slopes[k] = slopeOf(logs);
  }
  slopes.sort();
  const quantile = (q: number) => slopes[Math.round(q * (draws - 1))];
  return { ...logLogFit(x, values.map(mean)), low: quantile(0.025), high: quantile(0.975) };
}
