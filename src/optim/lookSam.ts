// LookSAM (Liu et al. 2022, arXiv 2203.02714): SAM's second gradient every k-th step only. What it adds to the first one, its part
// orthogonal to it, changes slowly and serves the steps between.
import { tf } from '../core/backend';
import { tidy } from '../core/memory';
import { dot, map, norm, type Params } from '../core/tree';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** Keeps divisions by a norm finite where a gradient is zero. */
const TINY = 1e-12;

/**
 * g_v = g_s - (<g_s, g> / ||g||^2) g: the part of SAM's gradient g_s at right angles to the gradient g, over all tensors together.
 * The caller owns the result.
 */
export function orthogonalPart(sharp: Params, gradient: Params): Record<string, Tensor> {
  return tidy(() => {
    const along = tf.div(dot(sharp, gradient), tf.add(tf.square(norm(gradient)), TINY * TINY));
    return map(sharp, (x, n) => tf.sub(x, tf.mul(gradient[n], along)));
  });
}

/**
 * g + alpha (||g|| / ||g_v||) g_v: this step's gradient, turned as SAM turned an earlier one. The caller owns the result.
 *
 * @param alpha 0 leaves the gradient alone; the paper's best is 0.7
 */
export function withOrthogonalPart(gradient: Params, orthogonal: Params, alpha: number): Record<string, Tensor> {
  return tidy(() => {
    const factor = tf.mul(tf.div(norm(gradient), tf.add(norm(orthogonal), TINY)), alpha);
    return map(gradient, (x, n) => tf.add(x, tf.mul(orthogonal[n], factor)));
  });
}
