// Operations of a transformer with their own gradients. On the TensorFlow backend they call its kernels by name
// (`tf.matMul` always goes through the batched product, twice as slow at rank 2); elsewhere plain operations give the same.
import { hasOwnKernels, isNative, kernel, late, matMulBf16, ownKernel, tf } from './backend';
import { ZsaqError } from './error';
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

/** What products of matrices compute in; everything else is always float32. */
export type Precision = 'fp32' | 'bf16';
let precision: Precision = 'fp32';

/**
 * Runs f, gradients inside it included, with products in that precision.
 *
 * @throws ZsaqError 'unsupported' for bf16 on a backend that has no such product
 */
export function withPrecision<T>(wanted: Precision, f: () => T): T {
  if (wanted === 'bf16' && !isNative()) throw new ZsaqError('unsupported', `precision bf16 needs the TensorFlow backend, and this is ${tf.getBackend()}: use precision fp32`);
  const before = precision;
  precision = wanted;
  try { return f(); } finally { precision = before; }
}

/** True where the project's own kernels compute: one pass over memory where plain operations take several. */
export const own = (): boolean => !plain && hasOwnKernels();

/**
 * Every row on its own symmetric grid: s = max |x| / high over the last axis, at least 1e-30; Q(x) = s round(x / s), half to even. No gradient.
 *
 * @param x `[..., n]`
 */
export function quantizeRows(x: Tensor, high: number): Tensor {
  if (own()) return ownKernel('ZsaqQuantizeRows', { high }, [x], 1)[0];
  const scale = tf.maximum(tf.div(tf.max(tf.abs(x), -1, true), high), TINY);
  return tf.mul(tf.round(tf.div(x, scale)), scale);
}

/** Product of two matrices, op(a) op(b). */
export function matMul2(a: Tensor2D, b: Tensor2D, transposeA = false, transposeB = false): Tensor2D {
  if (precision === 'bf16') return matMulBf16(a, b, transposeA, transposeB);
  if (!fused()) return tf.matMul(a, b, transposeA, transposeB);
  return kernel('MatMul', { T: F32, transpose_a: { bool: transposeA }, transpose_b: { bool: transposeB } }, [a, b]) as Tensor2D;
}

/** Sum over all axes but the last: `[..., n] -> [n]`. */
export function sumRows(x: Tensor): Tensor1D {
  const n = x.shape[x.rank - 1]!, rows = tf.reshape(x, [-1, n]);
  if (!fused()) return tf.sum(rows, 0) as Tensor1D;
  return kernel('BiasAddGrad', { T: F32, data_format: { string: 'NHWC' } }, [rows]) as Tensor1D;
}

/**
 * Sum of scalars, in the order given. AddN begins with whichever term's buffer nobody else still reads: which one that is, and with it
 * the last bit of the sum, depends on other threads.
 */
export function addAll(terms: readonly Tensor[]): Scalar { return tf.sum(tf.stack(terms as Tensor[])) as Scalar; }

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
 *
 * @param x `[..., n]`  @param gamma `[n]`  @param beta `[n]`
 */
export function layerNorm(x: Tensor, gamma: Tensor1D, beta: Tensor1D, epsilon: number): Tensor {
  const n = gamma.shape[0];
  return operation([x, gamma, beta], (save) => {
    const rows = tf.reshape(x, [-1, n]) as Tensor2D;
    if (own()) {
      const [y, normed, inverse] = ownKernel('ZsaqLayerNorm', { epsilon }, [rows, gamma, beta], 3);
      save([normed, gamma, inverse]);
      return tf.reshape(y, x.shape);
    }
    const centred = tf.sub(rows, tf.mean(rows, 1, true));
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), epsilon)), normed = tf.mul(centred, inverse);
    save([normed, gamma, inverse]);
    return tf.reshape(tf.add(tf.mul(normed, gamma), beta), x.shape);
  }, (dy, [normed, weight, inverse]) => {
    const dRows = tf.reshape(dy, [-1, n]) as Tensor2D;
    return [
      () => {
        if (own()) return tf.reshape(ownKernel('ZsaqLayerNormGrad', {}, [dRows, normed, inverse, weight], 1)[0], x.shape);
        const d = tf.mul(dRows, weight), projection = tf.mul(normed, tf.mean(tf.mul(d, normed), 1, true));
        return tf.reshape(tf.mul(tf.sub(tf.sub(d, tf.mean(d, 1, true)), projection), inverse), x.shape);
      },
      () => sumRows(tf.mul(dRows, normed)),
      () => sumRows(dRows),
    ];
  });
}

