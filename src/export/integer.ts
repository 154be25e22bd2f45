import { tf } from '../core/backend';
import * as kernels from '../core/kernels';
import type { Hooks } from '../nn/hooks';
import type { PackedWeight } from './packed';
import type { ExportSource } from './source';
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** Weights as whole numbers: w = scale n, n int16 (on the stretched grid n = 2c - (2^b - 1), with half the scale). */
interface IntegerWeight { rows: number; columns: number; values: Int16Array; scale: Float32Array; perRow: number }

/** Every grid has whole numbers, the stretched one after doubling. */
export function integerWeight({ spec, shape, codes, low, scale, zero }: PackedWeight): IntegerWeight {
  const [rows, columns] = shape, group = codes.length / scale.length, factor = spec.grid === 'stretched' ? 2 : 1;
  const values = Int16Array.from(codes, (c, i) => factor * (c + low - zero[Math.floor(i / group)]));
  const perRow = scale.length >= rows ? scale.length / rows : 1, scales = Float32Array.from({ length: rows * perRow }, (_, i) => (scale.length >= rows ? scale[i] : scale[0]) / factor);
  return { rows, columns, values, scale: scales, perRow };
}

/**
 * y = x Wᵀ + b as an integer unit computes it: activations to int8 per token (s_x = max |x| / 127, half to even), products
 * and sums in int32, and only then the scales:
 *
 *   y_j = b_j + sum over groups g of s_x s_jg (sum over i in g of q_i n_ji)
 *
 * It differs from the fake-quantized product only in the rounding of its float32 sum: by at most about K 2^-24 sum |x w|.
 *
 * @param x `[n, columns]`  @returns `[n, rows]`
 */
export function integerLinear(x: Float32Array, w: IntegerWeight, bias: Float32Array | undefined): Float32Array {
  const { rows, columns, values, scale, perRow } = w, n = x.length / columns, out = new Float32Array(n * rows), group = columns / perRow;
  const q = new Int8Array(columns);
  for (let token = 0; token < n; token++) {
    const step = quantizeToken(x.subarray(token * columns, (token + 1) * columns), q);
    for (let j = 0; j < rows; j++) {
      let sum = bias ? bias[j] : 0;
      for (let g = 0; g < perRow; g++) {
        let products = 0;
        for (let i = g * group, at = j * columns + i; i < (g + 1) * group; i++, at++) products = (products + Math.imul(q[i], values[at])) | 0;
        sum += products * step * scale[j * perRow + g];
      }
      out[token * rows + j] = sum;
    }
  }
  return out;
}

/** Codes of one token, and its scale; float32 throughout, as the graph computes it. */
function quantizeToken(x: Float32Array, q: Int8Array): number {
  let most = 0;
  for (const v of x) most = Math.max(most, Math.abs(v));
  const step = Math.max(Math.fround(most / 127), 1e-30);
  for (let i = 0; i < x.length; i++) q[i] = roundHalfEven(Math.fround(x[i] / step));
  return step;
}

function roundHalfEven(v: number): number {
  const floor = Math.floor(v), rest = v - floor;
  return rest < 0.5 ? floor : rest > 0.5 ? floor + 1 : floor % 2 ? floor + 1 : floor;
}

/**
 * Hooks with which a quantized model computes its linear layers in integers: the reference of what an integer unit gives,
 * slow. Layers that the plan leaves in full precision, and models whose activations are not all dynamic and symmetric, are not for it.
 *
 * @example model.forward(params, { ids }, integerHooks(source))
 */
export function integerHooks({ packed, params }: Pick<ExportSource, 'packed' | 'params'>): Hooks {
  const made = new Map<string, IntegerWeight>();
  return {
    product(layer, x, bias) {
      const name = `${layer}.weight`;
      if (!packed[name]) return kernels.linear(x, params[name] as Tensor2D, bias as Tensor1D | undefined);
      if (!made.has(name)) made.set(name, integerWeight(packed[name]));
      const w = made.get(name)!;
      return tf.tensor(integerLinear(x.dataSync() as Float32Array, w, bias?.dataSync() as Float32Array | undefined), [...x.shape.slice(0, -1), w.rows]);
    },
  };
}
