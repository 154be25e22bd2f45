import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/**
 * The one place where a forward pass can be changed from outside: `activation` sees (and may replace) the input of the
 * linear layers that stand at `site`. Activation quantization and calibration enter here. Weights need no hook:
 * a model is a pure function of its record of parameters, so quantized or perturbed weights are just another record.
 * `product` computes x Wᵀ + b of a linear layer of the encoder or decoder in another way, as integers do (export/integer).
 */
export interface Hooks {
  activation?(site: string, x: Tensor): Tensor;
  product?(layer: string, x: Tensor, bias: Tensor | undefined): Tensor;
}

/** x as the linear layers at `site` see it. */
export function at(hooks: Hooks | undefined, site: string, x: Tensor): Tensor {
  return hooks?.activation ? hooks.activation(site, x) : x;
}