/** gelu(x) = x Phi(x), Phi(x) = (1 + erf(x / sqrt 2)) / 2, exact as in PyTorch's default. Phi is computed again in the gradient: that takes less than keeping it. */
export function gelu(x: Tensor): Tensor {
  return operation([x], (save) => {
    save([x]);
    return own() ? ownKernel('ZsaqGelu', {}, [x], 1)[0] : tf.mul(x, normalCdf(x));
  }, (dy, [saved]) => [() => {
    if (own()) return ownKernel('ZsaqGeluGrad', {}, [dy, saved], 1)[0];
    const input = late(saved, dy);
    const density = tf.mul(tf.exp(tf.mul(tf.square(input), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return tf.mul(dy, tf.add(normalCdf(input), tf.mul(input, density)));
  }]);
}

function normalCdf(x: Tensor): Tensor { return tf.add(tf.mul(tf.erf(tf.mul(x, Math.SQRT1_2)), 0.5), 0.5); }

/**
 * t^2 KL(p | q) of each row, p and q the softmax of `teacher` / t and `student` / t: sum p (log p - log q). Where the project's kernels are, nothing but the
 * logits is kept for the gradients, t (q - p) of the student's and t p (log p - log q - KL) of the teacher's: over a vocabulary each further tensor is as large as they.
 *
 * @param student `[..., n]`  @param teacher `[..., n]`
 * @returns `[...]`
 */
export function klRows(student: Tensor, teacher: Tensor, t: number): Tensor {
  const shape = student.shape.slice(0, -1), n = student.shape[student.rank - 1]!, rows = (x: Tensor): Tensor => tf.reshape(x, [-1, n]);
  if (!own()) {
    const logP = tf.logSoftmax(tf.div(teacher, t)), logQ = tf.logSoftmax(tf.div(student, t));
    return tf.mul(tf.sum(tf.mul(tf.exp(logP), tf.sub(logP, logQ)), -1), t * t);
  }
  return operation([student, teacher], (save) => {
    save([student, teacher]);
    return tf.reshape(ownKernel('ZsaqKl', { t }, [rows(student), rows(teacher)], 1)[0], shape);
  }, (dy, [s, p]) => (['ZsaqKlStudent', 'ZsaqKlTeacher'] as const).map((name) => () => tf.reshape(ownKernel(name, { t }, [rows(s), rows(p), tf.reshape(dy, [-1, 1])], 1)[0], s.shape)));
}

/** Softmax over the last axis; the gradient keeps only the output: dx = y (dy - sum(dy y)). */
export function softmax(x: Tensor): Tensor {
  return operation([x], (save) => {
    const y = tf.softmax(x);
    save([y]);
    return y;
  }, (dy, [y]) => [() => pulledBack(y, dy)]);
}

/** The gradient of a softmax from its output: y (dy - sum(dy y)). */
function pulledBack(y: Tensor, dy: Tensor): Tensor {
  const weighted = tf.mul(dy, y);
  return tf.sub(weighted, tf.mul(tf.sum(weighted, -1, true), y));
}

/**
 * The gradient of softmax(z) pulled back to z, from z itself: dz = p (dp - sum(p dp)), p = softmax(z). No gradient.
 *
 * @param z `[..., n]`  @param dp `[..., n]`
 */
export function softmaxGrad(z: Tensor, dp: Tensor): Tensor {
  if (own()) return ownKernel('ZsaqSoftmaxGrad', {}, [z, dp], 1)[0];
  return pulledBack(tf.softmax(late(z, dp)), dp);
}

/**
 * Dropout: each entry becomes 0 with probability `rate`, else x / (1 - rate). Which ones is a function of the seed alone, so that a
 * graph can be run at every step, and a resumed run draws what an undisturbed one does.
 *
 * @param seed int32 `[2]`
 */
export function dropout(x: Tensor, rate: number, seed: Tensor1D): Tensor {
  const uniform = isNative()
    ? kernel('StatelessRandomUniform', { T: { type: 'int32' }, Tseed: { type: 'int32' }, dtype: F32 }, [tf.tensor1d(x.shape, 'int32'), seed])
    : tf.randomUniform(x.shape, 0, 1, 'float32', [...seed.dataSync()].join('/'));
  return tf.mul(x, tf.mul(tf.cast(tf.greaterEqual(uniform, rate), 'float32'), 1 / (1 - rate)));
}

/** x[ids] along the first axis, without a look at the ids (`tf.gather` reads them back to check them). No gradient. */
export function gatherRows(x: Tensor, ids: Tensor): Tensor {
  if (!fused()) return tf.gather(x, ids as Tensor1D);
  const types = { Tparams: { type: x.dtype as 'float32' | 'int32' }, Tindices: { type: 'int32' }, Taxis: { type: 'int32' }, batch_dims: { int: 0 } } as const;
  return kernel('GatherV2', types, [x, ids, tf.scalar(0, 'int32')]);
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
    return gatherRows(table, ids);
  }, (dy, [at]) => [() => tf.scatterND(tf.reshape(at, [-1, 1]), tf.reshape(dy, [-1, n]), [rows, n])]);
}

/**
 * One column a row, drawn with the row's probabilities by inverting their running sum, first over blocks of columns and then inside
 * the block: the sum over a whole row takes five times as long. Rounding never draws a column of probability zero. No gradient.
 *
 * @param p probabilities `[n, columns]`  @param u uniform numbers in [0, 1), `[n]`
 * @returns int32 `[n]`
 */
export function sampleColumns(p: Tensor2D, u: Tensor1D): Tensor1D {
  const [n, columns] = p.shape, width = largestDivisor(columns, 128), count = columns / width;
  const blocks = tf.reshape(p, [n, count, width]), upTo = tf.cumsum(tf.sum(blocks, 2), 1) as Tensor2D;
  const wanted = tf.maximum(tf.mul(tf.reshape(u, [n, 1]), tf.slice(upTo, [0, count - 1], [n, 1])), TINY) as Tensor2D;
  const block = firstReaching(upTo, wanted), row = tf.add(block, tf.mul(range(n), tf.scalar(count, 'int32')));
  const inside = tf.cumsum(gatherRows(tf.reshape(p, [n * count, width]), row), 1) as Tensor2D, whole = tf.slice(inside, [0, width - 1], [n, 1]);
  const before = tf.sub(tf.reshape(gatherRows(tf.reshape(upTo, [n * count]), row), [n, 1]), whole);
  const left = tf.maximum(tf.minimum(tf.sub(wanted, before), whole), TINY) as Tensor2D;
  return tf.add(tf.mul(block, tf.scalar(width, 'int32')), firstReaching(inside, left)) as Tensor1D;
}

const TINY = 1e-30;

/** Of each row of running sums the first column that reaches the wanted one: int32 `[n]`. */
function firstReaching(sums: Tensor2D, wanted: Tensor2D): Tensor1D {
  const found = fused() ? kernel('LowerBound', { T: F32, out_type: { type: 'int32' } }, [sums, wanted]) : tf.sum(tf.cast(tf.less(sums, wanted), 'int32'), 1);
  return tf.reshape(found, [sums.shape[0]]) as Tensor1D;
}

const range = (n: number): Tensor => tf.range(0, n, 1, 'int32');

function largestDivisor(n: number, limit: number): number {
  let d = Math.min(n, limit);
  while (n % d) d--;
  return d;
}
