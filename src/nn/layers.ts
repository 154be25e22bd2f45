import * as kernels from '../core/kernels';
import { get, type Params } from '../core/tree';
import type { Hooks } from './hooks';
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** y = x Wᵀ + b with W, b at `prefix.weight`, `prefix.bias` (the bias may be absent). */
export function linear(params: Params, prefix: string, x: Tensor, hooks?: Hooks): Tensor {
  if (hooks?.product) return hooks.product(prefix, x, params[`${prefix}.bias`]);
  return kernels.linear(x, get(params, `${prefix}.weight`) as Tensor2D, params[`${prefix}.bias`] as Tensor1D | undefined);
}

/** Layer normalization with gamma, beta at `prefix.weight`, `prefix.bias`. */
export function layerNorm(params: Params, prefix: string, x: Tensor, epsilon: number): Tensor {
  return kernels.layerNorm(x, get(params, `${prefix}.weight`) as Tensor1D, get(params, `${prefix}.bias`) as Tensor1D, epsilon);
}

/** Rows of the table at `prefix.weight`. */
export function embedding(params: Params, prefix: string, ids: Tensor): Tensor {
  return kernels.embedding(get(params, `${prefix}.weight`) as Tensor2D, ids);
}
