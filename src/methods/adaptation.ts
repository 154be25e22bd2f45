import { late, tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { operation } from '../core/grad';
import { embedding, gatherRows, linear, matMul2, sampleColumns, softmax, softmaxGrad } from '../core/kernels';
import { layoutTensors, placeIds, type Layout } from './layout';
import type { Stream } from '../core/random';
import type { Inputs, Model, Output } from '../models/model';
import type { Params } from '../core/tree';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-node-gpu';

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
  /** `linear`: smallest and largest norm of an ordinary row of E */
  norms: [number, number];
}

/** Where the generator's words go in a batch, as tensors. */
export interface Placement {
  batch: number;
  seq: number;
  /** int32 `[batch * seq]`: row of the generated words, the special tokens' after them, that stands at each place */
  rows: Tensor1D;
  /** int32 ids of the special tokens, if there are any */
  specials?: Tensor1D;
  mask: Tensor2D;
  typeIds?: Tensor2D;
}

/** A layout's tensors under the names by which graphs get them. */
export function placementTensors(layout: Layout): Record<string, Tensor> {
  const { batch, seq, source, specials } = layout, { mask, typeIds } = layoutTensors(layout);
  return {
    rows: tf.tensor1d(source.map((s) => (s >= 0 ? s : batch * seq - 1 - s)), 'int32'), mask,
    ...(specials.length ? { specials: tf.tensor1d(specials, 'int32') } : {}), ...(typeIds ? { typeIds } : {}),
  };
}

/** The inverse of `placementTensors`. */
export function placementOf({ rows, specials, mask, typeIds }: Params, { batch, seq }: { batch: number; seq: number }): Placement {
  return { batch, seq, rows, specials, mask, typeIds } as Placement;
}

/** A starting value of A: Gaussian, scaled so that adapted rows have the teacher's mean embedding norm. */
export function initAdaptation(a: Adaptation, generatorWidth: number, random: Stream): Record<string, Tensor> {
  if (a.kind !== 'linear') return {};
  const std = (a.norms[0] + a.norms[1]) / 2 / Math.sqrt(a.teacher.embeddingSize * generatorWidth);
  const values = Float32Array.from({ length: a.teacher.embeddingSize * generatorWidth }, () => std * random.normal());
  return { [ADAPTATION]: tf.tensor2d(values, [a.teacher.embeddingSize, generatorWidth]) };
}

/** Standard Gumbel noise -log(-log u), `[rows, n]`. */
export function gumbelNoise(rows: number, n: number, random: Stream): Tensor2D {
  return tf.tensor2d(Float32Array.from({ length: rows * n }, () => -Math.log(Math.max(1e-20, -Math.log(1 - random.next())))), [rows, n]);
}

/** Chance of one batch, for the kinds that speak in tokens: one uniform number in [0, 1) a place, or `gumbel`'s noise `[batch * seq, candidates]`. */
export interface Chance { uniforms?: Tensor1D; gumbel?: Tensor2D }

/**
 * One token a place, sampled from softmax(z / tau) over the candidates; for `gumbel` argmax(z + g).
 *
 * @param candidates int32 ids of the columns of the logits
 * @returns int32 ids `[batch * seq]`
 */
export function sampleTokens(a: Adaptation, out: Output, candidates: Tensor1D, { uniforms, gumbel }: Chance): Tensor1D {
  const z = scaledLogits(a, out, candidates, gumbel);
  return gatherRows(candidates, gumbel ? tf.argMax(z, 1) : sampleColumns(tf.softmax(z), uniforms!)) as Tensor1D;
}

/** z / tau, for `gumbel` (z + g) / tau, `[batch * seq, candidates]`: what the gradient's softmax is over. */
export function scaledLogits(a: Adaptation, { logits }: Output, candidates: Tensor1D, gumbel?: Tensor2D): Tensor2D {
  const z = tf.reshape(logits, [-1, candidates.shape[0]]);
  return scaled(gumbel ? tf.add(z, gumbel) : z, a.temperature) as Tensor2D;
}

/**
 * What the generator says as inputs of teacher and student, differentiable in it.
 *
 * @param out the generator's output, logits `[batch, seq, candidates]`
 * @param candidates int32 ids of the columns of the logits
 * @param theta trained parameters; holds A for `linear`
 * @param tokens int32 `[batch * seq]`, the sample of this batch (`straightThrough`, `gumbel`)  @param gumbel the noise that it was drawn with
 */
export function adapt(a: Adaptation, out: Output, candidates: Tensor1D, place: Placement, theta: Params, tokens?: Tensor1D, gumbel?: Tensor2D): Inputs {
  const { batch, seq, rows, specials, mask, typeIds } = place;
  const flat = generatedRows(a, out, candidates, theta, tokens, gumbel); // [batch * seq, embedding]
  const table = specials ? tf.concat([flat, embedding(a.table, specials)]) as Tensor2D : flat;
  return { embeds: tf.reshape(embedding(table, rows), [batch, seq, a.teacher.embeddingSize]) as Tensor3D, mask, typeIds };
}

function generatedRows(a: Adaptation, out: Output, candidates: Tensor1D, theta: Params, tokens?: Tensor1D, gumbel?: Tensor2D): Tensor2D {
  if (a.kind === 'linear') {
    const h = out.hidden[out.hidden.length - 1], rows = tf.reshape(h, [-1, h.shape[h.rank - 1]!]) as Tensor2D;
    const raw = linear(rows, theta[ADAPTATION] as Tensor2D);
    const length = tf.sqrt(tf.add(tf.sum(tf.square(raw), 1, true), 1e-12));
    return tf.mul(raw, tf.div(tf.clipByValue(length, a.norms[0], a.norms[1]), length)) as Tensor2D;
  }
  const z = scaledLogits(a, out, candidates, gumbel);
  if (a.kind === 'soft') return tf.matMul(softmax(z) as Tensor2D, embedding(a.table, candidates) as Tensor2D);
  return straightThrough(z, a.table, candidates, tokens!);
}

/** Forward the rows E[x] of the sampled tokens; backward as of softmax(z) E: dz = p (dp - sum(p dp)), dp = dy Eᵀ. The candidates' rows of E are gathered when they are needed: they are large. */
function straightThrough(z: Tensor2D, table: Tensor2D, candidates: Tensor1D, tokens: Tensor1D): Tensor2D {
  return operation([z], (save) => {
    save([z, table, candidates]);
    return gatherRows(table, tokens);
  }, (dy, [logits, rows, ids]) => [() => {
    const choices = gatherRows(rows, late(ids, dy)) as Tensor2D;
    return softmaxGrad(logits, matMul2(dy as Tensor2D, choices, false, true));
  }]) as Tensor2D;
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
