import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { operation } from '../core/grad';
import { embedding, linear, matMul2, softmax } from '../core/kernels';
import { tidy } from '../core/memory';
import { layoutTensors, placeIds, type Layout } from './layout';
import type { Stream } from '../core/random';
import type { Inputs, Model, Output } from '../models/model';
import type { Params } from '../core/tree';
import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs-node-gpu';

/**
 * The feature adaptation module: turns what the generator says into the teacher's representation space.
 * - `straightThrough`: tokens x ~ softmax(z / tau) of a shared vocabulary; forward E[x], backward that of softmax(z / tau) E
 *   (Bengio et al. 2013). What the student sees are real tokens, as at test time.
 * - `gumbel`: tokens x = argmax(z + g) with Gumbel noise g, which samples softmax(z); forward E[x], backward that of softmax((z + g) / tau) E
 *   (Jang et al. 2017, arXiv 1611.01144). Unlike straightThrough, its gradient knows the sample, and tau sharpens the gradient only.
 * - `soft`: softmax(z / tau) E, differentiable without bias, but mixtures shrink towards the mean embedding.
 * - `linear`: A h of the generator's last hidden state, A trained with it: for a foreign vocabulary. Norms are
 *   kept within the range of the teacher's embedding rows, else the ascent leaves every input the teacher knows.
 */
export type AdaptationKind = 'straightThrough' | 'gumbel' | 'soft' | 'linear';

/** True for the kinds whose output is tokens. */
export function speaksTokens(kind: AdaptationKind): boolean { return kind === 'straightThrough' || kind === 'gumbel'; }

export const ADAPTATION = '#adaptation';

export interface Adaptation {
  kind: AdaptationKind;
  temperature: number;
  teacher: Model;
  /** teacher's word embedding table E `[vocabulary, embedding]` */
  table: Tensor2D;
  /** smallest and largest norm of an ordinary row of E */
  norms: [number, number];
}

/** What the generator says over the candidate tokens of this step. */
export interface Speech {
  /** int32 ids of the candidates; the columns of the logits */
  candidates: Int32Array;
  /** logits `[batch, seq, candidates]` and hidden states */
  out: Output;
  /** Gumbel noise `[batch * seq, candidates]`, for `gumbel` */
  gumbel?: Tensor2D;
}

/** Standard Gumbel noise -log(-log u), `[rows, n]`. */
export function gumbelNoise(rows: number, n: number, random: Stream): Tensor2D {
  return tf.tensor2d(Float32Array.from({ length: rows * n }, () => -Math.log(-Math.log(1 - random.next() + 1e-20))), [rows, n]);
}

/** A starting value of A: Gaussian, scaled so that adapted rows have the teacher's mean embedding norm. */
export function initAdaptation(a: Adaptation, generatorWidth: number, random: Stream): Record<string, Tensor> {
  if (a.kind !== 'linear') return {};
  const std = (a.norms[0] + a.norms[1]) / 2 / Math.sqrt(a.teacher.embeddingSize * generatorWidth);
  const values = Float32Array.from({ length: a.teacher.embeddingSize * generatorWidth }, () => std * random.normal());
  return { [ADAPTATION]: tf.tensor2d(values, [a.teacher.embeddingSize, generatorWidth]) };
}

/** Tokens sampled from softmax(z / tau), for `gumbel` argmax(z + g), row-major, for the kinds that speak in tokens. */
export function sampleTokens(a: Adaptation, { out, candidates, gumbel }: Speech, random: Stream): Int32Array {
  const n = candidates.length;
  if (gumbel) return Int32Array.from(tidy(() => tf.argMax(tf.add(tf.reshape(out.logits, [-1, n]), gumbel), 1).dataSync()), (i) => candidates[i]);
  const p = tf.tidy(() => tf.softmax(tf.reshape(scaled(out.logits, a.temperature), [-1, n])));
  const probabilities = p.dataSync() as Float32Array;
  p.dispose();
  return Int32Array.from({ length: probabilities.length / n }, (_, row) => {
    let left = random.next(), i = row * n;
    const end = i + n - 1;
    while ((left -= probabilities[i]) > 0 && i < end) i++;
    while (probabilities[i] === 0 && i > row * n) i--; // rounding may run past the last possible token
    return candidates[i - row * n];
  });
}

