import { tf } from '../core/backend';
import { compiled, type Compiled } from '../core/graph';
import { tidy } from '../core/memory';
import { part, prefixed, type Params } from '../core/tree';
import { adamDefaults, adamFactors, adamTensor, type AdamFactors, type AdamState } from '../optim/adam';
import { isScale, rounded, type Student } from './student';
import { plainStep, studentGradients, type StepGiven, type StepKind, type StudentGradients, type StudentStepConfig } from './studentStep';
import type { TrainConfig } from './config';
import type { Network } from './method';
import type { Inputs } from '../models/model';
import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';

/** Building a step's two graphs takes as long as a handful of steps, so a shorter run does without. */
export const GRAPH_STEPS = 40;

/** The student's half of a training step: its gradient, then AdamW. */
export interface Trainer {
  /** Each kind of step is a graph of its own. The caller owns the tensors. */
  gradients(trained: Params, inputs: Inputs, kind?: StepKind, given?: StepGiven): StudentGradients;
  /** New records; the caller disposes of the old ones. `share` of the peak rates applies. */
  update(trained: Params, grads: Params, adam: AdamState, share: number): { trained: Record<string, Tensor>; adam: AdamState };
  dispose(): void;
}

/** As two graphs if the run is long enough to pay for them (`GRAPH_STEPS`), else operation by operation: the same functions either way. */
export function makeTrainer(student: Student, teacher: Network, config: TrainConfig, step: StudentStepConfig): Trainer {
  const held = {
    ...prefixed('teacher/', teacher.params), ...prefixed('frozen/', student.frozen),
    ...Object.fromEntries(Object.entries(student.fitted).flatMap(([n, { scale, zero }]) => [[`${n}#scale`, scale], [`${n}#zero`, zero]])),
  };
  const runs = (f: (x: Params) => Record<string, Tensor>, fixed: Params = {}): Compiled =>
    config.steps >= GRAPH_STEPS ? compiled(f, fixed) : Object.assign(f, { dispose: () => undefined });
  const kinds = new Map<string, Compiled>();
  const gradientsOf = (kind: StepKind): Compiled => {
    const key = JSON.stringify(kind), known = kinds.get(key);
    if (known) return known;
    const made = runs((x) => {
      const given: StepGiven = { share: x.share as Scalar | undefined, orthogonal: part(x, 'orthogonal/'), answers: part(x, 'answers/') };
      return flat(studentGradients(student, part(x, 'trained/'), teacher, part(x, 'inputs/') as Inputs, step, kind, given));
    }, held);
    kinds.set(key, made);
    return made;
  };
  const update = runs((x) => tidy(() => stored(updateAll(x))), config.store === 'quantized' ? held : {});
  /** What the next step starts from. */
  function stored(out: Record<string, Tensor>): Record<string, Tensor> {
    return config.store === 'quantized' ? { ...out, ...prefixed('w/', rounded(student, part(out, 'w/'))) } : out;
  }
  return {
    gradients(trained, inputs, kind = plainStep(step.radius), { share, orthogonal = {}, answers = {} } = {}) {
      const batch = Object.fromEntries(Object.entries(inputs).filter(([, tensor]) => tensor)) as Params;
      return structured(gradientsOf(kind)({
        ...prefixed('trained/', trained), ...prefixed('inputs/', batch), ...prefixed('orthogonal/', orthogonal), ...prefixed('answers/', answers), ...(share ? { share } : {}),
      }));
    },
    update(trained, grads, { m, v, step: before }, share) {
      const factors = tidy(() => factorTensors(config, before + 1, share));
      const out = update({ ...prefixed('w/', trained), ...prefixed('g/', grads), ...prefixed('m/', m), ...prefixed('v/', v), ...factors });
      tf.dispose(factors);
      return { trained: part(out, 'w/'), adam: { m: part(out, 'm/'), v: part(out, 'v/'), step: before + 1 } };
    },
    dispose() { for (const graph of [...kinds.values(), update]) graph.dispose(); },
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

/** Weights decay; biases, norms and scales do not, and scales have their own rate. */
type Group = 'matrix' | 'vector' | 'scale';
const GROUPS: readonly Group[] = ['matrix', 'vector', 'scale'];
const groupOf = (name: string, x: Tensor): Group => (isScale(name) ? 'scale' : x.rank >= 2 ? 'matrix' : 'vector');

/** The factors of one update as scalar tensors, for they differ from step to step and must be inputs of the graph. */
function factorTensors({ rate, scaleRate, weightDecay }: TrainConfig, step: number, share: number): Record<string, Tensor> {
  return Object.assign({}, ...GROUPS.map((group) => {
    const factors = adamFactors({ rate: share * (group === 'scale' ? scaleRate : rate), decay: group === 'matrix' }, step, { ...adamDefaults, weightDecay });
    return Object.fromEntries(Object.entries(factors).map(([name, value]) => [`${group}/${name}`, tf.scalar(value)]));
  }));
}

function updateAll(x: Params): Record<string, Tensor> {
  const [w, g, m, v] = ['w/', 'g/', 'm/', 'v/'].map((prefix) => part(x, prefix)), out: Record<string, Tensor> = {};
  for (const [name, weight] of Object.entries(w)) {
    const factors = part(x, `${groupOf(name, weight)}/`) as unknown as AdamFactors<Tensor>;
    [out[`w/${name}`], out[`m/${name}`], out[`v/${name}`]] = adamTensor(weight, g[name], m[name], v[name], factors);
  }
  return out;
}
