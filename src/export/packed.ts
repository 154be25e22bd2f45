import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { tidy } from '../core/memory';
import { dispose } from '../core/tree';
import { openPretrained, savePretrained, type Pretrained } from '../io/pretrained';
import { finiteValues, loadModel, readFinite, type LoadedModel } from '../models/load';
import { modelFromConfig } from '../models/registry';
import { activationHooks } from '../quant/activations';
import { dequantize, groupShape, quantize, type Affine } from '../quant/affine';
import { packBits, unpackBits } from '../quant/pack';
import { checkActivation, checkSpec, codeRange, type QuantSpec } from '../quant/spec';
import type { Model } from '../models/model';
import type { Hooks } from '../nn/hooks';
import type { QuantPlan } from '../quant/plan';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

const METHOD = 'zsaq';

/** A model ready to run: with the hooks of its plan if it is a quantized one. */
export interface RunnableModel extends LoadedModel { hooks: Hooks; plan?: QuantPlan }

/** What a quantized model folder is written from: full weights as the quantized model computes with them, and the grid of each quantized one. */
export interface QuantizedParts {
  config: Record<string, unknown>;
  params: Record<string, Tensor>;
  affines: Record<string, Affine>;
  plan: QuantPlan;
  /** folder whose tokenizer files go along */
  copyFrom?: string;
  card?: Record<string, unknown>;
}

/**
 * Writes a quantized model in its true size: for each quantized weight `<name>.codes` (U8, packed bits of c - low,
 * row-major), `<name>.scale` (F32 `[groups, 1]`) and, on the asymmetric grid, `<name>.zero` (U8); everything else in F32.
 * The plan stands in `config.json` under `quantization_config`, the scales of static activations in it. Reading it back gives the same
 * weights and the same hooks bit for bit.
 *
 * @throws ZsaqError 'usage' for a config that is no model's
 */
export function saveQuantized(dir: string, { config, params, affines, plan, copyFrom, card }: QuantizedParts): void {
  if (typeof config.model_type !== 'string') throw new ZsaqError('usage', 'the config has no model_type, so that nobody could read the folder: give the config.json of the teacher (teacher.config), not the settings of the run');
  const tensors: Parameters<typeof savePretrained>[1]['tensors'] = Object.fromEntries(Object.entries(params).flatMap(([name, x]) => {
    const spec = plan.weights[name];
    if (!spec) return [[name, { dtype: 'F32' as const, shape: x.shape.slice(), data: x.dataSync() as Float32Array }]];
    const { scale, zero } = affines[name], low = codeRange(spec).low;
    const codes = tidy(() => quantize(x, affines[name], spec).sub(low).dataSync());
    const packed = packBits(codes, spec.bits);
    return [
      [`${name}.codes`, { dtype: 'U8' as const, shape: [packed.length], data: packed }],
      [`${name}.scale`, { dtype: 'F32' as const, shape: scale.shape.slice(), data: scale.dataSync() as Float32Array }],
      ...(spec.grid === 'asymmetric' ? [[`${name}.zero`, { dtype: 'U8' as const, shape: zero.shape.slice(), data: Uint8Array.from(zero.dataSync()) }]] : []),
    ];
  }));
  savePretrained(dir, { config: { ...config, quantization_config: { quant_method: METHOD, ...plan } }, tensors, copyFrom, card });
}

/**
 * A model folder of either kind: full precision, or quantized by this project.
 *
 * @throws ZsaqError 'unsupported' for a model that another tool has quantized; as `loadModel`
 */
export async function loadRunnable(dir: string): Promise<RunnableModel> {
  const folder = openPretrained(dir);
  try {
    const found = folder.config.quantization_config as { quant_method?: unknown } | undefined;
    if (found === undefined) return { ...await loadModel(dir), hooks: {} };
    if (found?.quant_method !== METHOD) throw new ZsaqError('unsupported', `${dir}: quantized by ${JSON.stringify(found?.quant_method)}: only full-precision models and those of zsaq can be read`);
    return readQuantized(folder, planOf(found, dir));
  } finally {
    folder.close();
  }
}

