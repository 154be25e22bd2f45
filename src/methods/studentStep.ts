import { tf } from '../core/backend';
import { valueAndGrad } from '../core/grad';
import { addAll, embedding, withPrecision, type Precision } from '../core/kernels';
import { tidy } from '../core/memory';
import { get, map, norm, pick, type Params } from '../core/tree';
import { clipByGlobalNorm } from '../optim/clip';
import { orthogonalPart, withOrthogonalPart } from '../optim/lookSam';
import { perturb, type Radius } from '../optim/sam';
import { divergence, type DivergenceConfig } from '../train/divergence';
import { toGroups } from '../quant/affine';
import { affineOf, effective, latentGradients, quantizedNames, requantized, type Student } from './student';
import type { Network } from './method';
import type { Inputs, Output } from '../models/model';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-node-gpu';

/** SAM of the student: the radius, and forms of the perturbation other than the plain one. */
export interface Sharpness extends Radius {
  beta: number;
  /** what is perturbed: Q(w) after the quantizer (absent: this), or w before it */
  perturb?: 'quantized' | 'latent';
  /** share of the quantized layers that are perturbed, counted from the output; absent: all. The first backward pass ends at the lowest of them */
  layers?: number;
  /** LookSAM's alpha: weight of the orthogonal part at the steps between */
  reuse?: number;
}

export interface StudentStepConfig {
  divergence: DivergenceConfig;
  /** null: no second pass */
  radius: Sharpness | null;
  /** limit of the global gradient norm */
  clip: number;
  /** products of the teacher and of the first pass */
  precision: Precision;
}

/** What kind of step it is: each kind is a graph of its own. */
export interface StepKind {
  /** with the second pass, at the perturbed weights */
  sharp: boolean;
  /** LookSAM: hand out the orthogonal part of this step, or mend this step's gradient by that of an earlier one */
  look: 'none' | 'keep' | 'reuse';
  /** the teacher's answers: asked for, asked for and handed out for further steps on the same batch, or given from an earlier one */
  answers: 'ask' | 'keep' | 'given';
  /** the first tape also gives the gradient by the inputs, for the generator */
  ascends: boolean;
}

/** What a step is given besides parameters and batch; all of it may change from step to step, and so it is an input of the graph. */
export interface StepGiven {
  /** SAM's radius as a share of its peak; absent: 1 */
  share?: Scalar;
  /** for `look: 'reuse'` */
  orthogonal?: Params;
  /** for `answers: 'given'` */
  answers?: Answers;
}

/** The teacher's answers to one batch as a record: `logits`, `hidden0`, `hidden1`, ... */
export type Answers = Record<string, Tensor>;

/** The step of a run without extras. */
export function plainStep(radius: Radius | null): StepKind { return { sharp: radius !== null, look: 'none', answers: 'ask', ascends: false }; }

/** What a step reports of itself. */
export interface StepReport {
  loss: number;
  sharpness: number | null;
  relativeRadius: number | null;
  codesMoved: number | null;
  gradientNorm: number;
}

/** Tensors of one step: gradients of the trained record, clipped; the report's numbers; the teacher's logits; and what its kind hands out. */
export interface StudentGradients {
  grads: Record<string, Tensor>;
  report: Tensor1D;
  teacherLogits: Tensor;
  orthogonal?: Record<string, Tensor>;
  answers?: Answers;
  /** dD/de `[batch, seq, embedding]`, through teacher and student */
  inputGradient?: Tensor;
}

/**
 * One sharpness-aware gradient of the student, S(P; Q(w^)) of the paper:
 *
 *   g  = dD/dq at q = Q(w);   eps = beta g / ||g||;   g' = dD/dq at Q(w) + eps, routed to w by the straight-through estimator
 *
 * eps is added after the quantizer and Q is not applied again (else rounding would swallow it), with the scales of the
 * unperturbed weights. The norm of g is over the quantized weights, and only they are perturbed. The second
 * pass is float32 whatever the precision of the first.
 * `perturb: 'latent'` is the other reading, kept for comparison: eps from the gradient of w, g' at Q(w + eps) with those scales.
 * Without a second pass g' = g, with LookSAM's orthogonal part where one is given.
 */
