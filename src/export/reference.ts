import { tf } from '../core/backend';
import { Stream } from '../core/random';
import { writeSafetensors } from '../io/safetensors';
import { activationHooks } from '../quant/activations';
import type { Model } from '../models/model';
import type { Hooks } from '../nn/hooks';
import type { QuantPlan } from '../quant/plan';
import type { RunnableModel } from './packed';
import type { Tensor2D } from '@tensorflow/tfjs-node-gpu';

export const REFERENCE = 'zsaq-reference.safetensors';

/** Rows of the fixed inputs have these lengths, padding on the right. */
const LENGTHS = [16, 12, 8, 4], SEED = 0;
/** Of a longer row of logits so many are kept, evenly spaced. */
const MOST_COLUMNS = 512;

/** The fixed inputs of an export and our logits on them: those of the class, or of the next token after each row. */
export interface Reference {
  batch: number; seq: number;
  /** `[batch, seq]` each */
  ids: Int32Array; mask: Int32Array; typeIds: Int32Array;
  /** columns of the logits that are kept */
  columns: Int32Array;
  /** `[batch, columns]` */
  logits: Float32Array;
}

/** Runs the fixed inputs, and runs them again with the last bits of what is rounded changed: how much of a difference is no error. */
export function makeReference({ model, params, hooks, plan }: RunnableModel): { reference: Reference; noise: number } {
  const random = new Stream('export reference', SEED), seq = Math.min(LENGTHS[0], model.maxLength), batch = LENGTHS.length;
  const lengths = LENGTHS.map((n) => Math.min(n, seq)), mask = new Int32Array(batch * seq), ids = mask.map(() => model.padId), typeIds = mask.map(() => 0);
  lengths.forEach((length, row) => {
    for (let i = 0; i < length; i++) {
      ids[row * seq + i] = ordinary(random, model);
      mask[row * seq + i] = 1;
      if (model.config.type_vocab_size === 2 && row % 2 && i >= length / 2) typeIds[row * seq + i] = 1;
    }
  });
  const width = columnsOf(model), kept = Math.min(width, MOST_COLUMNS), columns = Int32Array.from({ length: kept }, (_, i) => Math.floor((i * width) / kept));
  const run = (with_: Hooks): Float32Array => tf.tidy(() => {
    const input = (x: Int32Array) => tf.tensor2d(x, [batch, seq], 'int32') as Tensor2D;
    const { logits } = model.forward(params, { ids: input(ids), mask: input(mask), typeIds: input(typeIds) }, with_);
    return selected(logits.dataSync() as Float32Array, logits.shape, { mask, columns, batch, seq });
  });
  const logits = run(hooks), disturbed = plan?.activationBits ? [1, 2, 3].map((seed) => largest(logits, run(disturbing(plan, seed)))) : [0];
  return { reference: { batch, seq, ids, mask, typeIds, columns, logits }, noise: Math.max(...disturbed) };
}

function ordinary(random: Stream, { vocabSize, padId }: Model): number {
  const id = random.int(vocabSize - 1);
  return id < padId ? id : id + 1;
}

function columnsOf({ head, vocabSize, hiddenSize }: Model): number {
  return { classification: head.kind === 'classification' ? head.labels.length : 0, regression: 1, languageModel: vocabSize, maskedLanguageModel: vocabSize, none: hiddenSize }[head.kind];
}

/** What is compared of an output `[batch, labels]`, or `[batch, seq, n]` at the last real token of each row. */
export function selected(output: ArrayLike<number>, shape: readonly number[], { mask, columns, batch, seq }: Pick<Reference, 'mask' | 'columns' | 'batch' | 'seq'>): Float32Array {
  const width = shape.at(-1)!, out = new Float32Array(batch * columns.length);
  for (let row = 0; row < batch; row++) {
    const length = mask.subarray(row * seq, (row + 1) * seq).reduce((a, b) => a + b, 0), start = (shape.length === 2 ? row : row * seq + length - 1) * width;
    columns.forEach((column, i) => { out[row * columns.length + i] = output[start + column]; });
  }
  return out;
}

/** The model's own rounding of activations after noise of a few last bits: values next to a border of the grid fall on its other side. */
function disturbing(plan: QuantPlan, seed: number): Hooks {
  const NOISE = 1e-6, { activation } = activationHooks(plan);
  return { activation: (site, x) => activation!(site, plan.sites.includes(site) ? tf.mul(x, tf.add(tf.mul(tf.randomNormal(x.shape, 0, 1, 'float32', seed), NOISE), 1)) : x) };
}

/** max |a - b|; NaN counts as infinitely far. */
export function largest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = a.length === b.length ? 0 : Infinity;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Number.isFinite(b[i]) ? Math.abs(a[i] - b[i]) : Infinity);
  return most;
}

export function writeReference(path: string, { batch, seq, ids, mask, typeIds, columns, logits }: Reference): void {
  const tokens = (data: Int32Array) => ({ dtype: 'I32' as const, shape: [batch, seq], data });
  writeSafetensors(path, Object.entries({
    input_ids: tokens(ids), attention_mask: tokens(mask), token_type_ids: tokens(typeIds),
    columns: { dtype: 'I32' as const, shape: [columns.length], data: columns }, logits: { dtype: 'F32' as const, shape: [batch, columns.length], data: logits },
  }));
}
