import { tf } from './backend';
import { ZsaqError } from './error';
import { addAll, sumSquares } from './kernels';
import type { Tensor, Scalar } from '@tensorflow/tfjs-node-gpu';

/** Parameters: a plain record of tensors keyed by their Hugging Face names. */
export type Params = Readonly<Record<string, Tensor>>;

/** f on every tensor; the caller owns the results. */
export function map(a: Params, f: (x: Tensor, name: string) => Tensor): Record<string, Tensor> {
  const out: Record<string, Tensor> = {};
  for (const name of Object.keys(a)) out[name] = f(a[name], name);
  return out;
}

/** The entries of `a` whose names are in `names`, in that order. */
export function pick(a: Params, names: readonly string[]): Record<string, Tensor> {
  return Object.fromEntries(names.map((n) => [n, get(a, n)]));
}

/** One tensor by name; a missing one is an error that names it. */
export function get(a: Params, name: string): Tensor {
  const t = a[name];
  if (!t) throw new ZsaqError('missing', `no tensor "${name}": the weights do not belong to this architecture`);
  return t;
}

/** Copies that live on their own. */
export function clone(a: Params): Record<string, Tensor> { return map(a, (x) => tf.clone(x)); }

/** a + alpha b, for the names of b; the other entries of a are left out. */
export function axpy(alpha: number | Scalar, b: Params, a: Params): Record<string, Tensor> {
  return tf.tidy(() => map(b, (x, n) => tf.add(get(a, n), tf.mul(x, alpha)))) as Record<string, Tensor>;
}

/** <a, b> over the whole record; the caller owns the scalar. */
export function dot(a: Params, b: Params): Scalar {
  return tf.tidy(() => addAll(Object.keys(a).map((name) => tf.sum(tf.mul(a[name], get(b, name))))));
}

/** Global Euclidean norm sqrt(sum_i ||a_i||^2) as a scalar. */
export function norm(a: Params): Scalar {
  return tf.tidy(() => {
    const squares = Object.values(a).map(sumSquares);
    return squares.length ? tf.sqrt(addAll(squares)) : tf.scalar(0);
  }) as Scalar;
}

/** Frees every tensor of the records; one that is freed already, or a record that is not there, is passed over. */
export function dispose(...all: (Params | undefined)[]): void {
  for (const a of all) if (a) for (const x of Object.values(a)) if (!x.isDisposed) x.dispose();
}

/** Keeps every tensor of a record beyond the surrounding tidy. */
export function keep<T extends Params>(a: T): T {
  for (const x of Object.values(a)) tf.keep(x);
  return a;
}

/** Number of scalars in a record. */
export function count(a: Params): number {
  return Object.values(a).reduce((s, x) => s + x.size, 0);
}

/** Host copies, for writing. */
export function hostTensors(a: Params): Record<string, { shape: number[]; data: Float32Array }> {
  return Object.fromEntries(Object.entries(a).map(([n, x]) => [n, { shape: x.shape.slice(), data: x.dataSync() as Float32Array }]));
}

/** Tensors from host copies; the inverse of `hostTensors`. */
export function fromHost(a: Readonly<Record<string, { shape: readonly number[]; data: ArrayLike<number> }>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(a).map(([n, { shape, data }]) => [n, tf.tensor(data as Float32Array, [...shape], 'float32')]));
}

/** The same tensors under longer names: several records in one checkpoint. */
export function prefixed(prefix: string, record: Params): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(record).map(([n, x]) => [prefix + n, x]));
}

/** The tensors whose names begin with the prefix, under their shorter names. */
export function part(record: Params, prefix: string): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(record).filter(([n]) => n.startsWith(prefix)).map(([n, x]) => [n.slice(prefix.length), x]));
}
