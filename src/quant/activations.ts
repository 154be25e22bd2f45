import { tf } from '../core/backend';
import { operation } from '../core/grad';
import type { Hooks } from '../nn/hooks';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

const TINY = 1e-30;

/**
 * Dynamic symmetric quantization of activations, one scale per token: s = max |x| / (2^(b-1) - 1) over the last axis,
 * Q(x) = s round(x / s). Nothing is clipped, so the straight-through gradient is dy; the scale is a constant of the
 * gradient (stop-gradient), as integer hardware treats it.
 *
 * @param x `[..., n]`
 */
export function quantizeTokens(x: Tensor, bits = 8): Tensor {
  const high = 2 ** (bits - 1) - 1;
  return operation([x], () => {
    const scale = tf.maximum(tf.div(tf.max(tf.abs(x), -1, true), high), TINY);
    return tf.mul(tf.round(tf.div(x, scale)), scale);
  }, (dy) => [() => tf.clone(dy)]);
}

/** Hooks that quantize the inputs of the linear layers at `sites`. */
export function activationHooks(sites: ReadonlySet<string>, bits: number | null): Hooks {
  if (bits === null) return {};
  return { activation: (site, x) => (sites.has(site) ? quantizeTokens(x, bits) : x) };
}
