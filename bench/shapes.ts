// The sizes that are compared: random weights of the published architectures, with a batch of random tokens.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadModel, makePlan, modelFromConfig, savePretrained, Stream, type Model, type PlanOptions } from '../src/index';
import { writeSafetensors } from '../src/io/safetensors';
import { makeStudent, quantizedNames } from '../src/methods/student';
import { codeRange } from '../src/quant/spec';

/** An architecture with the batch it is timed on. */
export interface Shape { batch: number; seq: number; config: Record<string, unknown> }

const bert = (vocab: number, hidden: number, layers: number, heads: number): Record<string, unknown> => ({
  architectures: ['BertForSequenceClassification'], model_type: 'bert', vocab_size: vocab, hidden_size: hidden, num_hidden_layers: layers,
  num_attention_heads: heads, intermediate_size: 4 * hidden, hidden_act: 'gelu', max_position_embeddings: 512, type_vocab_size: 2,
  layer_norm_eps: 1e-12, pad_token_id: 0, id2label: { 0: 'negative', 1: 'positive' },
});
const opt = (vocab: number, hidden: number, layers: number, heads: number): Record<string, unknown> => ({
  architectures: ['OPTForCausalLM'], model_type: 'opt', vocab_size: vocab, hidden_size: hidden, word_embed_proj_dim: hidden, num_hidden_layers: layers,
  num_attention_heads: heads, ffn_dim: 4 * hidden, max_position_embeddings: 512, activation_function: 'relu', do_layer_norm_before: true, pad_token_id: 1,
});

export const SHAPES: Readonly<Record<string, Shape>> = {
  'pocket-bert': { batch: 16, seq: 32, config: bert(300, 128, 4, 4) },
  'pocket-opt': { batch: 16, seq: 32, config: opt(300, 128, 4, 4) },
  minilm: { batch: 16, seq: 64, config: bert(30_522, 384, 6, 12) },
  'bert-base': { batch: 8, seq: 128, config: bert(30_522, 768, 12, 12) },
  'opt-125m': { batch: 4, seq: 256, config: opt(50_272, 768, 12, 12) },
};

/** W2A8 on the stretched grid with learned row scales: the plan of the hardest cells. */
export const PLAN: PlanOptions = { weights: 2, activations: 8, grid: 'stretched', scale: 'absmax', granularity: 'row', learned: true, embeddings: '8', rules: {} };
export const LEVELS = codeRange({ bits: 2, grid: 'stretched' });
export const SETTINGS = { rate: 1e-4, scaleRate: 1e-3, clip: 1, beta: 2e-4 } as const;

/** The folder of a case, written once: model, and what the student of both sides starts from. */
export async function prepareShape(name: string, cache: string): Promise<string> {
  const { batch, seq, config } = SHAPES[name], dir = join(cache, name), file = join(dir, 'case.safetensors');
  if (existsSync(file)) return dir;
  mkdirSync(cache, { recursive: true });
  const model = modelFromConfig(config);
  savePretrained(dir, { config, tensors: Object.fromEntries(Object.entries(model.shapes).map(([n, shape]) => [n, { dtype: 'F32' as const, shape, data: firstValues(model, n, shape) }])) });
  const { params } = await loadModel(dir), student = makeStudent(model, params, makePlan(model, PLAN));
  const random = new Stream(`${name}/ids`, 0), ids = Int32Array.from({ length: batch * seq }, () => 5 + random.int(model.vocabSize - 5));
  const tensors = [
    ...Object.entries(student.frozen).map(([n, x]) => [`frozen/${n}`, { dtype: 'F32' as const, shape: x.shape, data: x.dataSync() as Float32Array }] as const),
    ...quantizedNames(student).map((n) => [`scale/${n}`, { dtype: 'F32' as const, shape: student.fitted[n].scale.shape, data: student.fitted[n].scale.dataSync() as Float32Array }] as const),
    ['ids', { dtype: 'F32' as const, shape: [batch, seq], data: Float32Array.from(ids) }] as const,
  ];
  writeSafetensors(file, tensors);
  return dir;
}

/** Normal weights, unit norms, small biases. */
function firstValues(model: Model, name: string, shape: readonly number[]): Float32Array {
  const random = new Stream(name, 0), values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  if (/norm/i.test(name) && name.endsWith('.weight')) return values.fill(1);
  const deviation = name.endsWith('.bias') ? 0.01 : 0.02 * Math.max(1, 128 / model.hiddenSize);
  for (let i = 0; i < values.length; i++) values[i] = deviation * random.normal();
  return values;
}
