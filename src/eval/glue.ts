import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import type { Params } from '../core/tree';
import { checkVocabulary, type Model } from '../models/model';
import type { Hooks } from '../nn/hooks';
import { lengthBatches, type Batch } from '../text/batches';
import type { Tokenizer } from '../text/tokenizer';
import { batchInputs } from './inputs';
import { METRIC_LABELS, METRICS, type MetricName } from './metrics';
import { turn } from './turn';
import type { EvaluationCallbacks, Example, TaskSpec } from './task';

/** How a model is scored on a task; hooks are those of a quantized model. */
export interface TaskOptions extends EvaluationCallbacks {
  hooks?: Hooks;
  /** tokens in a batch, padding included */
  batchTokens?: number;
  /** longer texts are cut, the longer of a pair first */
  maxLength?: number;
  /** names of the model's outputs in their order, if not those of its `config.json` */
  labelOrder?: readonly string[];
}

/** A score with what it was measured on, and the predictions behind it. */
export interface TaskResult {
  task: string;
  /** in words, as in tables */
  metric: string;
  /** the metric times 100; NaN where it is not defined (correlation with constant predictions) */
  score: number;
  examples: number;
  /** the metric and the task's further ones, times 100 */
  details: Partial<Record<MetricName, number>>;
  /** one per example in their order: index in the task's `labelNames` or regression value; NaN where a logit is not finite */
  predictions: Float32Array;
}

/**
 * Scores a classification or regression model on a task, labels compared by name so that the model's own order decides.
 *
 * @throws ZsaqError 'mismatch' where head and task do not fit, 'range' without examples or for one whose text or label is none, 'usage' for an unknown metric, 'cancelled'
 * @example (await evaluateTask(model, params, tokenizer, task, examples)).score // 87.39
 */
export async function evaluateTask(
  model: Model, params: Params, tokenizer: Tokenizer, task: TaskSpec, examples: readonly Example[],
  { hooks, batchTokens = 2048, maxLength = 128, labelOrder, onProgress, signal }: TaskOptions = {},
): Promise<TaskResult> {
  if (!examples.length) throw new ZsaqError('range', `${task.name} has no examples: give at least one`);
  const toTask = outputOrder(model, task, labelOrder);
  checkExamples(task, examples);
  checkVocabulary(tokenizer, model);
  const length = Math.min(maxLength, model.maxLength);
  const encoded = examples.map((e) => tokenizer.encodePair(e.text, e.pair, length));
  const predictions = new Float32Array(examples.length);
  let done = 0;
  for (const batch of lengthBatches(encoded, { tokensPerBatch: batchTokens, padId: tokenizer.special.pad ?? model.padId })) {
    await turn(signal);
    const logits = await logitsOf(model, params, batch, hooks);
    const width = logits.length / batch.batch;
    batch.index.forEach((i, row) => { predictions[i] = read(logits.subarray(row * width, (row + 1) * width), toTask); });
    onProgress?.({ done: (done += batch.batch), total: examples.length });
  }
  return { task: task.name, ...scored(task, predictions, examples), predictions };
}

/** Examples of anybody's file: a label that is none would count as a wrong answer. */
function checkExamples({ name, kind, metric, labelNames }: TaskSpec, examples: readonly Example[]): void {
  if (!Object.hasOwn(METRICS, metric)) throw new ZsaqError('usage', `${name}: there is no metric ${JSON.stringify(metric)}: choose ${Object.keys(METRICS).join(', ')}`);
  const isLabel = (x: unknown): boolean => (kind === 'regression' ? Number.isFinite(x) : Number.isInteger(x) && (x as number) >= 0 && (x as number) < labelNames.length);
  examples.forEach(({ text, pair, label }, i) => {
    if (typeof text !== 'string' || (pair !== undefined && typeof pair !== 'string')) throw new ZsaqError('range', `${name}: example ${i} has no text: give { text, label }, for pairs { text, pair, label }`);
    if (!isLabel(label)) throw new ZsaqError('range', `${name}: example ${i} has the label ${JSON.stringify(label)}: give ${kind === 'regression' ? 'a number' : `the place of its name among ${labelNames.join(', ')}, 0 to ${labelNames.length - 1}`}`);
  });
}

/**
 * The task's label index of each output of the model, or `undefined` for regression.
 *
 * @throws ZsaqError 'mismatch' naming both sides
 */
export function outputOrder(model: Pick<Model, 'head'>, task: TaskSpec, labelOrder?: readonly string[]): number[] | undefined {
  const { head } = model;
  const wanted = { classification: 'classification', regression: 'regression', languageModel: 'languageModel' }[task.kind];
  if (head.kind !== wanted || task.kind === 'languageModel') {
    throw new ZsaqError('mismatch', `${task.name} is a ${task.kind} task, but the model has a ${head.kind} head: choose a task that fits the model`);
  }
  if (head.kind !== 'classification') return undefined;
  const names = labelOrder ?? head.labels;
  if (names.length !== task.labelNames.length) {
    const sides = `the model tells ${names.length} labels apart (${names.join(', ')}), ${task.name} has ${task.labelNames.length} (${task.labelNames.join(', ')})`;
    throw new ZsaqError('mismatch', `${sides}: choose the model of this task`);
  }
  // A folder that never named its labels follows GLUE's order, which is the task's.
  if (names.every((n, i) => n === `LABEL_${i}`)) return names.map((_, i) => i);
  const known = task.labelNames.map(plain);
  const order = names.map((n) => known.indexOf(plain(n)));
  if (order.includes(-1) || new Set(order).size !== order.length) {
    throw new ZsaqError('mismatch', `the model's labels (${names.join(', ')}) are not those of ${task.name} (${task.labelNames.join(', ')}): choose the model of this task`);
  }
  return order;
}

function plain(name: string): string { return name.trim().toLowerCase().replace(/[ -]/g, '_'); }

async function logitsOf(model: Model, params: Params, b: Batch, hooks?: Hooks): Promise<Float32Array> {
  const logits = tf.tidy(() => {
    return model.forward(params, batchInputs(b), hooks).logits;
  });
  try { return await logits.data() as Float32Array; } finally { logits.dispose(); }
}

function read(logits: Float32Array, toTask: readonly number[] | undefined): number {
  if (!logits.every(Number.isFinite)) return NaN;
  if (!toTask) return logits[0];
  let best = 0;
  for (let k = 1; k < logits.length; k++) if (logits[k] > logits[best]) best = k;
  return toTask[best];
}

/** Metric, score and details of predictions. */
export function scored(task: TaskSpec, predictions: ArrayLike<number>, examples: readonly Example[]): Pick<TaskResult, 'metric' | 'score' | 'examples' | 'details'> {
  const labels = examples.map((e) => e.label);
  const value = (name: MetricName) => (name === 'perplexity' ? NaN : 100 * METRICS[name](predictions, labels));
  const details = Object.fromEntries([task.metric, ...task.secondary].map((name) => [name, value(name)])) as TaskResult['details'];
  return { metric: METRIC_LABELS[task.metric], score: details[task.metric]!, examples: examples.length, details };
}
