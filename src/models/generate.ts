import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { tidy } from '../core/memory';
import { disposePast } from './causal';
import { checkSampling, drawPlace, nextTokens, sampleToken, type Sampling } from './sampling';
import type { Stream } from '../core/random';
import type { Params } from '../core/tree';
import type { Hooks } from '../nn/hooks';
import type { Model, Past } from './model';
import type { Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** How a text is continued: its length, the randomness, where it ends. */
export interface GenerateOptions extends Sampling {
  /** new tokens of a row at most */
  maxTokens: number;
  /** where the random numbers come from, one for each row and step; not needed at temperature 0 */
  random?: Stream;
  /** token ids that end a row */
  stop?: readonly number[];
}

/**
 * Continues prompts with a causal language model, token by token over a cache of keys and values. Prompts may differ in
 * length: at temperature 0 each row goes on as it would alone.
 *
 * @param network a model with its weights, and the hooks of a quantized one
 * @param prompts token ids of each row, at least one
 * @returns the new tokens of each row; one that has ended has its stop token last
 * @throws ZsaqError 'mismatch' for a model that is no causal one, 'range' for foreign ids, settings, or more tokens than the model has positions
 * @example generate({ model, params }, [[2, 17]], { maxTokens: 20, topP: 0.9, random: new Stream('text', 1) })
 */
export function generate(network: { model: Model; params: Params; hooks?: Hooks }, prompts: readonly ArrayLike<number>[], options: GenerateOptions): number[][] {
  const { model } = network, { maxTokens, random, stop = [], candidates } = options, greedy = options.temperature === 0;
  const whole = !greedy && options.topK === undefined && (options.topP ?? 1) === 1; // the whole distribution: TensorFlow makes the probabilities
  check(model, prompts, options);
  const choose = (scores: Float32Array): number => {
    if (whole) return candidates ? candidates[drawPlace(scores, random!)] : drawPlace(scores, random!);
    const next = nextTokens(scores, options);
    return greedy ? next.ids[0] : sampleToken(next, random!);
  };
  const rows: number[][] = prompts.map(() => []), ended = prompts.map(() => false), lengths = prompts.map((p) => p.length);
  let past: Past = [], width = Math.max(0, ...lengths), ids = padLeft(prompts, width);
  try {
    for (let step = 0; step < maxTokens && !ended.every(Boolean); step++) {
      const read = forward(network, ids, lengths, width, past, whole ? options : undefined);
      disposePast(past);
      past = read.past;
      const wide = read.scores.length / rows.length;
      ids = rows.map((row, r) => {
        const id = choose(read.scores.subarray(r * wide, (r + 1) * wide));
        if (!ended[r]) row.push(id);
        ended[r] ||= stop.includes(id);
        lengths[r]++;
        return [id];
      });
      width++;
    }
  } finally {
    disposePast(past);
  }
  return rows;
}

function check(model: Model, prompts: readonly ArrayLike<number>[], options: GenerateOptions): void {
  const { maxTokens, temperature, random } = options, longest = Math.max(0, ...prompts.map((p) => p.length));
  if (model.head.kind !== 'languageModel') throw new ZsaqError('mismatch', `only a causal language model can generate, but the model has a ${model.head.kind} head: choose an OPT or GPT-2`);
  checkSampling(options, model.vocabSize);
  if (temperature !== 0 && !random) throw new ZsaqError('usage', 'sampling needs a stream of random numbers: give random, or temperature 0');
  if (!(Number.isInteger(maxTokens) && maxTokens >= 0)) throw new ZsaqError('range', `maxTokens ${maxTokens}: give a whole number of at least 0`);
  prompts.forEach((prompt, r) => {
    if (!prompt.length) throw new ZsaqError('range', `prompt ${r} is empty: give at least one token, such as the one that begins a text`);
    const wrong = Array.from(prompt).find((id) => !(Number.isInteger(id) && id >= 0 && id < model.vocabSize));
    if (wrong !== undefined) throw new ZsaqError('range', `prompt ${r} has the token id ${wrong}, outside the model's vocabulary of ${model.vocabSize}: use the model's own tokenizer`);
  });
  if (longest + maxTokens > model.maxLength) {
    throw new ZsaqError('range', `a prompt of ${longest} tokens and ${maxTokens} new ones are more than the model's ${model.maxLength} positions: ask for fewer`);
  }
}

/** Padding goes to the left, so that every row ends at the same place. */
function padLeft(prompts: readonly ArrayLike<number>[], width: number): number[][] {
  return prompts.map((p) => [...Array<number>(width - p.length).fill(0), ...Array.from(p)]);
}

/**
 * Logits of the last position of each row on the host, or, of a distribution to sample from, the probabilities of its
 * candidates; and the past with these tokens, which the caller owns.
 */
function forward(
  { model, params, hooks }: Parameters<typeof generate>[0], ids: number[][], lengths: number[], width: number, past: Past, distribution?: Sampling,
): { scores: Float32Array; past: Past } {
  const out = tidy(() => {
    const mask = lengths.some((n) => n < width)
      ? tf.tensor2d(lengths.map((n) => Array.from({ length: width }, (_, i) => (i < width - n ? 0 : 1)))) as Tensor2D : undefined;
    const { logits, past: next } = model.forward(params, { ids: tf.tensor2d(ids, undefined, 'int32') as Tensor2D, mask, past, lastOnly: true }, hooks);
    if (!distribution) return { scores: logits, past: next! };
    const { temperature = 1, candidates } = distribution, rows = tf.reshape(logits, [ids.length, -1]);
    return { scores: tf.softmax(tf.div(candidates ? tf.gather(rows, tf.tensor1d(Int32Array.from(candidates), 'int32'), 1) : rows, temperature)), past: next! };
  });
  try { return { scores: out.scores.dataSync() as Float32Array, past: out.past }; } finally { out.scores.dispose(); }
}
