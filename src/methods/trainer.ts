import { tf } from '../core/backend';
import { compiled, type Compiled } from '../core/graph';
import { tidy } from '../core/memory';
import { part, prefixed, type Params } from '../core/tree';
import { adamDefaults, adamFactors, adamTensor, type AdamFactors, type AdamState } from '../optim/adam';
import { isScale, type Student } from './student';
import { studentGradients, type StudentGradients, type StudentStepConfig } from './studentStep';
import type { TrainConfig } from './config';
import type { Network } from './method';
import type { Inputs } from '../models/model';
import type { Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';

/** Building a step's two graphs takes as long as a handful of steps, so a shorter run does without. */
export const GRAPH_STEPS = 40;

/** The student's half of a training step: its gradient, then AdamW. */
export interface Trainer {
  /** The caller owns the tensors. */
  gradients(trained: Params, inputs: Inputs): StudentGradients;
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
  const gradients = runs((x) => {
    const { grads, report, teacherLogits } = studentGradients(student, part(x, 'trained/'), teacher, part(x, 'inputs/') as Inputs, step);
    return { ...prefixed('grads/', grads), report, teacherLogits };
  }, held);
  const update = runs((x) => tidy(() => updateAll(x)));
  return {
    gradients(trained, inputs) {
      const given = Object.fromEntries(Object.entries(inputs).filter(([, tensor]) => tensor)) as Params;
      const out = gradients({ ...prefixed('trained/', trained), ...prefixed('inputs/', given) });
      return { grads: part(out, 'grads/'), report: out.report as Tensor1D, teacherLogits: out.teacherLogits };
    },
    update(trained, grads, { m, v, step: before }, share) {
      const factors = tidy(() => factorTensors(config, before + 1, share));
      const out = update({ ...prefixed('w/', trained), ...prefixed('g/', grads), ...prefixed('m/', m), ...prefixed('v/', v), ...factors });
      tf.dispose(factors);
      return { trained: part(out, 'w/'), adam: { m: part(out, 'm/'), v: part(out, 'v/'), step: before + 1 } };
    },
    dispose() { gradients.dispose(), update.dispose(); },
  };
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
