import type { Params } from '../core/tree';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** A layer as a pure function of its parameters and of what it reads: the hidden states, then the bias of its attention if there is one. */
export type Layer = (params: Params, inputs: readonly Tensor[]) => Tensor;

/**
 * The one place where a forward pass can be changed from outside. `activation` sees (and may replace) the input of the
 * linear layers that stand at `site`: activation quantization and calibration enter here. `layer` runs a layer, so that its
 * intermediate values need not be kept. `dropout` is there while a teacher is trained and nowhere else: the model says where it stands and how much of x is dropped. `product` computes x Wᵀ + b of a linear layer of the encoder or decoder in another
 * way, as integers do (export/integer). Weights need no hook: a model is a pure function of its record of parameters, so
 * quantized or perturbed weights are just another record.
 */
export interface Hooks {
  activation?(site: string, x: Tensor): Tensor;
  dropout?(x: Tensor, rate: number): Tensor;
  layer?(f: Layer, params: Params, inputs: readonly Tensor[]): Tensor;
  product?(layer: string, x: Tensor, bias: Tensor | undefined): Tensor;
}

/** x as the linear layers at `site` see it. */
export function at(hooks: Hooks | undefined, site: string, x: Tensor): Tensor {
  return hooks?.activation ? hooks.activation(site, x) : x;
}

/** x behind dropout, where there is any. */
export function dropped(hooks: Hooks | undefined, x: Tensor, rate: number): Tensor { return hooks?.dropout && rate > 0 ? hooks.dropout(x, rate) : x; }

/**
 * Runs the layer whose parameters' names begin with `prefix`.
 *
 * @param bias of the attention, if there is one
 */
export function runLayer(hooks: Hooks | undefined, prefix: string, params: Params, x: Tensor, bias: Tensor | undefined, f: (params: Params, x: Tensor, bias?: Tensor) => Tensor): Tensor {
  if (!hooks?.layer) return f(params, x, bias);
  return hooks.layer((own, [h, b]) => f(own, h, b), part(params, prefix), bias ? [x, bias] : [x]);
}

/** The parameters whose names begin with the prefix, under their whole names. */
function part(params: Params, prefix: string): Params {
  return Object.fromEntries(Object.entries(params).filter(([name]) => name.startsWith(prefix)));
}
