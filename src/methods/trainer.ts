import { compiled, uncompiled, type Compile, type Compiled } from '../core/graph';
import { tidy } from '../core/memory';
import { dispose, part, pick, prefixed, type Params } from '../core/tree';
import { adamDefaults, makeAdam, type AdamState } from '../optim/adam';
import { divergence, type DivergenceConfig } from '../train/divergence';
import { effective, isScale, quantizedNames, requantized, type Student } from './student';
import { maskOf, plainStep, studentGradients, type StepGiven, type StepKind, type StudentGradients, type StudentStepConfig } from './studentStep';
import type { TrainConfig } from './config';
import type { Network } from './method';
import type { Opponent } from './source';
import { inputTensors, type Inputs } from '../models/model';
import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';

/** Building a step's graphs takes as long as a handful of steps, so a shorter run does without. */
export const GRAPH_STEPS = 40;

/** Graphs if the run is long enough to pay for them, else operation by operation: the same functions either way. */
export const compileFor = (steps: number): Compile => (steps >= GRAPH_STEPS ? compiled : uncompiled);

/** The student's half of a training step: its gradient, then AdamW. */
export interface Trainer {
  /** Each kind of step is a graph of its own. The caller owns the tensors. */
  gradients(trained: Params, inputs: Inputs, kind?: StepKind, given?: StepGiven): StudentGradients;
  /** New records; the caller disposes of the old ones. `share` of the peak rates applies. */
  update(trained: Params, grads: Params, adam: AdamState, share: number): { trained: Record<string, Tensor>; adam: AdamState };
  dispose(): void;
}

/** The trainer of a run of `config.steps` steps. */
export function makeTrainer(student: Student, teacher: Network, config: TrainConfig, step: StudentStepConfig): Trainer {
  const compile = compileFor(config.steps), held = heldBy(student, teacher), kinds = new Map<string, Compiled>();
  const gradientsOf = (kind: StepKind): Compiled => {
    const key = JSON.stringify(kind), known = kinds.get(key);
    if (known) return known;
    const made = compile((x) => {
      const given: StepGiven = { share: x.share as Scalar | undefined, orthogonal: part(x, 'orthogonal/'), answers: part(x, 'answers/') };
      return flat(studentGradients(student, part(x, 'trained/'), teacher, part(x, 'inputs/') as Inputs, step, kind, given));
    }, held);
    kinds.set(key, made);
    return made;
  };
  // the literal reading: the rounded weights are what the next step starts from
  const rounding = config.store === 'quantized' ? compile((x) => tidy(() => requantized(student, x, pick(x, quantizedNames(student)))), held) : undefined;
  const adam = makeAdam(GROUPS, (name, x) => (isScale(name) ? 'scale' : x.rank >= 2 ? 'matrix' : 'vector'), { ...adamDefaults, weightDecay: config.weightDecay }, compile);
  return {
    gradients(trained, inputs, kind = plainStep(step.radius), { share, orthogonal = {}, answers = {} } = {}) {
      const batch = inputTensors(inputs);
      return structured(gradientsOf(kind)({
        ...prefixed('trained/', trained), ...prefixed('inputs/', batch), ...prefixed('orthogonal/', orthogonal), ...prefixed('answers/', answers), ...(share ? { share } : {}),
      }));
    },
    update(trained, grads, state, share) {
      const rate = share * config.rate, next = adam.update(trained, grads, state, { matrix: rate, vector: rate, scale: share * config.scaleRate });
      if (!rounding) return { trained: next.params, adam: next.state };
      const rounded = rounding(next.params);
      dispose(pick(next.params, Object.keys(rounded)));
      return { trained: { ...next.params, ...rounded }, adam: next.state };
    },
    dispose() {
      for (const graph of kinds.values()) graph.dispose();
      adam.dispose(), rounding?.dispose();
    },
  };
}

/** A step's results as one record, and back. */
function flat({ grads, report, teacherLogits, orthogonal = {}, answers = {}, inputGradient }: StudentGradients): Record<string, Tensor> {
  return { ...prefixed('grads/', grads), report, teacherLogits, ...prefixed('orthogonal/', orthogonal), ...prefixed('answers/', answers), ...(inputGradient ? { inputGradient } : {}) };
}

function structured(out: Record<string, Tensor>): StudentGradients {
  const { report, teacherLogits, inputGradient } = out;
  return { grads: part(out, 'grads/'), report: report as Tensor1D, teacherLogits, orthogonal: part(out, 'orthogonal/'), answers: part(out, 'answers/'), inputGradient };
}

/** The tensors of student and teacher that a run leaves as they are. */
export function heldBy(student: Student, teacher: Network): Params {
  return {
    ...prefixed('teacher/', teacher.params), ...prefixed('frozen/', student.frozen),
    ...Object.fromEntries(Object.entries(student.fitted).flatMap(([n, { scale, zero }]) => [[`${n}#scale`, scale], [`${n}#zero`, zero]])),
  };
}

/** The student as the generator meets it. */
export function opponentOf(student: Student, teacher: Network, trained: Params, config: DivergenceConfig): Opponent {
  return {
    trained, held: heldBy(student, teacher),
    divergence: (weights, inputs) => divergence(
      student.model.forward({ ...student.frozen, ...effective(student, weights) }, inputs, student.hooks), teacher.model.forward(teacher.params, inputs, { layer: student.hooks.layer }), maskOf(inputs), config),
  };
}

/** Weights decay; biases, norms and scales do not, and scales have their own rate. */
const GROUPS = { matrix: { decay: true }, vector: { decay: false }, scale: { decay: false } };
