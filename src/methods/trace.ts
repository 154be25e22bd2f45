import { tf } from '../core/backend';
import { addAll } from '../core/kernels';
import { ZsaqError } from '../core/error';
import { valueAndGrad } from '../core/grad';
import { tidy } from '../core/memory';
import { Stream, Streams } from '../core/random';
import { clone, dispose, dot, map, norm, pick, type Params } from '../core/tree';
import { adamInit } from '../optim/adam';
import { perturb } from '../optim/sam';
import { rateAt } from '../optim/schedule';
import { quantize } from '../quant/affine';
import { divergence } from '../train/divergence';
import { GeneratorSource } from './generator';
import { isCancelled, type Job } from './method';
import { disposeInputs } from './source';
import { affineOf, effective, isScale, makeStudent, quantizedNames, type Student } from './student';
import { layersOf, maskOf, plainStep, readReport, type Sharpness } from './studentStep';
import { makeTrainer, opponentOf } from './trainer';
import type { SamSgaConfig } from './config';
import type { Inputs } from '../models/model';
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';

/** One step of SAM-SGA seen from close by; every D is on the batch of the step. */
export interface StepTrace {
  step: number;
  /** D that the generator has just ascended, on a batch of its own; null where it had no turn */
  generator: number | null;
  /** D at the quantized weights w^ = Q(w) */
  divergence: number;
  /** ||g||, g = dD/dw^ over the weights that are perturbed */
  gradientNorm: number;
  /** ||eps||, and the same as a share of ||w^|| */
  radius: number;
  relativeRadius: number;
  /** D at w^ + eps; what a straight line would give, D + <eps, g> (of a ball D + ||eps|| ||g||); and D at as large a step in a random direction */
  perturbed: number;
  predicted: number;
  random: number;
  /** share of codes that eps would move if w^ + eps were rounded again */
  codesMoved: number;
  /** D at the latent weights w, not rounded, before and after the update */
  latentBefore: number;
  latentAfter: number;
  /** D at Q(w) after the update: quantized again */
  after: number;
  /** share of codes that the update has changed */
  codesChanged: number;
}

/**
 * The first steps of a run of SAM-SGA with everything measured on the way. It does what the run does, step by step, and looks besides.
 *
 * @throws ZsaqError 'missing' without a generator, 'unsupported' for cheaper forms of the step, 'cancelled'
 * @example const [first] = await traceSteps(zeroShotJob(options, config), config.settings as unknown as SamSgaConfig, 1)
 */
export async function traceSteps(job: Job, config: SamSgaConfig, steps: number): Promise<StepTrace[]> {
  if (!job.generator) throw new ZsaqError('missing', 'samSga needs a generator: a causal language model that writes the inputs');
  if (config.sam === 'off' || config.perturb === 'latent' || config.look.every > 1 || config.stepsPerBatch > 1 || config.generator.pass === 'shared' || config.store === 'quantized' || config.layerwise.steps > 0) {
    throw new ZsaqError('unsupported', 'a trace follows the plain step of SAM-SGA: leave sam, perturb, look, stepsPerBatch, generator.pass, store and layerwise.steps as they are');
  }
  const { teacher } = job, radius: Sharpness = { beta: config.beta, relative: config.relative, adaptive: config.adaptive, layers: config.perturbLayers }, random = new Stream('trace', job.seed), out: StepTrace[] = [];
  const source = new GeneratorSource(job, job.generator, config, new Streams(job.seed)), student = makeStudent(teacher.model, teacher.params, job.plan);
  const trainer = makeTrainer(student, teacher, config, { divergence: config.divergence, radius, clip: config.clip, precision: config.precision });
  let trained = clone(student.initial), adam = adamInit(trained);
  try {
    for (let step = 0; step < steps; step++) {
      if (isCancelled(job)) throw new ZsaqError('cancelled', `stopped after ${step} of ${steps} steps`);
      const share = rateAt(config.schedule, step, config.steps), beta = rateAt(config.betaSchedule, step, config.steps);
      const generator = await source.ascend(step, opponentOf(student, teacher, trained, source.divergence ?? config.divergence), share);
      const { inputs } = await source.next(), before = await numbers(tidy(() => lookBefore(student, trained, job, inputs, config, { ...radius, beta: config.beta * beta }, random)));
      const peak = tf.scalar(beta), { grads, report, teacherLogits } = trainer.gradients(trained, inputs, plainStep(radius), { share: peak }), { relativeRadius, codesMoved } = await readReport(report);
      const next = trainer.update(trained, grads, adam, share), after = await numbers(tidy(() => lookAfter(student, trained, next.trained, job, inputs, config)));
      dispose({ peak, teacherLogits }, grads, trained, adam.m, adam.v);
      disposeInputs(inputs);
      ({ trained, adam } = next);
      const [d, gradientNorm, size, predicted, perturbed, elsewhere, latentBefore] = before, [at, latentAfter, codesChanged] = after;
      out.push({
        step: step + 1, generator, divergence: d, gradientNorm, radius: size, relativeRadius: relativeRadius!, perturbed, predicted, random: elsewhere, codesMoved: codesMoved!,
        latentBefore, latentAfter, after: at, codesChanged,
      });
    }
    return out;
  } finally {
    dispose(trained, adam.m, adam.v);
    source.dispose(), trainer.dispose(), student.dispose();
  }
}

/** D(P, Q) of a student with these weights in place of its own. */
function lossOf(student: Student, { teacher }: Job, inputs: Inputs, config: SamSgaConfig): (weights: Params) => Scalar {
  const target = teacher.model.forward(teacher.params, inputs), mask = maskOf(inputs);
  return (weights) => divergence(student.model.forward({ ...student.frozen, ...weights }, inputs, student.hooks), target, mask, config.divergence);
}

/** The weights without the quantizer. */
function latent(trained: Params): Params { return Object.fromEntries(Object.entries(trained).filter(([name]) => !isScale(name))); }

function lookBefore(student: Student, trained: Params, job: Job, inputs: Inputs, config: SamSgaConfig, radius: Sharpness, random: Stream): Tensor {
  const loss = lossOf(student, job, inputs, config), at = effective(student, trained), w = pick(at, layersOf(student, config.perturbLayers)), { value, grads } = valueAndGrad((p) => loss({ ...at, ...p }), w);
  const moved = perturb(w, grads, radius), epsilon = map(moved.perturbed, (x, n) => tf.sub(x, w[n])), anywhere = map(w, (x) => tf.tensor(Float32Array.from({ length: x.size }, () => random.normal()), x.shape));
  return tf.stack([value, norm(grads), moved.radius, tf.add(value, dot(epsilon, grads)), loss({ ...at, ...moved.perturbed }), loss({ ...at, ...perturb(w, anywhere, radius).perturbed }), loss(latent(trained))]);
}

function lookAfter(student: Student, trained: Params, next: Params, job: Job, inputs: Inputs, config: SamSgaConfig): Tensor {
  const loss = lossOf(student, job, inputs, config), names = quantizedNames(student), codes = (of: Params, name: string) => quantize(of[name], affineOf(student, of, name), student.plan.weights[name]);
  const changed = addAll(names.map((name) => tf.sum(tf.cast(tf.notEqual(codes(trained, name), codes(next, name)), 'float32')))), all = names.reduce((sum, name) => sum + trained[name].size, 0);
  return tf.stack([loss(effective(student, next)), loss(latent(next)), tf.div(changed, all)]);
}

async function numbers(x: Tensor): Promise<ArrayLike<number> & Iterable<number>> {
  const values = await x.data();
  x.dispose();
  return values;
}
