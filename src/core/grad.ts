import { late, tf } from './backend';
import { ZsaqError } from './error';
import type { Params } from './tree';
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';

/**
 * Value and gradient of a scalar function of a record: v = f(a), g_i = dv/da_i, shapes as in `a`.
 * Only what lies between `a` and v is differentiated: entries of other records cost nothing.
 * An entry that does not reach v gets a zero gradient, as in PyTorch with `materialize_grads`.
 *
 * @example const { value, grads } = valueAndGrad((p) => loss(model.forward(p, inputs)), params)
 */
export function valueAndGrad(f: (a: Params) => Scalar, a: Params): { value: Scalar; grads: Record<string, Tensor> } {
  const names = Object.keys(a), xs = names.map((n) => a[n]);
  return tf.tidy(() => {
    const r = gradients(() => f(a), xs);
    return { value: r.value, grads: Object.fromEntries(names.map((n, i) => [n, r.grads[i] ?? tf.zerosLike(xs[i])])) };
  }) as { value: Scalar; grads: Record<string, Tensor> };
}

function gradients(f: () => Scalar, xs: Tensor[]): { value: Scalar; grads: (Tensor | null)[] } {
  let result: { value: Tensor; grads: (Tensor | null)[] };
  try {
    result = tf.engine().gradients(f, xs, undefined, true);
  } catch (e) {
    if (e instanceof ZsaqError) throw e;
    throw new Error(`gradient: ${(e as Error).message}`, { cause: e });
  }
  return result as { value: Scalar; grads: (Tensor | null)[] };
}

type Save = (tensors: Tensor[]) => void;

interface EngineInternals {
  runKernelFunc(call: {
    forwardFunc(backend: unknown, save: Save): Tensor;
    backwardsFunc(dy: Tensor, saved: Tensor[]): Record<string, () => Tensor>;
    inputs: Record<string, Tensor>;
  }): Tensor;
}

/**
 * An operation with its own gradient. Unlike `tf.customGrad` the gradient of each input is a thunk that runs only if
 * that input leads to a variable, so a pass that needs input gradients only (the generator's) pays for no weight gradients.
 * What the gradient reads must be saved: everything else made in the forward pass is gone by then.
 *
 * @param backward one thunk per input, in order
 */
export function operation(
  inputs: Tensor[],
  forward: (save: Save) => Tensor,
  backward: (dy: Tensor, saved: Tensor[]) => (() => Tensor)[],
): Tensor {
  const named = Object.fromEntries(inputs.map((x, i) => [i, x]));
  return (tf.engine() as unknown as EngineInternals).runKernelFunc({
    forwardFunc: (_, save) => forward(save),
    backwardsFunc: (dy, saved) => Object.fromEntries(backward(dy, saved).map((thunk, i) => [i, thunk])),
    inputs: named,
  });
}

/** x as a constant: its gradient is not followed. */
export function stopGradient<T extends Tensor>(x: T): T {
  return operation([x], () => tf.clone(x), (dy) => [() => tf.zerosLike(dy)]) as T;
}

interface Tape { state: { activeTape: unknown } }

/**
 * f(params, inputs) of which nothing inside is kept: its gradient computes f once more from what went in (activation checkpointing, Chen et
 * al. 2016, arXiv 1604.06174). The same gradients to rounding, less memory, about one more forward pass of time.
 */
export function checkpointed(f: (params: Params, inputs: readonly Tensor[]) => Tensor, params: Params, inputs: readonly Tensor[]): Tensor {
  const names = Object.keys(params), all = [...Object.values(params), ...inputs];
  const call = (xs: readonly Tensor[]): Tensor => f(Object.fromEntries(names.map((name, i) => [name, xs[i]])), xs.slice(names.length));
  return operation(all, (save) => {
    save(all);
    return call(all);
  }, (dy, saved) => {
    const { state } = tf.engine() as unknown as Tape, tape = state.activeTape; // an inner gradient takes the outer one's tape away
    try {
      const xs = saved.map((x) => tf.clone(late(x, dy)));
      const { grads } = tf.engine().gradients((() => call(xs)) as never, xs, dy, true) as { grads: (Tensor | null)[] };
      return saved.map((x, i) => () => (grads[i] ? tf.clone(grads[i]!) : tf.zerosLike(x)));
    } finally {
      state.activeTape = tape;
    }
  });
}
