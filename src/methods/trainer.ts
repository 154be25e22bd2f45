import { compiled, uncompiled, type Compile } from '../core/graph';
import { part, prefixed, type Params } from '../core/tree';
import { adamDefaults, makeAdam, type AdamState } from '../optim/adam';
import { divergence, type DivergenceConfig } from '../train/divergence';
import { effective, isScale, type Student } from './student';
import { maskOf, studentGradients, type StudentGradients, type StudentStepConfig } from './studentStep';
import type { TrainConfig } from './config';
import type { Network } from './method';
import type { Opponent } from './source';
import type { Inputs } from '../models/model';
import type { Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';

/** Building a step's graphs takes as long as a handful of steps, so a shorter run does without. */
export const GRAPH_STEPS = 40;

/** Graphs if the run is long enough to pay for them, else operation by operation: the same functions either way. */
export const compileFor = (steps: number): Compile => (steps >= GRAPH_STEPS ? compiled : uncompiled);

/** The student's half of a training step: its gradient, then AdamW. */
export interface Trainer {
  /** The caller owns the tensors. */
  gradients(trained: Params, inputs: Inputs): StudentGradients;
  /** New records; the caller disposes of the old ones. `share` of the peak rates applies. */
  update(trained: Params, grads: Params, adam: AdamState, share: number): { trained: Record<string, Tensor>; adam: AdamState };
  dispose(): void;
}

/** The trainer of a run of `config.steps` steps. */
export function makeTrainer(student: Student, teacher: Network, config: TrainConfig, step: StudentStepConfig): Trainer {
  const compile = compileFor(config.steps);
  const gradients = compile((x) => {
    const { grads, report, teacherLogits } = studentGradients(student, part(x, 'trained/'), teacher, part(x, 'inputs/') as Inputs, step);
    return { ...prefixed('grads/', grads), report, teacherLogits };
  }, heldBy(student, teacher));
  const adam = makeAdam(GROUPS, (name, x) => (isScale(name) ? 'scale' : x.rank >= 2 ? 'matrix' : 'vector'), { ...adamDefaults, weightDecay: config.weightDecay }, compile);
  return {
    gradients(trained, inputs) {
      const given = Object.fromEntries(Object.entries(inputs).filter(([, tensor]) => tensor)) as Params;
      const out = gradients({ ...prefixed('trained/', trained), ...prefixed('inputs/', given) });
      return { grads: part(out, 'grads/'), report: out.report as Tensor1D, teacherLogits: out.teacherLogits };
    },
    update(trained, grads, state, share) {
      const rate = share * config.rate, next = adam.update(trained, grads, state, { matrix: rate, vector: rate, scale: share * config.scaleRate });
      return { trained: next.params, adam: next.state };
    },
    dispose() { gradients.dispose(), adam.dispose(); },
  };
}

/** The tensors of student and teacher that a run leaves as they are. */
function heldBy(student: Student, teacher: Network): Params {
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
