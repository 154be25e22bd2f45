import { tf } from '../core/backend';
import { tidy } from '../core/memory';
import { get, map, type Params } from '../core/tree';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

export interface AdamConfig {
  beta1: number;
  beta2: number;
  epsilon: number;
  /** decoupled: w <- w - rate * weightDecay * w */
  weightDecay: number;
}

export const adamDefaults: AdamConfig = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

/** First and second moments and the number of updates so far. */
export interface AdamState { m: Record<string, Tensor>; v: Record<string, Tensor>; step: number }

/** What one parameter gets: its own rate, and whether it decays. */
export interface Rate { rate: number; decay: boolean }

export function adamInit(params: Params): AdamState {
  return { m: map(params, (x) => tf.zerosLike(x)), v: map(params, (x) => tf.zerosLike(x)), step: 0 };
}

/**
 * AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), as in PyTorch:
 *
 *   m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2
 *   w <- (1 - rate decay) w - rate / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + epsilon)
 *
 * Pure: returns new records, the caller disposes of the old ones. A descent; for ascent pass the gradient of -f.
 *
 * @param rateOf rate and decay by parameter name
 */
export function adamUpdate(
  params: Params, grads: Params, state: AdamState, rateOf: (name: string) => Rate, config: AdamConfig = adamDefaults,
): { params: Record<string, Tensor>; state: AdamState } {
  const { beta1, beta2, epsilon, weightDecay } = config, step = state.step + 1;
  const correct2 = Math.sqrt(1 - beta2 ** step), correct1 = 1 - beta1 ** step;
  const out = { params: {} as Record<string, Tensor>, state: { m: {}, v: {}, step } as AdamState };
  for (const name of Object.keys(params)) {
    const { rate, decay } = rateOf(name);
    [out.params[name], out.state.m[name], out.state.v[name]] = tidy(() => {
      const g = get(grads, name), w = params[name];
      const m = tf.add(tf.mul(state.m[name], beta1), tf.mul(g, 1 - beta1));
      const v = tf.add(tf.mul(state.v[name], beta2), tf.mul(tf.square(g), 1 - beta2));
      const move = tf.div(m, tf.add(tf.sqrt(v), epsilon * correct2));
      const kept = decay && weightDecay ? tf.mul(w, 1 - rate * weightDecay) : w;
      return [tf.sub(kept, tf.mul(move, (rate * correct2) / correct1)), m, v];
    });
  }
  return out;
}
