import { tf } from '../core/backend';
import { valueAndGrad } from '../core/grad';
import { tidy } from '../core/memory';
import { count, norm, pick, type Params } from '../core/tree';
import { clipByGlobalNorm } from '../optim/clip';
import { perturb, type Radius } from '../optim/sam';
import { divergence, type DivergenceConfig } from '../train/divergence';
import { toGroups } from '../quant/affine';
import { affineOf, latentGradients, quantizedNames, type Student } from './student';
import type { Network } from './method';
import type { Inputs, Output } from '../models/model';
import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

export interface StudentStepConfig {
  divergence: DivergenceConfig;
  /** SAM's radius; null: no second pass */
  radius: Radius | null;
  /** limit of the global gradient norm */
  clip: number;
  /** also count the codes that the perturbation would move */
  countMoved?: boolean;
}

export interface StudentStep {
  /** gradients of the trained record, clipped */
  grads: Record<string, Tensor>;
  loss: number;
  sharpness: number | null;
  relativeRadius: number | null;
  codesMoved: number | null;
  gradientNorm: number;
  /** the teacher's answers to the batch */
  teacherLogits: Tensor;
}

/**
 * One sharpness-aware gradient of the student, S(P; Q(w^)) of the paper:
 *
 *   g  = dD/dq at q = Q(w);   eps = beta g / ||g||;   g' = dD/dq at Q(w) + eps, routed to w by the straight-through estimator
 *
 * eps is added after the quantizer and Q is not applied again (else rounding would swallow it), with the scales of the
 * unperturbed weights. The norm of g is over the quantized weights, and only they are perturbed. Everything is float32.
 * Without a radius g' = g.
 *
 * @param at `effective(student, trained)`: Q(w) and the unquantized parameters
 */
export function studentStep(student: Student, trained: Params, at: Params, teacher: Network, inputs: Inputs, config: StudentStepConfig): StudentStep {
  const step = tidy(() => {
    const target = teacher.model.forward(teacher.params, inputs), mask = maskOf(inputs);
    const loss = (a: Params): Scalar => {
      const answer: Output = student.model.forward({ ...student.frozen, ...a }, inputs, student.hooks);
      return divergence(answer, target, mask, config.divergence);
    };
    const first = valueAndGrad(loss, at);
    let grads = first.grads, report: Tensor[] = [first.value, tf.scalar(0), tf.scalar(0), tf.scalar(0)];
    if (config.radius) {
      const names = quantizedNames(student), w = pick(at, names);
      const { perturbed, radius } = perturb(w, pick(first.grads, names), config.radius);
      const second = valueAndGrad(loss, { ...at, ...perturbed });
      grads = second.grads;
      report = [first.value, second.value, tf.div(radius, norm(w)), config.countMoved ? shareMoved(student, trained, w, perturbed) : tf.scalar(0)];
    }
    const clipped = clipByGlobalNorm(latentGradients(student, trained, grads), config.clip);
    return { grads: clipped.grads, report: tf.stack([...report, clipped.norm]), teacherLogits: target.logits };
  });
  const [loss, perturbedLoss, relative, moved, gradientNorm] = step.report.dataSync();
  step.report.dispose();
  return {
    grads: step.grads, teacherLogits: step.teacherLogits, loss, gradientNorm,
    sharpness: config.radius && (perturbedLoss - loss) / loss, relativeRadius: config.radius && relative,
    codesMoved: config.radius && config.countMoved ? moved : null,
  };
}

/** Share of weights that have moved by more than half a step of their grid. */
function shareMoved(student: Student, trained: Params, w: Params, perturbed: Params): Tensor {
  const names = Object.keys(w), moved = names.map((name) => {
    const half = tf.div(affineOf(student, trained, name).scale, 2), { granularity } = student.plan.weights[name];
    return tf.sum(tf.cast(tf.greater(tf.abs(toGroups(tf.sub(perturbed[name], w[name]), granularity)), half), 'float32'));
  });
  return tf.div(tf.addN(moved), count(w));
}

/** 1 at real tokens. */
export function maskOf(inputs: Inputs): Tensor2D {
  return inputs.mask ?? tf.ones((inputs.ids ?? inputs.embeds)!.shape.slice(0, 2) as [number, number]);
}
