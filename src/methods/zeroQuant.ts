import { tf } from '../core/backend';
import { valueAndGrad } from '../core/grad';
import { tidy } from '../core/memory';
import { clone, dispose, part, pick, prefixed, type Params } from '../core/tree';
import { adamDefaults, adamInit, makeAdam } from '../optim/adam';
import { clipByGlobalNorm } from '../optim/clip';
import { rateAt, type Schedule } from '../optim/schedule';
import { calibration, inputDefaults, type InputConfig } from './inputs';
import { layerByLayer, type LayerReport, type Partly } from './layerwise';
import { roundToNearest } from './ptq';
import { passes } from './real';
import { disposeInputs } from './source';
import { affineOf, effective, isScale, latentGradients, makeStudent, type Student } from './student';
import { maskOf } from './studentStep';
import { compileFor } from './trainer';
import { inputTensors, type Inputs, type Model } from '../models/model';
import type { Compiled } from '../core/graph';
import type { Job, Method } from './method';
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';

export interface ZeroQuantConfig extends InputConfig {
  /** layer-by-layer knowledge distillation after the rounding */
  lkd: 'on' | 'off';
  /** updates of the student over all layers, each of which gets its share */
  steps: number;
  /** peak rate of weights, biases and norms */
  rate: number;
  /** peak rate of log-scales */
  scaleRate: number;
  /** limit of the gradient norm of a layer */
  clip: number;
  schedule: Schedule;
  /** seconds between checkpoints on disk */
  checkpointSeconds: number;
}

/** Weights in a group: the largest power of two up to this that divides every row. */
const LARGEST_GROUP = 64;

/**
 * ZeroQuant (Yao et al. 2022, arXiv 2206.01861): weights rounded to nearest in groups, activations per token as they come, no
 * training. With `lkd=on` each layer is then distilled by itself, all other layers and its inputs being the teacher's:
 * min ||L_k(x) - L^_k(x)||^2, L^_k the quantized layer. The strongest fair form: groups run along a row (the paper's span
 * whole rows), scales follow the rule of all other methods, and LKD learns them too.
 */
export const zeroQuant: Method<ZeroQuantConfig> = {
  id: 'zeroQuant', title: 'ZeroQuant', needs: ({ lkd, inputs }) => (lkd === 'on' && inputs === 'real' ? 'data' : 'nothing'),
  defaults: { lkd: 'off', ...inputDefaults, steps: 600, rate: 5e-4, scaleRate: 1e-3, clip: 1, schedule: { kind: 'cosine', warmup: 0.05, floor: 0 }, checkpointSeconds: 60 },
  plan: (model, { lkd }) => ({ granularity: groups(model), learned: lkd === 'on' }),
  variant: ({ lkd, inputs }, { granularity: g }) => `${typeof g === 'object' ? `groups of ${g.group}` : `per ${g}`}${lkd === 'on' ? `, LKD on ${inputs} inputs` : ''}`,
  async run(job, config) {
    if (config.lkd === 'off') return roundToNearest(job);
    const batches = await calibration(job, config), student = makeStudent(job.teacher.model, job.teacher.params, job.plan);
    const parts = layersOf(job), units = Math.max(1, Math.floor(config.steps / parts.length));
    try {
      return await layerByLayer({
        id: 'zeroQuant', job, parts, units, checkpointSeconds: config.checkpointSeconds,
        improve: (layer, model) => distillLayer(job, { ...config, steps: units }, student, batches, layer, model),
      });
    } finally {
      batches.forEach(disposeInputs);
      student.dispose();
    }
  },
};

function groups({ linears, shapes }: Model): { group: number } | 'row' {
  let group = LARGEST_GROUP;
  while (linears.some(({ weight }) => shapes[weight][1] % group)) group /= 2;
  return group >= 2 ? { group } : 'row';
}

/** A weight's layer, by its name: what stands before the weight's own part (`bert.encoder.layer.0`), and its number. */
function layerOf(name: string): { prefix: string; number: number } | undefined {
  const found = /^(.*?\.(\d+))\./.exec(name);
  return found ? { prefix: found[1], number: Number(found[2]) } : undefined;
}

