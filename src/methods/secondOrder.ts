// GPTQ's arithmetic in float64 on typed arrays: each row of a weight matrix for itself, and inner loops over neighbouring numbers.
import { ZsaqError } from '../core/error';

/**
 * The factor by which GPTQ spreads a column's error over the columns after it: upper triangular U with H^-1 = Uᵀ U, of the
 * damped H. From H = R Rᵀ with R upper triangular (a Cholesky factorization that begins at the last column) follows
 * U = R^-1, so that H itself is never inverted: two thirds n^3 operations.
 *
 * @param h symmetric, positive semidefinite `[n, n]`, row by row; overwritten by U
 * @param damp added to the diagonal, as a share of its mean
 * @throws ZsaqError 'nonFinite' for an H that is not finite
 */
export function inverseFactor(h: Float64Array, n: number, damp: number): Float64Array {
  let trace = 0;
  for (let i = 0; i < n; i++) trace += h[i * n + i];
  if (!Number.isFinite(trace)) throw new ZsaqError('nonFinite', 'the inputs of a layer are not finite: the weights are damaged');
  for (let i = 0; i < n; i++) h[i * n + i] += trace > 0 ? (damp * trace) / n : 1; // no input at all: every column for itself
  factorize(h, n);
  invertTriangle(h, n);
  return h;
}

/** R in place of H, zeros below. */
function factorize(h: Float64Array, n: number): void {
  for (let i = n - 1; i >= 0; i--) {
    for (let j = n - 1; j > i; j--) h[i * n + j] = (h[i * n + j] - dot(h, i * n, j * n, j + 1, n)) / h[j * n + j];
    const rest = h[i * n + i] - dot(h, i * n, i * n, i + 1, n);
    if (!(rest > 0)) throw new ZsaqError('nonFinite', 'the second moments of a layer\'s inputs are not positive definite: give a larger --set damp=');
    h[i * n + i] = Math.sqrt(rest);
    h.fill(0, i * n, i * n + i);
  }
}

/** sum over from <= k < to of h[a + k] h[b + k], in four sums that do not wait for each other. */
function dot(h: Float64Array, a: number, b: number, from: number, to: number): number {
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0, k = from;
  for (; k + 3 < to; k += 4) {
    s0 += h[a + k] * h[b + k];
    s1 += h[a + k + 1] * h[b + k + 1];
    s2 += h[a + k + 2] * h[b + k + 2];
    s3 += h[a + k + 3] * h[b + k + 3];
  }
  for (; k < to; k++) s0 += h[a + k] * h[b + k];
  return s0 + s1 + s2 + s3;
}

/** R^-1 in place of R: from the last row up, R_ii U_i = e_i - sum over k > i of R_ik U_k. */
function invertTriangle(r: Float64Array, n: number): void {
  const row = new Float64Array(n);
  for (let i = n - 1; i >= 0; i--) {
    row.fill(0);
    row[i] = 1;
    for (let k = i + 1; k < n; k++) {
      const share = r[i * n + k];
      if (share !== 0) for (let c = k; c < n; c++) row[c] -= share * r[k * n + c];
    }
    const diagonal = r[i * n + i];
    for (let c = i; c < n; c++) r[i * n + c] = row[c] / diagonal;
  }
}

/** A weight matrix on its way to codes; columns in the order in which they are rounded. */
export interface Rounding {
  /** `[rows, n]`, overwritten */
  w: Float64Array;
  rows: number;
  n: number;
  /** U of `inverseFactor`, for the same order of columns */
  factor: Float64Array;
  low: number;
  high: number;
  /** scales and zero points of the groups */
  scale: Float32Array;
  zero: Float32Array;
  /** group of row r and column j: `rowGroups` r + `columnGroup[j]` */
  rowGroups: number;
  columnGroup: Int32Array;
  /** columns whose error is spread over the rest together */
  block: number;
  /** called before each block: the weights as they are now may ask for other scales */
  onBlock?(start: number, end: number): void;
}

/** Rows that share each line of U while it is in the cache. */
const TOGETHER = 8;

/**
 * GPTQ's rounding: column j is rounded to nearest, and its error is made up for by the columns that are not rounded yet,
 *
 *   q = Q(w_j),  e = (w_j - q) / U_jj,  w_k <- w_k - e U_jk for k > j,
 *
 * within a block at once, beyond it when the block is done.
 *
 * @returns codes `[rows, n]`, the columns in the given order
 */
export function roundColumns(job: Rounding): Float32Array {
  const { w, rows, n, factor, low, high, scale, zero, rowGroups, columnGroup, block, onBlock } = job;
  const codes = new Float32Array(rows * n), errors = new Float64Array(rows * block);
  for (let start = 0; start < n; start += block) {
    const end = Math.min(n, start + block);
    onBlock?.(start, end);
    for (let r = 0; r < rows; r++) {
      for (let j = start; j < end; j++) {
        const group = r * rowGroups + columnGroup[j], s = scale[group], z = zero[group], at = r * n + j;
        const code = Math.min(high, Math.max(low, roundHalfEven(w[at] / s + z)));
        const e = (w[at] - s * (code - z)) / factor[j * n + j];
        codes[at] = code;
        errors[r * block + j - start] = e;
        for (let k = j + 1; k < end; k++) w[r * n + k] -= e * factor[j * n + k];
      }
    }
    spread(job, errors, start, end);
  }
  return codes;
}

/** W[:, end:] -= E U[start:end, end:], a few rows at a time. */
function spread({ w, rows, n, factor, block }: Rounding, errors: Float64Array, start: number, end: number): void {
  if (end === n) return;
  for (let first = 0; first < rows; first += TOGETHER) {
    const last = Math.min(rows, first + TOGETHER);
    for (let j = start; j < end; j++) {
      for (let r = first; r < last; r++) {
        const e = errors[r * block + j - start];
        for (let k = end; k < n; k++) w[r * n + k] -= e * factor[j * n + k];
      }
    }
  }
}

/** As TensorFlow, PyTorch and ONNX round. */
function roundHalfEven(x: number): number {
  const up = Math.round(x);
  return up - x === 0.5 && up % 2 !== 0 ? up - 1 : up;
}
