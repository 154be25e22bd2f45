// Layer-wise distillation: a quantized layer learns what the teacher's does with the teacher's own inputs to it.
import { tf } from '../core/backend';
import { valueAndGrad } from '../core/grad';
import { tidy } from '../core/memory';
import { clone, dispose, part, pick, prefixed, type Params } from '../core/tree';
import { adamDefaults, adamInit, makeAdam } from '../optim/adam';
import { clipByGlobalNorm } from '../optim/clip';
import { rateAt, type Schedule } from '../optim/schedule';
import { passes } from './real';
import { effective, isScale, latentGradients, type Student } from './student';
import { maskOf } from './studentStep';
import { TeacherStates, throughLayer } from './teacherStates';
import { compileFor } from './trainer';
import { inputTensors, type Inputs } from '../models/model';
import type { Compiled } from '../core/graph';
import type { LayerReport } from './layerwise';
import type { Job } from './method';
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';

/** How one layer is trained. */
export interface LayerTraining {
  /** updates of the layer */
  steps: number;
  /** peak rate of weights, biases and norms */
  rate: number;
  /** peak rate of log-scales */
  scaleRate: number;
  /** limit of the gradient norm of a layer */
  clip: number;
  schedule: Schedule;
}

/** A weight's layer, by its name: what stands before the weight's own part (`bert.encoder.layer.0`), and its number. */
function layerOf(name: string): { prefix: string; number: number } | undefined {
  const found = /^(.*?\.(\d+))\./.exec(name);
  return found ? { prefix: found[1], number: Number(found[2]) } : undefined;
}

/** Layers with a quantized weight, in the order of the forward pass; projections outside of layers stay rounded. */
export function layersOf({ teacher: { model }, plan }: Job): string[] {
  return [...new Set(model.linears.flatMap(({ weight }) => (plan.weights[weight] ? layerOf(weight)?.prefix ?? [] : [])))];
}

/** Updates of each layer, of those that all of them have together. */
export const updatesEach = (all: number, layers: readonly string[]): number => Math.max(1, Math.floor(all / layers.length));

/** The teacher's states on these batches for layers that make so many updates each. */
export const statesFor = ({ teacher }: Job, batches: readonly Inputs[], updates: number): TeacherStates => new TeacherStates(teacher, batches, compileFor(updates));

/**
 * Trains one layer against the teacher's, all other layers and its inputs being the teacher's too: min ||L_k(x) - L^_k(x)||^2 / ||L_k(x)||^2.
 * Begins with the rounded layer and reports each update.
 *
 * @param done takes over what the layer has learned, by name, once all updates are made; never called where the caller ends earlier
 */
export function* distillLayer(job: Job, config: LayerTraining, student: Student, states: TeacherStates, layer: string, done: (trained: Record<string, Tensor>) => void): Generator<LayerReport> {
  const names = Object.keys(student.initial).filter((n) => n.startsWith(`${layer}.`)), batchOf = passes(`lkd/${layer}`, job.seed, states.batches.length), { number } = layerOf(`${layer}.`)!;
  const gradients = layerGradients(job, config, student, layer, number), optimizer = makeAdam(GROUPS, (name) => (isScale(name) ? 'scale' : 'weight'), adamDefaults, compileFor(config.steps));
  let trained = clone(pick(student.initial, names)), adam = adamInit(trained);
  try {
    for (let step = 0; step < config.steps; step++) {
      const batch = batchOf(step), inputs = inputTensors(states.batches[batch]), { x, y } = states.of(batch, number);
      const { report, ...grads } = tidy(() => gradients({ ...prefixed('trained/', trained), ...prefixed('inputs/', inputs), x, y }));
      const [loss, norm] = report.dataSync(), share = rateAt(config.schedule, step, config.steps);
      const next = optimizer.update(trained, part(grads, 'grads/'), adam, { weight: share * config.rate, scale: share * config.scaleRate });
      dispose(trained, adam.m, adam.v, grads, { report });
      [trained, adam] = [next.params, next.state];
      yield { student: Number.isFinite(norm) ? loss : NaN, gradientNorm: norm };
    }
    done(trained);
    trained = {};
  } finally {
    dispose(trained, adam.m, adam.v);
    gradients.dispose(), optimizer.dispose();
  }
}

/** Nothing decays; scales have their own rate. */
const GROUPS = { weight: { decay: false }, scale: { decay: false } };

/** Gradient of the layer's relative squared error, clipped; as a graph if there are steps enough to pay for it. */
function layerGradients({ teacher: { model, params }, plan }: Job, { steps, clip }: LayerTraining, student: Student, layer: string, number: number): Compiled {
  const own = { activation: (site: string, x: Tensor) => (site.startsWith(`${layer}.`) ? student.hooks.activation?.(site, x) ?? x : x) };
  const gradients = (given: Params): Record<string, Tensor> => {
    const trained = part(given, 'trained/'), inputs = part(given, 'inputs/') as Inputs, real = maskOf(inputs);
    const mask = tf.reshape(real, [...real.shape, 1]); // expandDims cannot be part of a graph
    const target = tf.mul(given.y, mask), size = tf.sum(tf.square(target));
    const { value, grads } = valueAndGrad((layerWeights) => {
      const answer = throughLayer(model, { ...params, ...layerWeights }, inputs, number, given.x, own);
      return tf.div(tf.sum(tf.square(tf.sub(tf.mul(answer, mask), target))), size) as Scalar;
    }, effective(student, trained));
    const clipped = clipByGlobalNorm(latentGradients(student, trained, grads), clip);
    return { ...prefixed('grads/', clipped.grads), report: tf.stack([value, clipped.norm]) };
  };
  const fixed = Object.fromEntries(Object.keys(plan.weights).flatMap((n) => [[`${n}#scale`, student.fitted[n].scale], [`${n}#zero`, student.fitted[n].zero]]));
  return compileFor(steps)(gradients, { ...params, ...fixed });
}
