// Operations of a transformer with their own gradients. On the TensorFlow backend they call its kernels by name
// (`tf.matMul` always goes through the batched product, twice as slow at rank 2); elsewhere plain operations give the same.
import { isNative, kernel, tf } from './backend';
import { operation } from './grad';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';

const F32 = { type: 'float32' } as const;
let plain = false;

/** Runs f with the plain-operation twins, whatever the backend: the reference in tests and benchmarks. */
export function withPlainKernels<T>(f: () => T): T {
  const before = plain;
  plain = true;
  try { return f(); } finally { plain = before; }
}
const fused = (): boolean => !plain && isNative();

/** Product of two matrices, op(a) op(b). */
export function matMul2(a: Tensor2D, b: Tensor2D, transposeA = false, transposeB = false): Tensor2D {
  if (!fused()) return tf.matMul(a, b, transposeA, transposeB);
  return kernel('MatMul', { T: F32, transpose_a: { bool: transposeA }, transpose_b: { bool: transposeB } }, [a, b]) as Tensor2D;
}

/** Sum over all axes but the last: `[..., n] -> [n]`. */
export function sumRows(x: Tensor): Tensor1D {
  const n = x.shape[x.rank - 1]!, rows = tf.reshape(x, [-1, n]);
  if (!fused()) return tf.sum(rows, 0) as Tensor1D;
  return kernel('BiasAddGrad', { T: F32, data_format: { string: 'NHWC' } }, [rows]) as Tensor1D;
}

/** Sum of squares of all entries, as a scalar, in one pass. */
export function sumSquares(x: Tensor): Scalar {
  return (fused() ? tf.mul(kernel('L2Loss', { T: F32 }, [x]), 2) : tf.sum(tf.square(x))) as Scalar;
}

/**
 * y = x Wᵀ + b, with W stored as PyTorch stores it.
 *
 * @param x `[..., in]`  @param w `[out, in]`  @param b `[out]`
 * @returns `[..., out]`
 */
export function linear(x: Tensor, w: Tensor2D, b?: Tensor1D): Tensor {
  const [outs, ins] = w.shape, shape = [...x.shape.slice(0, -1), outs];
  const inputs: Tensor[] = b ? [x, w, b] : [x, w];
  return operation(inputs, (save) => {
    const rows = tf.reshape(x, [-1, ins]) as Tensor2D;
    save([rows, w]);
    const product = matMul2(rows, w, false, true);
    return tf.reshape(b ? addBias(product, b) : product, shape);
  }, (dy, [rows, weight]) => {
    const dRows = tf.reshape(dy, [-1, outs]) as Tensor2D;
    return [
      () => tf.reshape(matMul2(dRows, weight as Tensor2D), x.shape),
      () => matMul2(dRows, rows as Tensor2D, true, false),
      ...(b ? [() => sumRows(dRows)] : []),
    ];
  });
}

function addBias(x: Tensor2D, b: Tensor1D): Tensor {
  return fused() ? kernel('BiasAdd', { T: F32, data_format: { string: 'NHWC' } }, [x, b]) : tf.add(x, b);
}

/**
 * Layer normalization over the last axis: y = gamma (x - mean) / sqrt(var + epsilon) + beta, var biased.
 * Plain operations on every backend: batch normalization of TensorFlow's with one row per channel does the same in one
 * kernel, and takes three times as long.
 *
 * @param x `[..., n]`  @param gamma `[n]`  @param beta `[n]`
 */
export function layerNorm(x: Tensor, gamma: Tensor1D, beta: Tensor1D, epsilon: number): Tensor {
  const n = gamma.shape[0];
  return operation([x, gamma, beta], (save) => {
    const rows = tf.reshape(x, [-1, n]) as Tensor2D, centred = tf.sub(rows, tf.mean(rows, 1, true));
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), epsilon)), normed = tf.mul(centred, inverse);
    save([normed, gamma, inverse]);
    return tf.reshape(tf.add(tf.mul(normed, gamma), beta), x.shape);
  }, (dy, [normed, weight, inverse]) => {
    const dRows = tf.reshape(dy, [-1, n]) as Tensor2D;
    return [
      () => {
        const d = tf.mul(dRows, weight), projection = tf.mul(normed, tf.mean(tf.mul(d, normed), 1, true));
        return tf.reshape(tf.mul(tf.sub(tf.sub(d, tf.mean(d, 1, true)), projection), inverse), x.shape);
      },
      () => sumRows(tf.mul(dRows, normed)),
      () => sumRows(dRows),
    ];
  });
}

/** gelu(x) = x Phi(x), Phi(x) = (1 + erf(x / sqrt 2)) / 2, exact as in PyTorch's default. */
export function gelu(x: Tensor): Tensor {
  return operation([x], (save) => {
    const phi = tf.add(tf.mul(tf.erf(tf.mul(x, Math.SQRT1_2)), 0.5), 0.5);
    save([x, phi]);
    return tf.mul(x, phi);
  }, (dy, [input, phi]) => [() => {
    const density = tf.mul(tf.exp(tf.mul(tf.square(input), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return tf.mul(dy, tf.add(phi, tf.mul(input, density)));
  }]);
}

/** Softmax over the last axis; the gradient keeps only the output: dx = y (dy - sum(dy y)). */
export function softmax(x: Tensor): Tensor {
  return operation([x], (save) => {
    const y = tf.softmax(x);
    save([y]);
    return y;
  }, (dy, [y]) => [() => {
    const weighted = tf.mul(dy, y);
    return tf.sub(weighted, tf.mul(tf.sum(weighted, -1, true), y));
  }]);
}

/**
 * Rows of a table: y_i = table[ids_i]. Out-of-range ids are the caller's to refuse.
 *
 * @param table `[vocabulary, n]`  @param ids int32 `[...]`  @returns `[..., n]`
 */
export function embedding(table: Tensor2D, ids: Tensor): Tensor {
  const [rows, n] = table.shape;
  return operation([table], (save) => {
    save([ids]);
    return fused() ? kernel('GatherV2', { Tparams: F32, Tindices: { type: 'int32' }, Taxis: { type: 'int32' }, batch_dims: { int: 0 } }, [table, ids, tf.scalar(0, 'int32')])
      : tf.gather(table, ids as Tensor1D);
  }, (dy, [at]) => [() => tf.scatterND(tf.reshape(at, [-1, 1]), tf.reshape(dy, [-1, n]), [rows, n])]);
}
