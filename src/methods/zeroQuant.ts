import { tf } from '../core/backend';
import { tidy } from '../core/memory';
import { dispose, type Params } from '../core/tree';
import { calibration, inputDefaults, type InputConfig } from './inputs';
import { distillLayer, layersOf, statesFor, updatesEach, type LayerTraining } from './layerDistill';
import { layerByLayer, type Partly } from './layerwise';
import { roundToNearest } from './ptq';
import { disposeInputs } from './source';
import { affineOf, effective, makeStudent, type Student } from './student';
import type { Model } from '../models/model';
import type { Method } from './method';

export interface ZeroQuantConfig extends InputConfig, LayerTraining {
  /** layer-by-layer knowledge distillation after the rounding */
  lkd: 'on' | 'off';
  /** updates of the student over all layers, each of which gets its share */
  steps: number;
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
    const parts = layersOf(job), units = updatesEach(config.steps, parts), states = statesFor(job, batches, units);
    try {
      return await layerByLayer({
        id: 'zeroQuant', job, parts, units, checkpointSeconds: config.checkpointSeconds,
        improve: (layer, q) => distillLayer(job, { ...config, steps: units }, student, states, layer, (trained) => {
          place(student, trained, q);
          dispose(trained);
        }),
      });
    } finally {
      states.dispose();
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
