// Min-max problems min_x max_y f(x, y) whose constants are known in closed form: where a claim about convergence can be tested.
import { Stream } from '../core/random';

/** A problem that is nonconvex in x, and in y obeys the Polyak-Lojasiewicz condition ||df/dy||^2 >= 2 mu (max f - f). */
export interface MinimaxProblem {
  name: string;
  title: string;
  source: string;
  /** where a run starts */
  start: { x: Float64Array; y: Float64Array };
  /** Lipschitz constant of the joint gradient; mu of the PL condition in y; kappa = smoothness / mu */
  smoothness: number;
  mu: number;
  /** E||noise||^2 = sigma^2 of each player's stochastic gradient */
  sigma: number;
  /** weights are clipped to [-range, range] by the quantizer */
  range: number;
  /** step-size ratio eta_y / eta_x below which descent-ascent leaves the solution, however small the steps; 0: there is none */
  criticalRatio: number;
  /** df/dx and df/dy, written to gx and gy */
  gradients(x: Float64Array, y: Float64Array, gx: Float64Array, gy: Float64Array): void;
  /** gradient of Phi(x) = max_y f(x, y), written to g */
  primalGradient(x: Float64Array, g: Float64Array): void;
}

/** One mode of a quadratic game: f = p u^2 / 2 + rho u v - q v^2 / 2 + c v. */
export interface Mode { p: number; rho: number; q: number; c?: number }

/**
 * A quadratic game f = x'Px / 2 + x'Ry - y'Qy / 2 + b'y with P = U diag(p) U', R = U diag(rho) V', Q = V diag(q) V', b = V c in random
 * orthogonal bases U, V. A mode of zeros makes it rank-deficient (PL, but not strongly concave), p < 0 nonconvex in x. Phi has the
 * curvatures p + rho^2 / q, and since a mode's flow u' = -p u - rho v, v' = ratio (rho u - q v) has trace -p - ratio q, it spirals
 * outwards below the ratio -p / q.
 */
export function quadraticGame(modes: readonly Mode[], start: number, about: Pick<MinimaxProblem, 'name' | 'title' | 'source' | 'sigma' | 'range'>): MinimaxProblem {
  const n = modes.length, random = new Stream(`minimax/${about.name}`, 0), u = orthogonal(n, random), v = orthogonal(n, random);
  const product = (left: Float64Array, of: (m: Mode) => number, right: Float64Array) => Float64Array.from({ length: n * n }, (_, at) => (
    modes.reduce((sum, mode, k) => sum + left[Math.floor(at / n) * n + k] * of(mode) * right[(at % n) * n + k], 0)));
  const ratio = (a: number, q: number) => (q > 0 ? a / q : 0);
  const P = product(u, (m) => m.p, u), R = product(u, (m) => m.rho, v), Rt = product(v, (m) => m.rho, u), Q = product(v, (m) => m.q, v);
  const H = product(u, (m) => m.p + ratio(m.rho ** 2, m.q), u), along = (basis: Float64Array, c: number[]) => Float64Array.from({ length: n }, (_, i) => c.reduce((sum, x, k) => sum + basis[i * n + k] * x, 0));
  const b = along(v, modes.map((m) => m.c ?? 0)), h = along(u, modes.map((m) => ratio(m.rho * (m.c ?? 0), m.q)));
  const spectral = ({ p, rho, q }: Mode) => Math.abs((p - q) / 2) + Math.hypot((p + q) / 2, rho);
  return {
    ...about, start: { x: along(u, modes.map(() => start)), y: new Float64Array(n) },
    smoothness: Math.max(...modes.map(spectral)), mu: Math.min(...modes.filter((m) => m.q > 0).map((m) => m.q)),
    criticalRatio: Math.max(0, ...modes.map((m) => ratio(-m.p, m.q))),
    gradients(x, y, gx, gy) {
      for (let i = 0, at = 0; i < n; i++) {
        let dx = 0, dy = b[i];
        for (let k = 0; k < n; k++, at++) {
          dx += P[at] * x[k] + R[at] * y[k];
          dy += Rt[at] * x[k] - Q[at] * y[k];
        }
        gx[i] = dx;
        gy[i] = dy;
      }
    },
    primalGradient(x, g) {
      for (let i = 0, at = 0; i < n; i++) {
        let sum = h[i];
        for (let k = 0; k < n; k++, at++) sum += H[at] * x[k];
        g[i] = sum;
      }
    },
  };
}

/** Orthogonal columns from Gaussian ones (Gram-Schmidt), row-major `[n, n]`. */
function orthogonal(n: number, random: Stream): Float64Array {
  const columns: number[][] = [];
  while (columns.length < n) {
    const column = Array.from({ length: n }, () => random.normal());
    for (const other of columns) {
      const dot = other.reduce((sum, x, i) => sum + x * column[i], 0);
      other.forEach((x, i) => { column[i] -= dot * x; });
    }
    const length = Math.hypot(...column);
    columns.push(column.map((x) => x / length));
  }
  return Float64Array.from({ length: n * n }, (_, at) => columns[at % n][Math.floor(at / n)]);
}