export function studentGradients(
  student: Student, trained: Params, teacher: Network, inputs: Inputs, config: StudentStepConfig,
  kind: StepKind = plainStep(config.radius), given: StepGiven = {},
): StudentGradients {
  return tidy(() => {
    const at = effective(student, trained), mask = maskOf(inputs), inPrecision = <T>(f: () => T): T => withPrecision(config.precision, f);
    const target = kind.answers === 'given' ? outputOf(given.answers!) : inPrecision(() => teacher.model.forward(teacher.params, inputs));
    const answer = (a: Params, x: Inputs): Output => student.model.forward({ ...student.frozen, ...a }, x, student.hooks);
    const loss = (a: Params): Scalar => divergence(answer({ ...at, ...a }, inputs), target, mask, config.divergence);
    const perturbedNames = kind.sharp ? layersOf(student, config.radius!.layers ?? 1) : [];
    // of a first pass that only points the perturbation nothing else is wanted
    const wanted = kind.sharp && kind.look === 'none' ? pick(at, perturbedNames) : at;
    const first = inPrecision(() => (kind.ascends ? bothPlayers(student, teacher, inputs, wanted, (a, x, y) => divergence(answer({ ...at, ...a }, x), y, mask, config.divergence))
      : valueAndGrad(loss, wanted)));
    const { [EMBEDS]: inputGradient, ...gradient } = first.grads;
    let grads: Record<string, Tensor> = gradient, report: Tensor[] = [first.value], base = trained;
    let orthogonal: Record<string, Tensor> | undefined;
    if (kind.sharp) {
      const { beta, relative, adaptive, perturb: place } = config.radius!, w = pick(at, perturbedNames), latent = place === 'latent';
      const radius = { beta: given.share ? tf.mul(given.share, beta) as Scalar : beta, relative, adaptive };
      const moved = latent
        ? perturb(pick(trained, perturbedNames), pick(latentGradients(student, trained, pick(gradient, perturbedNames)), perturbedNames), radius)
        : perturb(w, pick(gradient, perturbedNames), radius);
      if (latent) base = { ...trained, ...moved.perturbed };
      const there = latent ? requantized(student, trained, moved.perturbed) : moved.perturbed;
      const second = valueAndGrad(loss, { ...at, ...there });
      grads = second.grads;
      if (kind.look === 'keep') orthogonal = orthogonalPart(grads, gradient);
      report = [first.value, second.value, tf.div(moved.radius, norm(latent ? pick(trained, perturbedNames) : w)), shareMoved(student, trained, w, there)];
    } else if (kind.look === 'reuse') grads = withOrthogonalPart(gradient, given.orthogonal!, config.radius!.reuse ?? 0);
    const clipped = clipByGlobalNorm(latentGradients(student, base, grads), config.clip);
    return {
      grads: clipped.grads, report: tf.stack([clipped.norm, ...report]) as Tensor1D, teacherLogits: target.logits,
      ...(orthogonal ? { orthogonal } : {}), ...(kind.answers === 'keep' ? { answers: answersOf(target) } : {}), ...(inputGradient ? { inputGradient } : {}),
    };
  });
}

/** Name of the inputs among the variables of a tape that serves both players. */
const EMBEDS = '#embeds';

/**
 * The student's first gradient and dD/de from one tape. e are the word embeddings as the teacher reads them; where the batch is
 * tokens, the student reads its own quantized rows Q(E)[x] = e + (Q(E)[x] - E[x]), the difference a constant: the gradient goes straight
 * through that quantizer too.
 */
function bothPlayers(student: Student, teacher: Network, { ids, embeds, ...rest }: Inputs, wanted: Params, loss: (a: Params, x: Inputs, target: Output) => Scalar) {
  const rows = (params: Params): Tensor => embedding(get(params, student.model.wordEmbedding) as Tensor2D, ids!);
  const e = embeds ?? rows(teacher.params), own = ids && tf.sub(rows(student.frozen), e);
  return valueAndGrad(({ [EMBEDS]: x, ...a }) => loss(
    a, { ...rest, embeds: (own ? tf.add(x, own) : x) as Tensor3D }, teacher.model.forward(teacher.params, { ...rest, embeds: x as Tensor3D }, { layer: student.hooks.layer }),
  ), { ...wanted, [EMBEDS]: e });
}

/** The last `share` of the quantized layers, at least one, in the order of the plan. */
export function layersOf(student: Student, share: number): string[] {
  const all = quantizedNames(student), forward = student.model.linears.map(({ weight }) => weight).filter((n) => all.includes(n));
  const chosen = new Set(forward.slice(forward.length - Math.max(1, Math.round(share * forward.length))));
  return share >= 1 ? all : all.filter((n) => chosen.has(n));
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
  const rise = perturbedLoss - loss;
  return { gradientNorm, loss, sharpness: loss === 0 && Number.isFinite(rise) ? 0 : rise / loss, relativeRadius, codesMoved }; // of a loss of 0 there is no share
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

function answersOf({ logits, hidden }: Output): Answers {
  return map({ logits, ...Object.fromEntries(hidden.map((h, i) => [`hidden${i}`, h])) }, (x) => tf.clone(x));
}

function outputOf({ logits, ...hidden }: Answers): Output {
  return { logits: tf.clone(logits), hidden: Object.keys(hidden).map((_, i) => hidden[`hidden${i}`]) };
}

/** 1 at real tokens. */
export function maskOf(inputs: Inputs): Tensor2D {
  return inputs.mask ?? tf.ones((inputs.ids ?? inputs.embeds)!.shape.slice(0, 2) as [number, number]);
}
