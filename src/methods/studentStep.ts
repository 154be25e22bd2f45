import { tf } from '../core/backend';
import { valueAndGrad } from '../core/grad';
import { addAll, withPrecision, type Precision } from '../core/kernels';
import { tidy } from '../core/memory';
import { norm, pick, type Params } from '../core/tree';
import { clipByGlobalNorm } from '../optim/clip';
import { perturb, type Radius } from '../optim/sam';
import { divergence, type DivergenceConfig } from '../train/divergence';
import { toGroups } from '../quant/affine';
import { affineOf, effective, latentGradients, quantizedNames, type Student } from './student';
import type { Network } from './method';
import type { Inputs, Output } from '../models/model';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';

export interface StudentStepConfig {
  divergence: DivergenceConfig;
  /** SAM's radius; null: no second pass */
  radius: Radius | null;
  /** limit of the global gradient norm */
  clip: number;
  /** products of the teacher and of the first pass */
  precision: Precision;
}

/** What a step reports of itself. */
export interface StepReport {
  loss: number;
  sharpness: number | null;
  relativeRadius: number | null;
  codesMoved: number | null;
  gradientNorm: number;
}

/** Tensors of one step: gradients of the trained record, clipped; the report's numbers; the teacher's answers. */
export interface StudentGradients { grads: Record<string, Tensor>; report: Tensor1D; teacherLogits: Tensor }

/**
 * One sharpness-aware gradient of the student, S(P; Q(w^)) of the paper:
 *
 *   g  = dD/dq at q = Q(w);   eps = beta g / ||g||;   g' = dD/dq at Q(w) + eps, routed to w by the straight-through estimator
 *
 * eps is added after the quantizer and Q is not applied again (else rounding would swallow it), with the scales of the
 * unperturbed weights. The norm of g is over the quantized weights, and only they are perturbed. The second
 * pass is float32 whatever the precision of the first.
 * Without a radius g' = g.
 */
export function studentGradients(student: Student, trained: Params, teacher: Network, inputs: Inputs, config: StudentStepConfig): StudentGradients {
  return tidy(() => {
    const at = effective(student, trained), target = withPrecision(config.precision, () => teacher.model.forward(teacher.params, inputs)), mask = maskOf(inputs);
    const loss = (a: Params): Scalar => {
      const answer: Output = student.model.forward({ ...student.frozen, ...a }, inputs, student.hooks);
      return divergence(answer, target, mask, config.divergence);
    };
    const first = withPrecision(config.precision, () => valueAndGrad(loss, at));
    let grads = first.grads, report: Tensor[] = [first.value];
    if (config.radius) {
      const names = quantizedNames(student), w = pick(at, names);
      const { perturbed, radius } = perturb(w, pick(first.grads, names), config.radius);
      const second = valueAndGrad(loss, { ...at, ...perturbed });
      grads = second.grads;
      report = [first.value, second.value, tf.div(radius, norm(w)), shareMoved(student, trained, w, perturbed)];
    }
    const clipped = clipByGlobalNorm(latentGradients(student, trained, grads), config.clip);
    return { grads: clipped.grads, report: tf.stack([clipped.norm, ...report]) as Tensor1D, teacherLogits: target.logits };
  });
}

/** Reads a step's report and disposes of it. */
export async function readReport(report: Tensor1D): Promise<StepReport> {
  const numbers = await report.data();
  report.dispose();
  return asReport(numbers);
}

/** A step's numbers under their names. */
export function asReport([gradientNorm, loss, perturbedLoss, relativeRadius, codesMoved]: ArrayLike<number> & Iterable<number>): StepReport {
  if (perturbedLoss === undefined) return { gradientNorm, loss, sharpness: null, relativeRadius: null, codesMoved: null };
  return { gradientNorm, loss, sharpness: (perturbedLoss - loss) / loss, relativeRadius, codesMoved };
}

/** One row in so many is enough to estimate the share of codes that move. */
const SAMPLED_ROWS = 16;

/** Share of weights that the perturbation has moved by more than half a step of their grid, on every 16th row of the grid's groups. */
function shareMoved(student: Student, trained: Params, w: Params, perturbed: Params): Tensor {
  let seen = 0;
  const moved = Object.keys(w).map((name) => {
    const { granularity } = student.plan.weights[name], { scale } = affineOf(student, trained, name);
    const sample = (x: Tensor): Tensor => tf.stridedSlice(toGroups(x, granularity), [0, 0], [scale.shape[0], x.size / scale.shape[0]], [SAMPLED_ROWS, 1]);
    const distance = tf.abs(tf.sub(sample(perturbed[name]), sample(w[name])));
    seen += distance.size;
    return tf.sum(tf.cast(tf.greater(distance, tf.div(tf.stridedSlice(scale, [0, 0], scale.shape, [SAMPLED_ROWS, 1]), 2)), 'float32'));
  });
  return tf.div(addAll(moved), seen);
}

/** 1 at real tokens. */
export function maskOf(inputs: Inputs): Tensor2D {
  return inputs.mask ?? tf.ones((inputs.ids ?? inputs.embeds)!.shape.slice(0, 2) as [number, number]);
}
