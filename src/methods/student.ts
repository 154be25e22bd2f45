import { tf } from '../core/backend';
import { checkpointed } from '../core/grad';
import { tidy } from '../core/memory';
import { clone, dispose, get, map, pick, type Params } from '../core/tree';
import { activationHooks } from '../quant/activations';
import { disposeAffines, fakeQuantize, type Affine } from '../quant/affine';
import { fitAffine } from '../quant/fit';
import { pullBack } from '../quant/ste';
import type { Hooks } from '../nn/hooks';
import type { Model } from '../models/model';
import type { QuantPlan } from '../quant/plan';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

const LOG_SCALE = '#logScale';

/**
 * The quantized student Q(w^): full-precision latent weights w behind the quantizers of a plan. What is trained is one
 * record: latent weights, biases, norms and position embeddings of the encoder or decoder, and for learned scales
 * log s under `<weight>#logScale` (so that s stays positive and a rate means the same for every layer). Word
 * embeddings and heads keep the teacher's values, the embeddings in their quantized form.
 */
export interface Student {
  readonly model: Model;
  readonly plan: QuantPlan;
  readonly hooks: Hooks;
  /** what training starts from; the caller of `makeStudent` owns it */
  readonly initial: Record<string, Tensor>;
  /** scale and zero point of every quantized weight as fitted; a learned scale supersedes the scale */
  readonly fitted: Record<string, Affine>;
  /** parameters that are never trained, as the student computes with them */
  readonly frozen: Record<string, Tensor>;
  dispose(): void;
}

/**
 * Fits all quantizers of the plan to the teacher's weights.
 *
 * @param recompute whether the layers' intermediate values are computed again for the gradient
 */
export function makeStudent(model: Model, teacher: Params, plan: QuantPlan, recompute: 'off' | 'layers' = 'off'): Student {
  const body = new Set(model.paramNames.filter((n) => n !== model.wordEmbedding && !model.headNames.has(n)));
  const fitted: Record<string, Affine> = {}, initial = clone(pick(teacher, [...body])), frozen: Record<string, Tensor> = {};
  for (const [name, spec] of Object.entries(plan.weights)) {
    fitted[name] = fitAffine(get(teacher, name), spec, name);
    if (spec.learned && body.has(name)) initial[name + LOG_SCALE] = tf.log(fitted[name].scale);
  }
  for (const name of model.paramNames) {
    if (body.has(name)) continue;
    const spec = plan.weights[name];
    frozen[name] = spec ? fakeQuantize(teacher[name], fitted[name], spec) : tf.clone(teacher[name]);
  }
  return {
    model, plan, initial, fitted, frozen, hooks: { ...activationHooks(plan), ...(recompute === 'layers' ? { layer: checkpointed } : {}) },
    dispose() { dispose(initial, frozen), disposeAffines(fitted); },
  };
}

/** True for log-scales; they, like norms and biases, never decay. */
export function isScale(name: string): boolean { return name.endsWith(LOG_SCALE); }

/** Scale and zero point as they stand now. */
export function affineOf(student: Student, trained: Params, name: string): Affine {
  const { scale, zero } = student.fitted[name], log = trained[name + LOG_SCALE];
  return { scale: log ? tf.exp(log) as Tensor2D : scale, zero };
}

/** The names whose weights pass a quantizer and are trained: the ones that SAM perturbs. */
export function quantizedNames(student: Student): string[] {
  return Object.keys(student.plan.weights).filter((n) => n in student.initial);
}

/**
 * The trained parameters as the forward pass sees them: Q(w) for quantized weights, the value itself for the others.
 * Together with `student.frozen` a complete record. The caller owns the tensors.
 */
export function effective(student: Student, trained: Params): Record<string, Tensor> {
  const out: Record<string, Tensor> = {};
  for (const name of Object.keys(trained)) {
    if (isScale(name)) continue;
    const spec = student.plan.weights[name];
    out[name] = spec ? tidy(() => fakeQuantize(trained[name], affineOf(student, trained, name), spec)) : tf.clone(trained[name]);
  }
  return out;
}

/** Weights `w` (some of the quantized ones) on the grids as they stand in `trained`. The caller owns the tensors. */
export function requantized(student: Student, trained: Params, w: Params): Record<string, Tensor> {
  return map(w, (x, name) => tidy(() => fakeQuantize(x, affineOf(student, trained, name), student.plan.weights[name])));
}

/**
 * Gradients of the trained record from gradients at the effective one, or at some entries of it: straight-through for weights,
 * dL/d log s = s dL/ds for learned scales. Call inside a tidy.
 */
export function latentGradients(student: Student, trained: Params, atEffective: Params): Record<string, Tensor> {
  const out: Record<string, Tensor> = {};
  for (const name of Object.keys(atEffective)) {
    const spec = student.plan.weights[name];
    if (!spec) { out[name] = atEffective[name]; continue; }
    const affine = affineOf(student, trained, name);
    const back = pullBack(trained[name], affine, spec, atEffective[name]);
    out[name] = back.w;
    if (name + LOG_SCALE in trained) out[name + LOG_SCALE] = tf.mul(back.scale!, affine.scale);
  }
  return out;
}