/**
 * Eight modes of rank and four of none; two of the eight are nonconvex in x, and only the maximizing player keeps them bounded. The
 * linear terms move the solution off zero, which every quantizer can represent.
 */
const GAME: Mode[] = [
  ...[1, 0.8, 0.6, 0.5, 0.4, 0.3].map((p) => ({ p, rho: 0.5, q: p, c: 1 })),
  { p: -0.5, rho: 0.6, q: 0.25, c: 0.3 }, { p: -0.25, rho: 0.5, q: 0.5, c: 0.3 }, ...Array.from({ length: 4 }, () => ({ p: 0, rho: 0, q: 0 })),
];

/** lambda of the robust least squares, eigenvalues of M and singular values of A: M has no rank in a third of the directions. */
const LAMBDA = 3, M = [1, 0.8, 0.6, 0.5, 0.4, 0.3, 0.25, 0.25, 0, 0, 0, 0], A = [1, 0.9, 1.1, 0.7, 1, 0.8, 0.9, 0.6, 1, 1, 1, 1];

/** The test problems by name. */
export const MINIMAX: Readonly<Record<string, MinimaxProblem>> = Object.fromEntries([
  quadraticGame(GAME, 1, { name: 'plGame', title: 'PL game, rank-deficient quadratics', source: 'Chen, Yao and Luo 2022, arXiv 2211.04092, with two modes nonconvex in x', sigma: 1, range: 2 }),
  // f = ||Ax - y||_M^2 - lambda ||y - y0||_M^2 with M = V diag(m) V', A = V diag(a) U', y0 = V (1, ..., 1)
  quadraticGame(M.map((m, i) => ({ p: 2 * m * A[i] ** 2, rho: -2 * m * A[i], q: 2 * (LAMBDA - 1) * m, c: 2 * LAMBDA * m })), 0, {
    name: 'robustLeastSquares', title: 'robust least squares, rank-deficient', source: 'Yang, Kiyavash and He 2020, arXiv 2002.09621', sigma: 2, range: 4,
  }),
  mcCormick(), sinusoid(),
].map((problem) => [problem.name, problem]));

/**
 * McCormick's function coupled to a strongly concave player:
 * f = sin(x1 + x2) + (x1 - x2)^2 - 1.5 x1 + 2.5 x2 + 1 + x'y - ||y||^2 / 2. The Hessian in x has 4 along (1, -1) and -2 sin(x1 + x2) along
 * (1, 1), so that the joint one has at most (3 + sqrt 29) / 2.
 */
function mcCormick(): MinimaxProblem {
  const own = (x: Float64Array, g: Float64Array): void => {
    const c = Math.cos(x[0] + x[1]), d = 2 * (x[0] - x[1]);
    g[0] = c + d - 1.5;
    g[1] = c - d + 2.5;
  };
  return {
    name: 'mcCormick', title: 'McCormick with noise', source: 'Li, Yang and He 2022, arXiv 2210.17478', sigma: 1, range: 4,
    start: { x: Float64Array.of(1, 2), y: Float64Array.of(0, 0) }, smoothness: (3 + Math.sqrt(29)) / 2, mu: 1,
    criticalRatio: 0, // at its stationary points the Hessian in x is positive
    gradients(x, y, gx, gy) {
      own(x, gx);
      for (let i = 0; i < 2; i++) {
        gx[i] += y[i];
        gy[i] = x[i] - y[i];
      }
    },
    primalGradient(x, g) {
      own(x, g);
      for (let i = 0; i < 2; i++) g[i] += x[i];
    },
  };
}

/** The solution of `sinusoid`, on no grid. */
const OFFSET = 0.3;

/**
 * f = u^2 + 3 sin^2 u sin^2 y - 4 y^2 - 10 sin^2 y with u = x - 0.3: PL in both players, convex and concave in neither. max_y is at y = 0: Phi = u^2.
 * f_yy reaches -28 and f_xy 3, f_xx at most 8 in size; mu by a grid over y of ||f_y||^2 / (2 (max f - f)) at the worst x, sin u = 0.
 */
function sinusoid(): MinimaxProblem {
  return {
    name: 'sinusoid', title: 'two-sided PL with sines', source: 'Yang, Kiyavash and He 2020, arXiv 2002.09621', sigma: 2, range: 4,
    start: { x: Float64Array.of(2), y: Float64Array.of(2) }, smoothness: 28.25, mu: 1.25, criticalRatio: 0,
    gradients(x, y, gx, gy) {
      const u = x[0] - OFFSET;
      gx[0] = 2 * u + 3 * Math.sin(2 * u) * Math.sin(y[0]) ** 2;
      gy[0] = (3 * Math.sin(u) ** 2 - 10) * Math.sin(2 * y[0]) - 8 * y[0];
    },
    primalGradient(x, g) { g[0] = 2 * (x[0] - OFFSET); },
  };
}
