import { tf } from '../core/backend';
import { tidy } from '../core/memory';
import { map, norm, type Params } from '../core/tree';
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';

/** Radius of the neighbourhood, as a norm (`relative: false`) or as a share of ||w|| (`relative: true`). */
export interface Radius {
  /** a number, or a scalar tensor where it changes from step to step of a graph */
  beta: number | Scalar;
  relative: boolean;
  /** scale-invariant neighbourhood (ASAM); absent: a ball */
  adaptive?: boolean;
}

/** eta of ASAM: a weight of zero still moves. */
export const ADAPTIVE_FLOOR = 0.01;

/**
 * The SAM perturbation (Foret et al. 2021, arXiv 2010.01412), first-order maximizer of L(w + eps) over ||eps||_2 <= beta:
 *
 *   eps = beta g / (||g||_2 + 1e-12), one norm over the whole record; relative: beta ||w||_2 in place of beta.
 *
 * Adaptive (ASAM, Kwon et al. 2021, arXiv 2102.11600): the maximizer over ||T^-1 eps||_2 <= beta with T = |w| + 0.01, element by
 * element, which rescaling weights against one another leaves alone; relative: beta ||T^-1 w||_2, the norm of w as that
 * neighbourhood measures it, in place of beta:
 *
 *   eps = beta T^2 g / (||T g||_2 + 1e-12)
 *
 * @returns w + eps, and ||eps||_2 as a scalar tensor
 */
export function perturb(w: Params, g: Params, { beta, relative, adaptive = false }: Radius): { perturbed: Record<string, Tensor>; radius: Scalar } {
  return tidy(() => {
    if (adaptive) return adaptivePerturbation(w, g, beta, relative);
    const radius = (relative ? tf.mul(norm(w), beta) : asScalar(beta)) as Scalar;
    const factor = tf.div(radius, tf.add(norm(g), 1e-12));
    return { perturbed: map(w, (x, n) => tf.add(x, tf.mul(g[n], factor))), radius };
  });
}

function adaptivePerturbation(w: Params, g: Params, beta: number | Scalar, relative: boolean): { perturbed: Record<string, Tensor>; radius: Scalar } {
  const size = map(w, (x) => tf.add(tf.abs(x), ADAPTIVE_FLOOR)), scaled = map(g, (x, n) => tf.mul(x, size[n]));
  const radius = relative ? tf.mul(norm(map(w, (x, n) => tf.div(x, size[n]))), beta) : asScalar(beta);
  const factor = tf.div(radius, tf.add(norm(scaled), 1e-12));
  const epsilon = map(scaled, (x, n) => tf.mul(tf.mul(x, size[n]), factor));
  return { perturbed: map(w, (x, n) => tf.add(x, epsilon[n])), radius: norm(epsilon) };
}

function asScalar(beta: number | Scalar): Scalar { return typeof beta === 'number' ? tf.scalar(beta) : tf.clone(beta); }
