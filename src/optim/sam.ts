import { tf } from '../core/backend';
import { tidy } from '../core/memory';
import { map, norm, type Params } from '../core/tree';
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';

/** Radius of the neighbourhood, as a norm (`relative: false`) or as a share of ||w|| (`relative: true`). */
export interface Radius { beta: number; relative: boolean }

/**
 * The SAM perturbation (Foret et al. 2021, arXiv 2010.01412), first-order maximizer of L(w + eps) over ||eps||_2 <= beta:
 *
 *   eps = beta g / (||g||_2 + 1e-12), one norm over the whole record; relative: beta ||w||_2 in place of beta.
 *
 * @returns w + eps, and the radius as a scalar tensor
 */
export function perturb(w: Params, g: Params, { beta, relative }: Radius): { perturbed: Record<string, Tensor>; radius: Scalar } {
  return tidy(() => {
    const radius = (relative ? tf.mul(norm(w), beta) : tf.scalar(beta)) as Scalar;
    const factor = tf.div(radius, tf.add(norm(g), 1e-12));
    return { perturbed: map(w, (x, n) => tf.add(x, tf.mul(g[n], factor))), radius };
  });
}
