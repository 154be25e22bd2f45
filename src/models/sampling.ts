import { ZsaqError } from '../core/error';
import type { Stream } from '../core/random';

/** How the next token is chosen from logits z over the vocabulary. */
export interface Sampling {
  /** p = softmax(z / temperature); 0 takes the most probable token */
  temperature?: number;
  /** only the k most probable tokens, and those that tie with the last of them */
  topK?: number;
  /** of these only the most probable ones that together reach this share (Holtzman et al. 2020, arXiv 1904.09751) */
  topP?: number;
  /** only these ids, whatever the logits of others */
  candidates?: ArrayLike<number>;
}

/** Tokens that may come next and their probabilities, the most probable first. */
export interface NextTokens { ids: number[]; probabilities: number[] }

/** @throws ZsaqError 'range' for a setting that no distribution has */
export function checkSampling({ temperature = 1, topK, topP = 1, candidates }: Sampling, vocabSize: number): void {
  const refuse = (what: string): never => { throw new ZsaqError('range', what); };
  if (!(temperature >= 0 && Number.isFinite(temperature))) refuse(`temperature ${temperature}: give a number of at least 0`);
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 1)) refuse(`topK ${topK}: give a whole number of at least 1`);
  if (!(topP > 0 && topP <= 1)) refuse(`topP ${topP}: give a number above 0 and at most 1`);
  if (!candidates) return;
  if (!candidates.length) refuse('there are no candidates to choose from: give at least one token id');
  const wrong = Array.from(candidates).find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
  if (wrong !== undefined) refuse(`candidate ${wrong} is outside the model's vocabulary of ${vocabSize}: use ids of the model's own tokenizer`);
}

/**
 * The distribution of the next token: temperature, then top k, then top p, renormalized, as in transformers.
 *
 * @param logits of one position, `[vocabulary]`
 * @throws ZsaqError 'nonFinite'
 * @example nextTokens([0, 1, 5], { topK: 2 }) // ids 2 and 1
 */
export function nextTokens(logits: ArrayLike<number>, { temperature = 1, topK = Infinity, topP = 1, candidates }: Sampling = {}): NextTokens {
  const ids = candidates ? Int32Array.from(candidates) : Int32Array.from({ length: logits.length }, (_, id) => id);
  let most = -Infinity, best = -1;
  for (const id of ids) {
    if (!Number.isFinite(logits[id])) throw new ZsaqError('nonFinite', `the logit of token ${id} is ${logits[id]}: the weights are damaged or the model has diverged`);
    if (logits[id] > most || (logits[id] === most && id < best)) [most, best] = [logits[id], id];
  }
  if (temperature === 0) return { ids: [best], probabilities: [1] };
  const weights = Float64Array.from(ids, (id) => Math.exp((logits[id] - most) / temperature));
  const least = topK < ids.length ? Float64Array.from(weights).sort()[ids.length - topK] : 0;
  let total = 0;
  for (const w of weights) if (w >= least) total += w;
  // tokens below this share of the rest cannot reach it even together: most of a vocabulary need not be sorted
  const floor = Math.max(least, ((1 - topP) * total) / ids.length);
  const kept = Array.from(weights.keys()).filter((i) => weights[i] >= floor).sort((a, b) => weights[b] - weights[a] || ids[a] - ids[b]);
  let sum = 0, count = 0;
  while (count < kept.length && sum < topP * total) sum += weights[kept[count++]];
  const chosen = topP < 1 ? kept.slice(0, count) : kept, mass = chosen.reduce((s, i) => s + weights[i], 0);
  return { ids: chosen.map((i) => ids[i]), probabilities: chosen.map((i) => weights[i] / mass) };
}

/** One token of the distribution; draws one number, also where there is nothing to choose. */
export function sampleToken({ ids, probabilities }: NextTokens, random: Stream): number {
  let left = random.next();
  for (let i = 0; i < ids.length; i++) if ((left -= probabilities[i]) < 0) return ids[i];
  return ids[0]; // rounding may leave a crumb behind the last one
}

/**
 * A place among probabilities as they stand, unsorted; draws one number. Sampling from a whole distribution asks for no order.
 *
 * @throws ZsaqError 'nonFinite'
 */
export function drawPlace(probabilities: ArrayLike<number>, random: Stream): number {
  let left = random.next(), i = 0;
  for (; i < probabilities.length - 1; i++) if ((left -= probabilities[i]) < 0) break;
  while (probabilities[i] === 0 && i > 0) i--; // rounding may leave a crumb behind the last possible one
  if (Number.isNaN(left)) throw new ZsaqError('nonFinite', 'the logits of the next token are no numbers: the weights are damaged or the model has diverged');
  return i;
}