/**
 * The generator's speech as inputs of teacher and student, differentiable in it.
 *
 * @param theta trained parameters; holds A for `linear`
 * @param tokens the sample of this batch (`straightThrough`, `gumbel`)
 */
export function adapt(a: Adaptation, speech: Speech, layout: Layout, theta: Params, tokens?: Int32Array): Inputs {
  const { batch, seq, specials } = layout, width = a.teacher.embeddingSize;
  const flat = generatedRows(a, speech, theta, tokens); // [batch * seq, embedding]
  const table = specials.length
    ? tf.concat([flat, embedding(a.table, tf.tensor1d(specials, 'int32'))]) as Tensor2D : flat;
  const rows = layout.source.map((s) => (s >= 0 ? s : batch * seq - 1 - s));
  const embeds = tf.reshape(embedding(table, tf.tensor1d(rows, 'int32')), [batch, seq, width]) as Tensor3D;
  return { embeds, ...layoutTensors(layout) };
}

function generatedRows(a: Adaptation, { out, candidates, gumbel }: Speech, theta: Params, tokens?: Int32Array): Tensor2D {
  if (a.kind === 'linear') {
    const h = out.hidden[out.hidden.length - 1], rows = tf.reshape(h, [-1, h.shape[h.rank - 1]!]) as Tensor2D;
    const raw = linear(rows, theta[ADAPTATION] as Tensor2D);
    const length = tf.sqrt(tf.add(tf.sum(tf.square(raw), 1, true), 1e-12));
    return tf.mul(raw, tf.div(tf.clipByValue(length, a.norms[0], a.norms[1]), length)) as Tensor2D;
  }
  const z = scaledLogits(a, { out, candidates, gumbel });
  const choices = tf.gather(a.table, tf.tensor1d(candidates, 'int32')); // [candidates, embedding]
  if (a.kind === 'soft') return tf.matMul(softmax(z) as Tensor2D, choices);
  return straightThrough(z, choices, tf.gather(a.table, tf.tensor1d(tokens!, 'int32')));
}

/** Forward the rows E[x] of the sampled tokens; backward as of softmax(z) E: dz = p (dp - sum(p dp)), dp = dy Eᵀ. */
function straightThrough(z: Tensor2D, choices: Tensor2D, chosen: Tensor2D): Tensor2D {
  return operation([z], (save) => {
    save([z, choices]);
    return tf.clone(chosen);
  }, (dy, [logits, table]) => [() => {
    const p = tf.softmax(logits), weighted = tf.mul(p, matMul2(dy as Tensor2D, table as Tensor2D, false, true));
    return tf.sub(weighted, tf.mul(p, tf.sum(weighted, 1, true)));
  }]) as Tensor2D;
}

/** z / tau, for `gumbel` (z + g) / tau, `[batch * seq, candidates]`: what the gradient's softmax is over. */
export function scaledLogits(a: Adaptation, { out, candidates, gumbel }: Speech): Tensor2D {
  const z = (x: Tensor) => tf.reshape(x, [-1, candidates.length]) as Tensor2D;
  return gumbel ? scaled(tf.add(z(out.logits), gumbel), a.temperature) as Tensor2D : z(scaled(out.logits, a.temperature));
}

function scaled(z: Tensor, temperature: number): Tensor { return temperature === 1 ? z : tf.div(z, temperature); }

/** The sampled tokens as plain ids: what the student trains on and what it will see when it is used. */
export function tokenInputs(layout: Layout, tokens: ArrayLike<number>): Inputs {
  const ids = tf.tensor2d(placeIds(layout, tokens), [layout.batch, layout.seq], 'int32');
  return { ids, ...layoutTensors(layout) };
}

/** Which kind fits: tokens for a shared vocabulary, the linear map for a foreign one. */
export function checkAdaptation(kind: AdaptationKind, generator: Model, teacher: Model): void {
  if (kind !== 'linear' && generator.vocabSize !== teacher.vocabSize) {
    throw new ZsaqError('mismatch', `the generator has ${generator.vocabSize} tokens, the teacher ${teacher.vocabSize}: use --set adaptation.kind=linear, or a generator with the teacher's vocabulary`);
  }
}
