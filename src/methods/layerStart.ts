// What training begins with, if the settings ask for it: each layer distilled by itself.
import { dispose } from '../core/tree';
import { collect } from './inputs';
import { distillLayer, layersOf, statesFor, updatesEach } from './layerDistill';
import { isCancelled, type Job } from './method';
import { disposeInputs, type Source } from './source';
import type { TrainConfig } from './config';
import type { LayerReport } from './layerwise';
import type { Student } from './student';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** Batches that the layers learn from in turn. */
export const START_BATCHES = 64;

/**
 * Layers of a student distilled one by one (layerDistill.ts) on batches of the method's own source, the adversary as it came: cheap
 * updates that find most of what a layer can repair by itself, so that training the whole starts from there.
 *
 * @returns what the layers train, by name, which the caller owns; undefined if the run was cancelled meanwhile. A layer whose loss is not finite stays rounded.
 */
export async function layerStart(job: Job, config: TrainConfig, student: Student, source: Source, tell: (report: LayerReport & { layer: string }, layers: { done: number; of: number }) => void | Promise<void>): Promise<Record<string, Tensor> | undefined> {
  const parts = layersOf(job), { steps: all, rate, scaleRate } = config.layerwise, steps = updatesEach(all, parts);
  const batches = await collect(job, source, Math.min(START_BATCHES, steps)), found: Record<string, Tensor> = {}, states = statesFor(job, batches, steps);
  let complete = false, at = 0;
  try {
    if (isCancelled(job)) return undefined;
    for (const layer of parts) {
      let done = at++ * steps; // a layer may end early
      for (const report of distillLayer(job, { steps, rate, scaleRate, clip: config.clip, schedule: config.schedule }, student, states, layer, (trained) => { Object.assign(found, trained); })) {
        if (!Number.isFinite(report.student)) break;
        await tell({ layer, ...report }, { done: ++done, of: parts.length * steps });
        await new Promise((turn) => setImmediate(turn)); // signals and the notebook get a turn
        if (isCancelled(job)) return undefined;
      }
    }
    complete = true;
    return found;
  } finally {
    states.dispose();
    batches.forEach(disposeInputs);
    if (!complete) dispose(found);
  }
}
