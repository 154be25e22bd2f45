import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { operation } from '../core/grad';
import { quantizeRows } from '../core/kernels';
import { fakeQuantize, type Affine } from './affine';
import { fitAffine } from './fit';
import { pullBack } from './ste';
import type { QuantPlan } from './plan';
import type { ActivationSpec } from './spec';
import type { Hooks } from '../nn/hooks';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/**
 * Dynamic symmetric quantization of activations, one scale per token: s = max |x| / (2^(b-1) - 1) over the last axis,
 * Q(x) = s round(x / s). Nothing is clipped, so the straight-through gradient is dy; the scale is a constant of the
 * gradient (stop-gradient), as integer hardware treats it. The fakeQuantize of that specification, in one pass over memory.
 *
 * @param x `[..., n]`
 */
export function quantizeTokens(x: Tensor, bits = 8): Tensor {
  const high = 2 ** (bits - 1) - 1;
  return operation([x], () => quantizeRows(x, high), (dy) => [() => tf.clone(dy)]);
}

/**
 * Activations by their specification. Dynamic (`row`): scale and zero point of each token from the token itself; nothing that
 * matters is clipped and the gradient is dy. Static (`tensor`): those that calibration has fixed; the gradient is dy where the
 * rounded code lies in the range, else 0, as in PyTorch's `fake_quantize_per_tensor_affine`.
 *
 * @param x `[..., n]`
 * @throws ZsaqError 'missing' if it is static and not calibrated
 */
export function quantizeActivation(x: Tensor, spec: ActivationSpec, site = 'a site'): Tensor {
  const { granularity, grid, scale, bits, fixed } = spec;
  if (granularity === 'row') {
    if (grid === 'symmetric' && scale === 'absmax') return quantizeTokens(x, bits);
    return operation([x], () => fakeQuantize(x, fitAffine(x, spec), spec), (dy) => [() => tf.clone(dy)]);
  }
  if (!fixed) throw new ZsaqError('missing', `the static activations at ${site} are not calibrated: calibrate the plan first`);
  const affine = (): Affine => ({ scale: tf.fill([1, 1], fixed.scale), zero: tf.fill([1, 1], fixed.zero) }) as Affine;
  return operation([x], (save) => {
    save([x]);
    return fakeQuantize(x, affine(), spec);
  }, (dy, [input]) => [() => pullBack(input, affine(), spec, dy).w]);
}

/** Hooks that quantize the inputs of the linear layers, and what else the plan names, as it says. */
export function activationHooks({ sites, activationBits, activations = {} }: Pick<QuantPlan, 'sites' | 'activationBits' | 'activations'>): Hooks {
  if (activationBits === null) return {};
  const known = new Set(sites);
  return { activation: (site, x) => (!known.has(site) ? x : activations[site] ? quantizeActivation(x, activations[site], site) : quantizeTokens(x, activationBits)) };
}
