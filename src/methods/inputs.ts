import { Streams } from '../core/random';
import { isCancelled, type Job } from './method';
import { realSource } from './real';
import { disposeInputs, randomSource, type Source } from './source';
import { WrittenSource, writerDefaults, type Writer } from './written';
import type { Inputs } from '../models/model';

/** What a layer-wise method sees of the world: uniform random tokens, text that a language model writes (`WrittenSource`), or real training text. */
export type InputKind = 'random' | 'generated' | 'real';

/** The inputs of a layer-wise method. */
export interface InputConfig {
  inputs: InputKind;
  /** sequences in all */
  sequences: number;
  batch: number;
  seq: number;
  /** shortest example as a share of `seq` (encoders) */
  shortest: number;
  /** largest share of a pair's second text that is copied from the first */
  correlation: number;
  writing: Writer;
}

export const inputDefaults: InputConfig = { inputs: 'generated', sequences: 1024, batch: 16, seq: 32, shortest: 0.25, correlation: 1, writing: writerDefaults };

/**
 * All batches of the chosen kind; fewer if the job is cancelled meanwhile. The caller owns the tensors.
 *
 * @throws ZsaqError 'leak' for real inputs in a zero-shot job, 'missing' for generated ones without a writer
 */
export async function calibration(job: Job, config: InputConfig): Promise<Inputs[]> {
  const source = sourceOf(job, config);
  try {
    return await collect(job, source, Math.ceil(config.sequences / config.batch));
  } finally {
    source.dispose();
  }
}

/** The next `count` batches of a source; fewer if the job is cancelled meanwhile. The caller owns the tensors. */
export async function collect(job: Job, source: Source, count: number): Promise<Inputs[]> {
  const batches: Inputs[] = [];
  try {
    while (batches.length < count && !isCancelled(job)) {
      batches.push((await source.next()).inputs);
      await new Promise((next) => setImmediate(next)); // signals and the notebook get a turn
    }
    return batches;
  } catch (e) {
    batches.forEach(disposeInputs);
    throw e;
  }
}

function sourceOf(job: Job, config: InputConfig): Source {
  const layout = { ...config, form: job.form }, streams = new Streams(job.seed);
  if (config.inputs === 'real') return realSource(job, config);
  return config.inputs === 'random' ? randomSource(job, layout, streams.get('batches')) : new WrittenSource(job, layout, config.sequences, config.writing, streams);
}
