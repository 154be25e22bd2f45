import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { dispose, get, type Params } from '../core/tree';
import { quote } from '../io/quote';
import { openPretrained, type Pretrained } from '../io/pretrained';
import { canonicalName, modelFromConfig } from './registry';
import type { Model } from './model';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** A model from a folder: its network, its weights by name in float32, and what the folder says of it. The caller owns `params`. */
export interface LoadedModel {
  dir: string;
  model: Model;
  params: Record<string, Tensor>;
  config: Record<string, unknown>;
  /** what the folder says of itself (`zsaq.json`): the text it was trained on, scores */
  card?: Record<string, unknown>;
}

/**
 * A model from a Hugging Face folder, weights as float32 tensors under canonical names and as
 * `[out, in]`. One tensor is read at a time.
 *
 * @throws ZsaqError naming the file and tensor: missing, of another shape, not finite; 'mismatch' for a quantized one, 'format' for a head that config.json does not name
 * @example const { model, params } = await loadModel('models/minilm-sst2')
 */
export async function loadModel(dir: string): Promise<LoadedModel> {
  const folder = openPretrained(dir);
  try {
    const { quantization_config: packed, architectures } = folder.config, model = modelFromConfig(folder.config);
    if (packed !== undefined) throw new ZsaqError('mismatch', `${dir} is quantized: read it with loadRunnable, which unpacks it`);
    const lost = architectures === undefined && model.head.kind === 'none' ? folder.names.find((name) => /^(classifier|cls|pre_classifier|vocab_|lm_head)/.test(name)) : undefined;
    if (lost) throw new ZsaqError('format', `${dir}: there is a head (${quote(lost)}), but config.json does not say which (architectures): add it, as ["BertForSequenceClassification"]`);
    return { dir, model, params: readParams(folder, model), config: folder.config, card: folder.card };
  } finally {
    folder.close();
  }
}

function readParams(folder: Pretrained, model: Model): Record<string, Tensor> {
  const stored = new Map(folder.names.map((n) => [canonicalName(model, n), n]));
  const params: Record<string, Tensor> = {};
  try {
    for (const name of model.paramNames) {
      const source = stored.get(name);
      if (source === undefined) throw new ZsaqError('missing', `${folder.dir}: no tensor "${name}": the weights do not fit config.json`);
      params[name] = model.storedTransposed?.has(name) ? readTransposed(folder, source, model.shapes[name]) : readFinite(folder, source, model.shapes[name]);
    }
  } catch (e) {
    dispose(params);
    throw e;
  }
  return params;
}

function readTransposed(folder: Pretrained, name: string, shape: readonly number[]): Tensor {
  const stored = readFinite(folder, name, [...shape].reverse());
  try { return tf.transpose(stored); } finally { stored.dispose(); }
}

/**
 * Host copies under the names and in the layout of model files: what `savePretrained` writes and both `loadModel` and
 * transformers read back.
 *
 * @example savePretrained(dir, { config, tensors: storedTensors(model, params) })
 */
export function storedTensors(model: Model, params: Params): Record<string, { dtype: 'F32'; shape: number[]; data: Float32Array }> {
  return Object.fromEntries(model.paramNames.map((name) => {
    const x = get(params, name), stored = model.storedTransposed?.has(name) ? tf.transpose(x) : x;
    const host = { dtype: 'F32' as const, shape: stored.shape.slice(), data: stored.dataSync() as Float32Array };
    if (stored !== x) stored.dispose();
    return [name, host];
  }));
}

/** One tensor as float32, its shape and values checked. */
export function readFinite(folder: Pretrained, name: string, shape: readonly number[]): Tensor {
  return tf.tensor(finiteValues(folder, name, shape), [...shape], 'float32');
}

/** The same in plain memory. */
export function finiteValues(folder: Pretrained, name: string, shape: readonly number[]): Float32Array {
  const found = folder.info(name).shape;
  if (found.length !== shape.length || found.some((n, i) => n !== shape[i])) {
    throw new ZsaqError('mismatch', `${folder.dir}: tensor "${name}" has shape [${found}], config.json asks for [${shape}]`);
  }
  const { data } = folder.read(name), values = data instanceof Float32Array ? data : Float32Array.from(data);
  if (!allFinite(values)) {
    const i = values.findIndex((v) => !Number.isFinite(v));
    throw new ZsaqError('nonFinite', `${folder.dir}: tensor "${name}" holds ${values[i]} at position ${i}: the weights are damaged`);
  }
  return values;
}

/** An exponent of ones, and what makes its sign bit flow over; two at a time takes a third of the time of `Number.isFinite` in a loop. */
function allFinite(values: Float32Array): boolean {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length), n = bits.length;
  let even = n % 2 ? (bits[n - 1] & 0x7f800000) + 0x800000 | 0 : 0, odd = 0;
  for (let i = 0; i + 1 < n; i += 2) {
    even |= (bits[i] & 0x7f800000) + 0x800000 | 0;
    odd |= (bits[i + 1] & 0x7f800000) + 0x800000 | 0;
  }
  return (even | odd) >= 0;
}
