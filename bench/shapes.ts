// The sizes that are compared: the bundled models, and random weights of published architectures, with a batch of random tokens.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadModel, makePlan, modelFromConfig, savePretrained, storedTensors, Stream, tf, type Model, type PlanOptions } from '../src/index';
import { map } from '../src/core/tree';
import { writeSafetensors } from '../src/io/safetensors';
import { samSgaDefaults } from '../src/methods/config';
import { isScale, makeStudent, quantizedNames, type Student } from '../src/methods/student';
import { codeRange } from '../src/quant/spec';
import { pocketModelPath } from '../datasets';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** An architecture with the batch it is timed on; a bundled model has its own weights and generator. */
export interface Shape { batch: number; seq: number; config?: Record<string, unknown>; bundled?: 'pocket-bert' | 'pocket-opt' }

export const bert = (vocab: number, hidden: number, layers: number, heads: number): Record<string, unknown> => ({
  architectures: ['BertForSequenceClassification'], model_type: 'bert', vocab_size: vocab, hidden_size: hidden, num_hidden_layers: layers,
  num_attention_heads: heads, intermediate_size: 4 * hidden, hidden_act: 'gelu', max_position_embeddings: 512, type_vocab_size: 2,
  layer_norm_eps: 1e-12, pad_token_id: 0, id2label: { 0: 'negative', 1: 'positive' },
});
export const opt = (vocab: number, hidden: number, layers: number, heads: number): Record<string, unknown> => ({
  architectures: ['OPTForCausalLM'], model_type: 'opt', vocab_size: vocab, hidden_size: hidden, word_embed_proj_dim: hidden, num_hidden_layers: layers,
  num_attention_heads: heads, ffn_dim: 4 * hidden, max_position_embeddings: 512, activation_function: 'relu', do_layer_norm_before: true, pad_token_id: 1,
});

export const SHAPES: Readonly<Record<string, Shape>> = {
  'pocket-bert': { batch: 16, seq: 32, bundled: 'pocket-bert' },
  'pocket-opt': { batch: 16, seq: 32, bundled: 'pocket-opt' },
  minilm: { batch: 16, seq: 64, config: bert(30_522, 384, 6, 12) },
  'bert-base': { batch: 8, seq: 128, config: bert(30_522, 768, 12, 12) },
  'opt-125m': { batch: 4, seq: 256, config: opt(50_272, 768, 12, 12) },
};

/** W2A8 on the stretched grid with learned row scales: the plan of the hardest cells. */
export const PLAN: PlanOptions = { weights: 2, activations: 8, grid: 'stretched', scale: 'absmax', granularity: 'row', learned: true, embeddings: '8', rules: {} };
const { low, high, zero } = codeRange({ bits: 2, grid: 'stretched' });
/** What both sides are told; the grid's ends and its zero point as [low, high, zero]. */
export const SETTINGS = {
  bits: 2, levels: [low, high, zero] as [number, number, number], rate: samSgaDefaults.rate, scaleRate: samSgaDefaults.scaleRate, clip: samSgaDefaults.clip, beta: samSgaDefaults.beta,
  generatorRate: samSgaDefaults.generator.rate, candidates: samSgaDefaults.adaptation.candidates,
};
/** Student steps for each ascent of the generator. */
export const EVERY = samSgaDefaults.generator.every;

/** Ids below this are special in every shape. */
export const FIRST_WORD = 5;

/**
 * What the students of both sides start from. A covering scale puts the largest weight of each row on a border of its grid, and half of
 * it on the next one, where the last bit decides: a hundredth more, and every weight is well inside.
 */
export const MARGIN = 0.01;
export function startOf(student: Student): Record<string, Tensor> {
  return map(student.initial, (x, name) => (isScale(name) ? tf.add(x, Math.log1p(MARGIN)) : tf.clone(x)));
}

const f32 = (shape: readonly number[], data: Float32Array) => ({ dtype: 'F32' as const, shape, data });

/** The folder of a shape, written once: model, and what the student of both sides starts from. */
export async function prepareShape(name: string, cache: string, shape: Shape = SHAPES[name]): Promise<string> {
  const dir = join(cache, name), file = join(dir, 'case.safetensors');
  if (existsSync(file)) return dir;
  mkdirSync(cache, { recursive: true });
  if (shape.bundled) await copyModel(pocketModelPath(shape.bundled), dir);
  else writeRandomModel(dir, shape.config!);
  const { model, params } = await loadModel(dir), student = makeStudent(model, params, makePlan(model, PLAN)), { batch, seq } = shape;
  const random = new Stream(`${name}/ids`, 0), ids = Float32Array.from({ length: batch * seq }, () => FIRST_WORD + random.int(model.vocabSize - FIRST_WORD));
  writeSafetensors(file, [
    ...Object.entries(student.frozen).map(([n, x]) => [`frozen/${n}`, f32(x.shape, x.dataSync() as Float32Array)] as const),
    ...quantizedNames(student).map((n) => [`scale/${n}`, f32(student.fitted[n].scale.shape, (student.fitted[n].scale.dataSync() as Float32Array).map((s) => s * (1 + MARGIN)))] as const),
    ['ids', f32([batch, seq], ids)],
  ]);
  return dir;
}

/** A model of random weights in a Hugging Face folder. */
export function writeRandomModel(dir: string, config: Record<string, unknown>): void {
  const model = modelFromConfig(config);
  savePretrained(dir, { config, tensors: Object.fromEntries(Object.entries(model.shapes).map(([n, shape]) => [n, f32(shape, firstValues(model, n, shape))])) });
}

/** A model in float32, as both sides read it. */
export async function copyModel(from: string, dir: string): Promise<void> {
  const { model, params, config } = await loadModel(from);
  savePretrained(dir, { config, tensors: storedTensors(model, params) });
}

/** Normal weights, unit norms, small biases. */
function firstValues(model: Model, name: string, shape: readonly number[]): Float32Array {
  const random = new Stream(name, 0), values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  if (/norm/i.test(name) && name.endsWith('.weight')) return values.fill(1);
  const deviation = name.endsWith('.bias') ? 0.01 : 0.02 * Math.max(1, 128 / model.hiddenSize);
  for (let i = 0; i < values.length; i++) values[i] = deviation * random.normal();
  return values;
}
