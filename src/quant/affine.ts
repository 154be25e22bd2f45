import { ownKernel, tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { own } from '../core/kernels';
import { dispose } from '../core/tree';
import { codeRange, type Granularity, type QuantSpec } from './spec';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** Scale and zero point of every group, `[groups, 1]` each. */
export interface Affine { scale: Tensor2D; zero: Tensor2D }

/** Gives back scales and zero points. */
export function disposeAffines(affines: Readonly<Record<string, Affine>>): void { dispose(...Object.values(affines).map(({ scale, zero }) => ({ scale, zero }))); }

/** Number of groups of a tensor and of values in each. */
export function groupShape(shape: readonly number[], granularity: Granularity, name = 'the tensor'): [number, number] {
  const size = shape.reduce((a, b) => a * b, 1);
  if (granularity === 'tensor') return [1, size];
  const row = shape[shape.length - 1];
  if (granularity === 'row') return [size / row, row];
  if (row % granularity.group) {
    throw new ZsaqError('mismatch', `${name}: rows of ${row} do not divide into groups of ${granularity.group}: choose a divisor, or row`);
  }
  return [size / granularity.group, granularity.group];
}

/** The tensor as a matrix with one quantization group per row. */
export function toGroups(x: Tensor, granularity: Granularity, name?: string): Tensor2D {
  return tf.reshape(x, groupShape(x.shape, granularity, name)) as Tensor2D;
}

/** Integer codes c = clip(round(w / s + z), low, high), half to even, as float32 in the shape of w. */
export function quantize(w: Tensor, affine: Affine, spec: QuantSpec): Tensor {
  const { low, high } = codeRange(spec);
  return tf.tidy(() => {
    const v = tf.add(tf.div(toGroups(w, spec.granularity), affine.scale), affine.zero);
    return tf.reshape(tf.clipByValue(tf.round(v), low, high), w.shape);
  });
}

/** s (c - z) in the shape of the codes. */
export function dequantize(codes: Tensor, affine: Affine, spec: QuantSpec): Tensor {
  return tf.tidy(() => tf.reshape(tf.mul(tf.sub(toGroups(codes, spec.granularity), affine.zero), affine.scale), codes.shape));
}

/**
 * Q(w) = s (clip(round(w / s + z), low, high) - z), the value that the integer model computes with.
 *
 * @param w any shape  @returns the same shape
 * @example const wq = fakeQuantize(w, fitAffine(w, spec), spec)
 */
export function fakeQuantize(w: Tensor, affine: Affine, spec: QuantSpec): Tensor {
  return tf.tidy(() => {
    if (!own()) return dequantize(quantize(w, affine, spec), affine, spec);
    const { low, high } = codeRange(spec);
    return tf.reshape(ownKernel('ZsaqFakeQuantize', { low, high }, [toGroups(w, spec.granularity), affine.scale, affine.zero], 1)[0], w.shape);
  });
}
