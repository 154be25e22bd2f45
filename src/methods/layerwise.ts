import { peakBytes } from '../core/memory';
import { dispose, fromHost, hostTensors, part, prefixed } from '../core/tree';
import { ZsaqError } from '../core/error';
import { disposeQuantized, isCancelled, type Entry, type Job, type MethodId, type Quantized, type Saved, type Status } from './method';
import { roundToNearest } from './ptq';
import type { Affine } from '../quant/affine';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** The model as it is so far: a complete record, and the grids of its weights. Whoever replaces a tensor disposes of the old one. */
export interface Partly { params: Record<string, Tensor>; affines: Record<string, Affine> }

/** What one unit of work says of itself. */
export type LayerReport = Pick<Entry, 'student'> & Partial<Pick<Entry, 'gradientNorm' | 'distinct'>>;

/** A method that goes through a model part by part, in the order of the forward pass. */
export interface Layerwise {
  id: MethodId;
  job: Job;
  parts: readonly string[];
  /** units of work in each part */
  units: number;
  checkpointSeconds: number;
  /** Improves one part of the model, a unit of work at a time; begins with the teacher's weights, whatever stands there. A loss that is not finite ends the run. */
  improve(name: string, model: Partly): Generator<LayerReport>;
}

/** What an entry of a layer does not say. */
export const NOTHING = { generator: null, sharpness: null, relativeRadius: null, codesMoved: null, gradientNorm: null, distinct: null, manifold: null, classes: null, held: null };

/**
 * The loop of every layer-wise method: begins with round to nearest, so that the model is complete at any time, reports each
 * unit, stops after it when it is cancelled, and writes a checkpoint between parts. A part that was interrupted is done anew:
 * what it does must depend on the seed, the part and the parts before it alone.
 */
export async function layerByLayer({ id, job, parts, units, checkpointSeconds, improve }: Layerwise): Promise<Quantized> {
  const began = performance.now(), start = roundToNearest(job), phases: Record<string, number> = { ...start.cost.phases };
  let model: Partly = start, done = 0, history: Entry[] = [], before = 0, written = performance.now(), status: Status = 'ok';
  const seconds = () => before + (performance.now() - began) / 1000;
  const onePart = async (name: string): Promise<Status> => {
    if (isCancelled(job)) return 'cancelled';
    for (const report of improve(name, model)) {
      if (!Number.isFinite(report.student)) return 'diverged';
      const entry: Entry = { ...NOTHING, step: history.length + 1, layer: name, ...report };
      history.push(entry);
      await job.onProgress?.({ method: id, step: entry.step, steps: parts.length * units, entry });
      await new Promise((next) => setImmediate(next)); // signals and the notebook get a turn
      if (isCancelled(job)) return 'cancelled';
    }
    return 'ok';
  };
  const save = (entries: Entry[]): void => {
    written = performance.now();
    job.checkpoints?.save({ step: done, state: { history: entries, seconds: seconds() }, tensors: hostTensors({ ...prefixed('params/', model.params), ...grids(model) }) });
  };
  try {
    const saved = job.checkpoints?.load();
    if (saved) {
      [done, history, before] = [saved.step, saved.state.history as Entry[], saved.state.seconds as number];
      model = restored(model, saved);
    }
    while (status === 'ok' && done < parts.length) {
      const finished = history.slice();
      status = await onePart(parts[done]);
      if (status === 'ok') done++;
      if (status !== 'ok' || performance.now() - written > 1000 * checkpointSeconds) save(status === 'ok' ? history : finished);
    }
  } catch (e) {
    disposeQuantized(model);
    throw e;
  }
  phases.layers = (performance.now() - began) / 1000 - phases.fit;
  return { ...model, plan: job.plan, history, cost: { seconds: seconds(), peakBytes: peakBytes(), steps: history.length, phases }, status };
}

function grids({ affines }: Partly): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(affines).flatMap(([name, { scale, zero }]) => [[`scale/${name}`, scale], [`zero/${name}`, zero]]));
}

/** The model of a checkpoint in place of a new one. */
function restored(fresh: Partly, { tensors }: Saved): Partly {
  const all = fromHost(tensors), params = part(all, 'params/'), scales = part(all, 'scale/'), zeros = part(all, 'zero/');
  if (Object.keys(params).join() !== Object.keys(fresh.params).join() || Object.keys(scales).join() !== Object.keys(fresh.affines).join()) {
    dispose(all);
    throw new ZsaqError('mismatch', 'the checkpoint belongs to another model or plan: choose another output folder');
  }
  dispose(fresh.params, grids(fresh));
  return { params, affines: Object.fromEntries(Object.keys(scales).map((name) => [name, { scale: scales[name] as Tensor2D, zero: zeros[name] as Tensor2D }])) };
}
