// How fast SAM-SGA converges where that can be known: the paper's algorithm on min-max problems with known constants, in plain arrays.
import { Stream } from '../core/random';
import type { MinimaxProblem } from './minimax';

/** What of the algorithm is in the loop. */
export interface GameConfig {
  /** eta_y = rate / (smoothness sqrt(T)) */
  rate: number;
  /** eta_x = eta_y / ratio */
  ratio: number;
  /** radius of SAM: beta, or where it `decays` beta T^(-1/4), the slowest decay that costs no more than the noise; 0: no SAM */
  beta: number;
  decays: boolean;
  /** width of the quantizer of x, null: none */
  bits: number | null;
}

/** Plain descent-ascent: no SAM, no quantizer. */
export const gameDefaults: GameConfig = { rate: 5, ratio: 8, beta: 0, decays: true, bits: null };

/** Averages over a run, at the quantized parameters: the paper's measure (1/T) sum ||df/dx||^2, that of Phi, and that of both players. */
export interface Averages { student: number; primal: number; joint: number }

/** Beyond this a run has left for good. */
const DIVERGED = 1e12, CHECK_STEPS = 1024;

/**
 * T steps of descent-ascent, both players from the same point:
 *
 *   y <- y + eta_y (df/dy + noise);   eps = beta g / ||g||, g = df/dx(Q(x), y) + noise;   x <- x - eta_x (df/dx(Q(x) + eps, y) + noise)
 *
 * Gradients are taken at Q(x) and reach x straight through. Noise is +-sigma / sqrt(n) in each coordinate, which has exactly the
 * variance sigma^2 and costs one random bit.
 *
 * @returns averages over the T steps, infinite where the run diverged
 */
export function playGame(problem: MinimaxProblem, config: GameConfig, steps: number, seed: number): Averages {
  const { x: x0, y: y0 } = problem.start, x = x0.slice(), y = y0.slice(), n = x.length;
  const etaY = config.rate / (problem.smoothness * Math.sqrt(steps)), etaX = etaY / config.ratio, beta = config.decays ? config.beta * steps ** -0.25 : config.beta;
  const [at, gx, gy, primal, moved, sharp, unused] = [x, x, y, x, x, x, y].map((like) => new Float64Array(like.length));
  const noise = signs(new Stream(`game/${problem.name}`, seed)), sizeX = problem.sigma / Math.sqrt(n), sizeY = problem.sigma / Math.sqrt(y.length);
  const round = quantizer(problem.range, config.bits), sum: Averages = { student: 0, primal: 0, joint: 0 };
  for (let step = 0; step < steps; step++) {
    for (let i = 0; i < n; i++) at[i] = round(x[i]);
    problem.gradients(at, y, gx, gy);
    problem.primalGradient(at, primal);
    const own = squared(gx);
    sum.student += own;
    sum.primal += squared(primal);
    sum.joint += own + squared(gy);
    if (step % CHECK_STEPS === 0 && !(sum.joint < DIVERGED * (step + 1))) return { student: Infinity, primal: Infinity, joint: Infinity };
    let descent = gx;
    if (beta > 0) {
      for (let i = 0; i < n; i++) gx[i] += sizeX * noise();
      const factor = beta / (Math.sqrt(squared(gx)) + 1e-12);
      for (let i = 0; i < n; i++) moved[i] = at[i] + factor * gx[i];
      problem.gradients(moved, y, sharp, unused);
      descent = sharp;
    }
    for (let i = 0; i < n; i++) x[i] -= etaX * (descent[i] + sizeX * noise());
    for (let i = 0; i < y.length; i++) y[i] += etaY * (gy[i] + sizeY * noise());
  }
  if (!(sum.joint < DIVERGED * steps)) return { student: Infinity, primal: Infinity, joint: Infinity };
  return { student: sum.student / steps, primal: sum.primal / steps, joint: sum.joint / steps };
}

/** Distance between two levels of a quantizer of that width: 2^(bits-1) - 1 of them on each side of zero. */
export function gridStep(range: number, bits: number): number { return range / (2 ** (bits - 1) - 1); }

function quantizer(range: number, bits: number | null): (x: number) => number {
  if (bits === null) return (x) => x;
  const step = gridStep(range, bits), most = 2 ** (bits - 1) - 1;
  return (x) => step * Math.max(-most, Math.min(most, Math.round(x / step)));
}

function squared(g: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < g.length; i++) sum += g[i] * g[i];
  return sum;
}

/** +1 or -1, one bit of the stream each. */
function signs(random: Stream): () => number {
  let word = 0, left = 0;
  return () => {
    if (left === 0) {
      word = random.uint32();
      left = 32;
    }
    left--;
    const bit = word & 1;
    word >>>= 1;
    return bit ? 1 : -1;
  };
}
