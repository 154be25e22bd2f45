import { ZsaqError } from '../core/error';
import { dispose } from '../core/tree';
import { outputOrder } from '../eval/glue';
import { openPretrained } from '../io/pretrained';
import { readFinite } from '../models/load';
import { canonicalName, modelFromConfig } from '../models/registry';
import { freshWeights } from '../train/weights';
import type { TaskSpec } from '../eval/task';
import type { Model } from '../models/model';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** Class names of the encoders that take a head. */
const ENCODERS: Readonly<Record<string, string>> = { bert: 'Bert', roberta: 'Roberta', distilbert: 'DistilBert' };
const DEVIATION = 0.02;

/** An encoder with the head of a task: its configuration, and what its weights begin with. */
export interface TaskModel {
  model: Model;
  config: Record<string, unknown>;
  params: Record<string, Tensor>;
  /** tensors that no file had, or that another task's outputs had, drawn anew from the seed */
  fresh: string[];
}

/**
 * The encoder of a model folder with the head of a task. A head that tells the same labels apart is kept; of any other, and
 * of none, what lies below its outputs is kept as far as it is there, and the rest is drawn from the seed.
 *
 * @throws ZsaqError 'mismatch' for a model that is no encoder; as `openPretrained`
 */
export function taskModel(dir: string, task: TaskSpec, seed: number): TaskModel {
  const folder = openPretrained(dir);
  const params: Record<string, Tensor> = {};
  try {
    const { config, keepsOutputs } = taskConfig(folder.config, task, dir), model = modelFromConfig(config);
    const stored = new Map(folder.names.map((name) => [canonicalName(model, name), name]));
    const outputs = new Set(keepsOutputs ? [] : outputNames(model));
    const fresh = model.paramNames.filter((name) => !stored.has(name) || outputs.has(name));
    const body = fresh.find((name) => !model.headNames.has(name));
    if (body) throw new ZsaqError('missing', `${dir}: no tensor "${body}": the weights do not fit config.json`);
    for (const name of model.paramNames) if (!fresh.includes(name)) params[name] = readFinite(folder, stored.get(name)!, model.shapes[name]);
    const deviation = typeof config.initializer_range === 'number' ? config.initializer_range : DEVIATION;
    Object.assign(params, freshWeights(Object.fromEntries(fresh.map((name) => [name, model.shapes[name]])), 'finetune', seed, deviation));
    return { model, config, params, fresh };
  } catch (e) {
    dispose(params);
    throw e;
  } finally {
    folder.close();
  }
}

function taskConfig(config: Record<string, unknown>, task: TaskSpec, dir: string): { config: Record<string, unknown>; keepsOutputs: boolean } {
  const name = ENCODERS[String(config.model_type)];
  if (!name) throw new ZsaqError('mismatch', `${dir} is a ${String(config.model_type)} model, and ${task.name} needs an encoder (${Object.keys(ENCODERS).join(', ')}): give --text to train a language model`);
  if (config.quantization_config) throw new ZsaqError('mismatch', `${dir} is already quantized: give the full-precision model`);
  const { torch_dtype: _, num_labels: __, ...rest } = config, shared = { ...rest, architectures: [`${name}ForSequenceClassification`], dtype: 'float16' };
  if (fits(config, task)) return { config: { ...shared, id2label: config.id2label }, keepsOutputs: true };
  const labels = task.kind === 'regression' ? ['LABEL_0'] : task.labelNames;
  return {
    keepsOutputs: false,
    config: {
      ...shared, id2label: Object.fromEntries(labels.map((label, i) => [i, label])), label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
      problem_type: task.kind === 'regression' ? 'regression' : 'single_label_classification',
    },
  };
}

function fits(config: Record<string, unknown>, task: TaskSpec): boolean {
  if (!config.id2label || !String(config.architectures).endsWith('ForSequenceClassification')) return false;
  try {
    outputOrder(modelFromConfig(config), task);
    return true;
  } catch {
    return false;
  }
}

/** The parameters whose shape depends on the number of outputs. */
function outputNames(model: Model): string[] {
  const wider = modelFromConfig({ ...model.config, problem_type: 'single_label_classification', id2label: { 0: 'a', 1: 'b', 2: 'c', 3: 'd', 4: 'e', 5: 'f' } }).shapes;
  return model.paramNames.filter((name) => String(model.shapes[name]) !== String(wider[name]));
}