function planOf(found: object, dir: string): QuantPlan {
  const { weights, sites, activationBits, activations } = found as Partial<QuantPlan>;
  const sound = weights && typeof weights === 'object' && Array.isArray(sites) && sites.every((s) => typeof s === 'string') && (activationBits === null || activationBits === 8);
  if (!sound) throw new ZsaqError('format', `${dir}/config.json: quantization_config must hold weights, sites and activationBits as zsaq writes them`);
  for (const spec of Object.values(weights)) checkSpec(spec);
  for (const [site, spec] of Object.entries(activations ?? {})) if (checkActivation(spec, site).granularity === 'tensor' && !spec.fixed) throw new ZsaqError('format', `${dir}/config.json: the static activations at ${site} have no scale`);
  return { weights, sites, activationBits, ...(activations ? { activations } : {}) };
}

function readQuantized(folder: Pretrained, plan: QuantPlan): RunnableModel {
  const model = modelFromConfig(folder.config), params: Record<string, Tensor> = {};
  try {
    for (const name of Object.keys(plan.weights)) if (!(name in model.shapes)) throw new ZsaqError('mismatch', `${folder.dir}: the plan names "${name}", which the model does not have`);
    for (const name of model.paramNames) {
      const spec = plan.weights[name], shape = model.shapes[name];
      params[name] = spec ? unpacked(readPackedWeight(folder, name, shape, spec)) : readFinite(folder, name, shape);
    }
  } catch (e) {
    dispose(params);
    throw e;
  }
  return { dir: folder.dir, model, params, config: folder.config, card: folder.card, plan, hooks: activationHooks(plan) };
}

/** A quantized weight in plain memory: w = scale (code + low - zero), one scale and zero for each group. */
export interface PackedWeight {
  spec: QuantSpec;
  shape: readonly number[];
  /** codes counted from the lowest, 0 ... 2^b - 1, row-major */
  codes: Uint8Array;
  low: number;
  scale: Float32Array;
  /** of codes that are counted from `low`, whole except on the stretched grid */
  zero: Float32Array;
}

/** Every quantized weight of a folder that `saveQuantized` wrote. */
export function readPackedWeights(dir: string, model: Model, plan: QuantPlan): Record<string, PackedWeight> {
  const folder = openPretrained(dir);
  try {
    return Object.fromEntries(Object.entries(plan.weights).map(([name, spec]) => [name, readPackedWeight(folder, name, model.shapes[name], spec)]));
  } finally {
    folder.close();
  }
}

function readPackedWeight(folder: Pretrained, name: string, shape: readonly number[], spec: QuantSpec): PackedWeight {
  const { low, zero: implied } = codeRange(spec), [groups] = groupShape(shape, spec.granularity, name);
  const size = shape.reduce((a, b) => a * b, 1), stored = (part: string) => Uint8Array.from(folder.read(`${name}.${part}`).data as ArrayLike<number>);
  const scale = finiteValues(folder, `${name}.scale`, [groups, 1]);
  const zero = spec.grid === 'asymmetric' ? Float32Array.from(stored('zero')) : new Float32Array(groups).fill(implied);
  if (zero.length !== groups) throw new ZsaqError('mismatch', `${folder.dir}: tensor "${name}.zero" has ${zero.length} values for ${groups} groups: the weights are damaged`);
  return { spec, shape, codes: unpackBits(stored('codes'), spec.bits, size), low, scale, zero };
}

function unpacked({ spec, shape, codes, low, scale, zero }: PackedWeight): Tensor {
  return tidy(() => dequantize(tf.add(tf.tensor(Float32Array.from(codes), [...shape]), low), { scale: tf.tensor2d(scale, [scale.length, 1]), zero: tf.tensor2d(zero, [zero.length, 1]) }, spec));
}
