// How large a cell is before anything of it is loaded: parameters, memory and operations from shapes.
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { configure, methodFlops, modelFromConfig, readJson, type Model } from '../../src/index';
import { findModel } from '../../src/commands/modelFolder';
import { anyTask } from '../../datasets';
import type { Cell, QuantizeCell } from '../cells/cell';

const bert = (hidden: number, layers: number): Record<string, unknown> => ({
  architectures: ['BertForSequenceClassification'], model_type: 'bert', vocab_size: 30522, hidden_size: hidden, num_hidden_layers: layers, num_attention_heads: hidden / 64, intermediate_size: 4 * hidden,
  hidden_act: 'gelu', max_position_embeddings: 512, type_vocab_size: 2, layer_norm_eps: 1e-12, pad_token_id: 0, id2label: { 0: 'a', 1: 'b' }, problem_type: 'single_label_classification',
});
const opt = (hidden: number, layers: number, heads: number, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  architectures: ['OPTForCausalLM'], model_type: 'opt', vocab_size: 50272, hidden_size: hidden, num_hidden_layers: layers, num_attention_heads: heads, ffn_dim: 4 * hidden, word_embed_proj_dim: hidden,
  max_position_embeddings: 2048, activation_function: 'relu', do_layer_norm_before: true, bos_token_id: 2, eos_token_id: 2, pad_token_id: 1, _remove_final_layer_norm: false, ...more,
});

/** `config.json` of the paper's models, as published (BERT: Devlin et al. 2019; OPT: Zhang et al. 2022; DistilGPT-2: Sanh et al. 2019). */
export const ARCHITECTURES: readonly [RegExp, Record<string, unknown>][] = [
  [/bert-base/, bert(768, 12)], [/bert-large/, bert(1024, 24)], [/opt-125m$/, opt(768, 12, 12)], [/opt-350m$/, opt(1024, 24, 16, { word_embed_proj_dim: 512, do_layer_norm_before: false })],
  [/distilgpt2$/, { architectures: ['GPT2LMHeadModel'], model_type: 'gpt2', vocab_size: 50257, n_positions: 1024, n_ctx: 1024, n_embd: 768, n_layer: 6, n_head: 12, activation_function: 'gelu_new', layer_norm_epsilon: 1e-5, bos_token_id: 50256, eos_token_id: 50256 }],
  [/opt-1\.3b$/, opt(2048, 24, 32)], [/opt-2\.7b$/, opt(2560, 32, 32)], [/opt-6\.7b$/, opt(4096, 32, 32)],
];

const known = new Map<string, Model | undefined>();

/** The architecture of a model: of the paper's by name, of others from their folder; undefined where it is not here. */
export function architectureOf(name: string): Model | undefined {
  if (!known.has(name)) {
    const dir = findModel(name), config = ARCHITECTURES.find(([pattern]) => pattern.test(name))?.[1] ?? (dir && existsSync(join(dir, 'config.json')) ? readJson(join(dir, 'config.json')) as Record<string, unknown> : undefined);
    known.set(name, config && modelFromConfig(config));
  }
  return known.get(name);
}

export function parametersOf({ shapes }: Model): number { return Object.values(shapes).reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0); }

/** Records as large as the student: teacher, latent and quantized weights, two gradients, two moments, the snapshot; and as the generator: weights, gradients, moments, snapshot. */
const STUDENT_RECORDS = 8, GENERATOR_RECORDS = 5;
/** Floats that a layer keeps of each token for its gradient, in widths of the model; copies of a vocabulary of logits. */
const KEPT = 34, LOGITS = 3;
/** The runtime itself. */
const RUNTIME_MB = 900;

/** Memory that a cell will need, in MB: an upper estimate from shapes. */
export function megabytesOf(cell: Cell): number {
  const model = architectureOf(cell.kind === 'quantize' ? cell.model : 'all-MiniLM-L6-v2'), generator = cell.kind === 'quantize' && cell.generator ? architectureOf(cell.generator) : undefined;
  if (!model) return 4000;
  const { batch = 16, seq = 32 } = cell.kind === 'quantize' ? settingsFor(cell, model) as { batch?: number; seq?: number } : {};
  const tokens = batch * seq, activations = (m: Model): number => tokens * (m.probabilities.length * KEPT * m.hiddenSize + (m.head.kind === 'languageModel' ? LOGITS * m.vocabSize : 0));
  const floats = STUDENT_RECORDS * parametersOf(model) + activations(model) + (generator ? GENERATOR_RECORDS * parametersOf(generator) + activations(generator) : 0);
  return Math.ceil(RUNTIME_MB + (4 * floats) / 2 ** 20);
}

/** Operations of a cell's run; undefined where its models are not known. */
export function flopsOf(cell: QuantizeCell): number | undefined {
  const model = architectureOf(cell.model), generator = cell.generator ? architectureOf(cell.generator) : undefined;
  return model && (cell.generator === null || generator) ? methodFlops(cell.method, settingsFor(cell, model), model, generator).total : undefined;
}

function settingsFor({ method, bits, preset, set, task }: QuantizeCell, model: Model): Record<string, unknown> {
  return configure({ teacher: { model, params: {} }, method, bits, preset, set, pair: anyTask(task).pair }).settings;
}