/** Layers with a quantized weight, in the order of the forward pass; projections outside of layers stay rounded. */
function layersOf({ teacher: { model }, plan }: Job): string[] {
  return [...new Set(model.linears.flatMap(({ weight }) => (plan.weights[weight] ? layerOf(weight)?.prefix ?? [] : [])))];
}

/** Trains one layer against the teacher's, then puts it into the model. */
function* distillLayer(job: Job, config: ZeroQuantConfig, student: Student, batches: readonly Inputs[], layer: string, q: Partly): Generator<LayerReport> {
  const names = Object.keys(student.initial).filter((n) => n.startsWith(`${layer}.`)), batchOf = passes(`lkd/${layer}`, job.seed, batches.length);
  const gradients = layerGradients(job, config, student, layer), optimizer = makeAdam(GROUPS, (name) => (isScale(name) ? 'scale' : 'weight'), adamDefaults, compileFor(config.steps));
  let trained = clone(pick(student.initial, names)), adam = adamInit(trained);
  try {
    for (let step = 0; step < config.steps; step++) {
      const inputs = inputTensors(batches[batchOf(step)]);
      const { report, ...grads } = tidy(() => gradients({ ...prefixed('trained/', trained), ...prefixed('inputs/', inputs) }));
      const [loss, norm] = report.dataSync(), share = rateAt(config.schedule, step, config.steps);
      const next = optimizer.update(trained, part(grads, 'grads/'), adam, { weight: share * config.rate, scale: share * config.scaleRate });
      dispose(trained, adam.m, adam.v, grads, { report });
      [trained, adam] = [next.params, next.state];
      yield { student: Number.isFinite(norm) ? loss : NaN, gradientNorm: norm };
    }
    place(student, trained, q);
  } finally {
    dispose(trained, adam.m, adam.v);
    gradients.dispose(), optimizer.dispose();
  }
}

/** Nothing decays; scales have their own rate. */
const GROUPS = { weight: { decay: false }, scale: { decay: false } };

/** Gradient of the layer's relative squared error, clipped; as a graph if there are steps enough to pay for it. */
function layerGradients({ teacher: { model, params }, plan }: Job, { steps, clip }: ZeroQuantConfig, student: Student, layer: string): Compiled {
  const { number } = layerOf(`${layer}.`)!, own = { activation: (site: string, x: Tensor) => (site.startsWith(`${layer}.`) ? student.hooks.activation?.(site, x) ?? x : x) };
  const gradients = (x: Params): Record<string, Tensor> => {
    const trained = part(x, 'trained/'), inputs = part(x, 'inputs/') as Inputs, real = maskOf(inputs);
    const mask = tf.reshape(real, [...real.shape, 1]); // expandDims cannot be part of a graph
    const target = tf.mul(model.forward(params, inputs).hidden[number + 1], mask), size = tf.sum(tf.square(target));
    const { value, grads } = valueAndGrad((layerWeights) => {
      const answer = model.forward({ ...params, ...layerWeights }, inputs, own).hidden[number + 1];
      return tf.div(tf.sum(tf.square(tf.sub(tf.mul(answer, mask), target))), size) as Scalar;
    }, effective(student, trained));
    const clipped = clipByGlobalNorm(latentGradients(student, trained, grads), clip);
    return { ...prefixed('grads/', clipped.grads), report: tf.stack([value, clipped.norm]) };
  };
  const fixed = Object.fromEntries(Object.keys(plan.weights).flatMap((n) => [[`${n}#scale`, student.fitted[n].scale], [`${n}#zero`, student.fitted[n].zero]]));
  return compileFor(steps)(gradients, { ...params, ...fixed });
}

/** The layer as it has been trained, in place of the rounded one. */
function place(student: Student, trained: Params, q: Partly): void {
  for (const [name, w] of Object.entries(effective(student, trained))) {
    q.params[name].dispose();
    q.params[name] = w;
    if (!q.affines[name]) continue;
    tf.dispose([q.affines[name].scale, q.affines[name].zero]);
    q.affines[name] = tidy(() => {
      const { scale, zero } = affineOf(student, trained, name);
      return { scale: tf.clone(scale), zero: tf.clone(zero) };
    });
  }
}
