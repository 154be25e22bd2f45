// How flat the loss is around a point: curvature by differences of first gradients (nested gradients of TensorFlow.js are wrong), and
// how much a step inside a ball raises the loss.
import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { tidy } from '../core/memory';
import { axpy, dispose, dot, map, norm, type Params } from '../core/tree';
import { Stream } from '../core/random';
import { mean } from '../core/statistics';
import type { Objective } from './objective';
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';

/** Length of the step of a difference, as a share of ||w||: float32 gradients lose digits below it, curvature changes above. */
export const STEP = 1e-3;

/**
 * H v by a central difference, H v = ||v|| (g(w + h v/||v||) - g(w - h v/||v||)) / 2h with h = step ||w||. The caller owns the result.
 */
export async function hessianVectorProduct(objective: Objective, w: Params, v: Params, step = STEP): Promise<Record<string, Tensor>> {
  const length = await read(norm(v)), h = step * await read(norm(w));
  if (!(length > 0)) return map(v, (x) => tf.zerosLike(x));
  const gradientAt = (sign: number): Record<string, Tensor> => {
    const moved = axpy(sign * h / length, v, w), g = objective.gradient(moved);
    dispose(moved);
    return g;
  };
  const [ahead, behind] = [gradientAt(1), gradientAt(-1)], product = tidy(() => map(ahead, (x, name) => tf.mul(tf.sub(x, behind[name]), length / (2 * h))));
  dispose(ahead, behind);
  return product;
}

/** The eigenvalue largest in size, its eigenvector (the caller owns it), and how far the last step still moved it. */
export interface Eigenvalue { value: number; vector: Record<string, Tensor>; change: number; iterations: number }

/**
 * Power iteration v <- H v / ||H v||, eigenvalue v'Hv, until it moves by less than `tolerance` of itself.
 *
 * @throws ZsaqError 'nonFinite' where the gradient is not finite
 */
export async function topEigenvalue(objective: Objective, w: Params, { iterations = 100, tolerance = 1e-3, step = STEP, seed = 0 } = {}): Promise<Eigenvalue> {
  let vector = normalized(random(w, 'normal', new Stream('eigenvector', seed))), value = NaN, change = Infinity, k = 0;
  while (k < iterations && !(change < tolerance)) {
    const product = await hessianVectorProduct(objective, w, vector, step), found = await read(dot(vector, product));
    if (!Number.isFinite(found)) throw new ZsaqError('nonFinite', `power iteration ${k + 1} gives ${found}: the gradient near this point is not finite`);
    change = Math.abs(found - value) / Math.max(Math.abs(found), 1e-30);
    value = found;
    dispose(vector);
    vector = normalized(product);
    k++;
  }
  return { value, vector, change, iterations: k };
}

/**
 * tr H = E v'Hv with v of +-1 (Hutchinson 1989), over `samples` vectors.
 *
 * @returns the mean and its standard error
 */
export async function hessianTrace(objective: Objective, w: Params, { samples = 30, step = STEP, seed = 0 } = {}): Promise<{ trace: number; error: number }> {
  const stream = new Stream('trace', seed), found: number[] = [];
  for (let k = 0; k < samples; k++) {
    const v = random(w, 'sign', stream), product = await hessianVectorProduct(objective, w, v, step);
    found.push(await read(dot(v, product)));
    dispose(v, product);
  }
  const trace = mean(found), variance = found.reduce((sum, x) => sum + (x - trace) ** 2, 0) / Math.max(1, samples - 1);
  return { trace, error: Math.sqrt(variance / samples) };
}

/** How much a move within a ball raises the loss. */
export interface Sharpness {
  /** radius as a share of ||w|| */
  beta: number;
  loss: number;
  /** L(w + eps) - L(w) at SAM's own eps = beta ||w|| g / ||g||, the S(P; Q(w^)) of the paper less the loss */
  gradient: number;
  /** the same after `ascents` projected steps of ascent: nearer to the maximum over the ball */
  worst: number;
  /** mean over random directions of that length */
  average: number;
}

/** Sharpness at each radius, absolute rises of the loss. */
export async function samSharpness(objective: Objective, w: Params, betas: readonly number[], { ascents = 5, directions = 8, seed = 0 } = {}): Promise<Sharpness[]> {
  const loss = await objective.value(w), size = await read(norm(w)), g = objective.gradient(w), out: Sharpness[] = [];
  const riseAt = async (eps: Params): Promise<number> => {
    const there = axpy(1, eps, w), value = await objective.value(there);
    dispose(there);
    return value - loss;
  };
  for (const beta of betas) {
    const radius = beta * size;
    let eps = scaled(g, radius), worst = await riseAt(eps);
    const gradient = worst;
    for (let k = 1; k < ascents; k++) {
      const there = axpy(1, eps, w), slope = objective.gradient(there), step = scaled(slope, radius / 2), beyond = axpy(1, step, eps), next = scaled(beyond, radius);
      dispose(there, slope, step, beyond, eps);
      eps = next;
      worst = Math.max(worst, await riseAt(eps));
    }
    dispose(eps);
    const stream = new Stream('directions', seed), rises: number[] = [];
    for (let k = 0; k < directions; k++) {
      const d = random(w, 'normal', stream), there = scaled(d, radius);
      rises.push(await riseAt(there));
      dispose(d, there);
    }
    out.push({ beta, loss, gradient, worst, average: mean(rises) });
  }
  dispose(g);
  return out;
}

/** A record of that length in the direction of a. The caller owns it. */
function scaled(a: Params, length: number): Record<string, Tensor> {
  return tidy(() => {
    const factor = tf.div(length, tf.add(norm(a), 1e-30));
    return map(a, (x) => tf.mul(x, factor));
  });
}

/** a / ||a||; takes a over. */
function normalized(a: Record<string, Tensor>): Record<string, Tensor> {
  const unit = scaled(a, 1);
  dispose(a);
  return unit;
}

/** Random numbers in the shapes of a record. The caller owns them. */
export function random(like: Params, kind: 'normal' | 'sign', stream: Stream): Record<string, Tensor> {
  const draw = kind === 'normal' ? () => stream.normal() : () => (stream.next() < 0.5 ? -1 : 1);
  return map(like, (x) => tf.tensor(Float32Array.from({ length: x.size }, draw), x.shape));
}

async function read(x: Scalar): Promise<number> {
  const [value] = await x.data();
  x.dispose();
  return value;
}

