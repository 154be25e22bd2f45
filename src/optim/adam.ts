import { ownKernel, tf } from '../core/backend';
import { uncompiled, type Compile, type Compiled } from '../core/graph';
import { own } from '../core/kernels';
import { tidy } from '../core/memory';
import { get, map, part, prefixed, type Params } from '../core/tree';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** Settings of AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101). */
export interface AdamConfig {
  beta1: number;
  beta2: number;
  epsilon: number;
  /** decoupled: w <- w - rate * weightDecay * w */
  weightDecay: number;
}

/** As in PyTorch, without decay. */
export const adamDefaults: AdamConfig = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

/** First and second moments and the number of updates so far. */
export interface AdamState { m: Record<string, Tensor>; v: Record<string, Tensor>; step: number }

/** What one parameter gets: its own rate, and whether it decays. */
interface Rate { rate: number; decay: boolean }

/** The state before the first update: moments of zeros, shaped as the parameters. */
export function adamInit(params: Params): AdamState {
  return { m: map(params, (x) => tf.zerosLike(x)), v: map(params, (x) => tf.zerosLike(x)), step: 0 };
}

/** What one update of one group of parameters depends on: w <- keep w - move m / (sqrt(v) + epsilon). */
interface AdamFactors<T = number> { keep: T; move: T; epsilon: T }

/** The factors of update number `step`, counted from 1. */
function adamFactors({ rate, decay }: Rate, step: number, { beta1, beta2, epsilon, weightDecay }: AdamConfig = adamDefaults): AdamFactors {
  const correct2 = Math.sqrt(1 - beta2 ** step), correct1 = 1 - beta1 ** step;
  return { keep: decay ? 1 - rate * weightDecay : 1, move: (rate * correct2) / correct1, epsilon: epsilon * correct2 };
}

/** One parameter's update from its factors, numbers or scalar tensors: new w, m, v. */
function adamTensor(
  w: Tensor, g: Tensor, m: Tensor, v: Tensor, { keep, move, epsilon }: AdamFactors<number | Tensor>, { beta1, beta2 }: AdamConfig = adamDefaults,
): [Tensor, Tensor, Tensor] {
  if (own()) {
    const [a, b, c] = [keep, move, epsilon].map((x) => (typeof x === 'number' ? tf.scalar(x) : x));
    return ownKernel('ZsaqAdam', { b1: beta1, a1: 1 - beta1, b2: beta2, a2: 1 - beta2 }, [w, g, m, v, a, b, c], 3) as [Tensor, Tensor, Tensor];
  }
  const first = tf.add(tf.mul(m, beta1), tf.mul(g, 1 - beta1));
  const second = tf.add(tf.mul(v, beta2), tf.mul(tf.square(g), 1 - beta2));
  const step = tf.div(first, tf.add(tf.sqrt(second), epsilon));
  return [tf.sub(keep === 1 ? w : tf.mul(w, keep), tf.mul(step, move)), first, second];
}

/** AdamW over a record as one function that can run as a graph. */
export interface Adam<Group extends string> {
  /** New records; the caller disposes of the old ones. A descent; for ascent pass the gradient of -f. */
  update(params: Params, grads: Params, state: AdamState, rates: Readonly<Record<Group, number>>): { params: Record<string, Tensor>; state: AdamState };
  dispose(): void;
}

/**
 * AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), as in PyTorch, with one rate for each group of parameters:
 *
 *   m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2
 *   w <- (1 - rate decay) w - rate / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + epsilon)
 *
 * What differs from step to step, the groups' factors, goes in as scalars.
 *
 * @param groups each group's name, and whether it decays
 * @param groupOf the group of a parameter
 */
export function makeAdam<Group extends string>(
  groups: Readonly<Record<Group, { decay: boolean }>>, groupOf: (name: string, x: Tensor) => Group, config: AdamConfig = adamDefaults, compile: Compile = uncompiled,
): Adam<Group> {
  const names = Object.keys(groups) as Group[];
  const run: Compiled = compile((x) => tidy(() => {
    const [w, g, m, v] = ['w/', 'g/', 'm/', 'v/'].map((prefix) => part(x, prefix)), out: Record<string, Tensor> = {};
    for (const [name, weight] of Object.entries(w)) {
      const group = groupOf(name, weight), { keep = 1, move, epsilon } = part(x, `${group}/`);
      [out[`w/${name}`], out[`m/${name}`], out[`v/${name}`]] = adamTensor(weight, get(g, name), m[name], v[name], { keep, move, epsilon }, config);
    }
    return out;
  }));
  return {
    update(params, grads, { m, v, step: before }, rates) {
      const factors = Object.assign({}, ...names.map((group) => {
        const decay = groups[group].decay && config.weightDecay > 0, { keep, ...rest } = adamFactors({ rate: rates[group], decay }, before + 1, config);
        return Object.fromEntries(Object.entries(decay ? { keep, ...rest } : rest).map(([name, value]) => [`${group}/${name}`, tf.scalar(value)]));
      })) as Record<string, Tensor>;
      const out = run({ ...prefixed('w/', params), ...prefixed('g/', grads), ...prefixed('m/', m), ...prefixed('v/', v), ...factors });
      tf.dispose(factors);
      return { params: part(out, 'w/'), state: { m: part(out, 'm/'), v: part(out, 'v/'), step: before + 1 } };
    },
    dispose() { run.dispose(); },
  };
}
