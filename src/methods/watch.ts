import { Streams } from '../core/random';
import { tidy } from '../core/memory';
import { dispose, part, prefixed, type Params } from '../core/tree';
import { tf } from '../core/backend';
import { addAll } from '../core/kernels';
import { divergence } from '../train/divergence';
import { GeneratorSource } from './generator';
import { disposeInputs, randomSource } from './source';
import { effective, type Student } from './student';
import { maskOf } from './studentStep';
import { compileFor, heldBy } from './trainer';
import { samSgaDefaults, type SamSgaConfig, type TrainConfig } from './config';
import type { Compiled } from '../core/graph';
import type { Job } from './method';
import { inputTensors, type Inputs } from '../models/model';
import type { Scalar } from '@tensorflow/tfjs-node-gpu';

/** Steps between two looks at the held-out batches: they cost about two forward passes. */
export const HELD_STEPS = 10;

/** Its streams bear the names of a run's; no run should have its numbers. */
const SEED = 2 ** 48 + 7;

/**
 * Batches that nothing trains on, by which the student's overfitting shows: random tokens and, in a method with a generator, a sample of the
 * generator as it came. They are made from a seed of their own, so that a watched run draws what an unwatched one draws.
 */
export class Watch {
  private readonly score: Compiled;
  private readonly batches: readonly Inputs[];

  static async start(job: Job, config: TrainConfig, student: Student): Promise<Watch> {
    return new Watch(job, config, student, await heldOut(job, config, 1));
  }

  private constructor(job: Job, config: TrainConfig, student: Student, batches: readonly Inputs[]) {
    this.batches = batches;
    const held: Params = { ...heldBy(student, job.teacher), ...Object.assign({}, ...batches.map((b, i) => prefixed(`batch${i}/`, inputTensors(b)))) };
    this.score = compileFor(config.steps)((x) => tidy(() => {
      const q = { ...student.frozen, ...effective(student, part(x, 'trained/')) };
      const each = batches.map((inputs) => divergence(student.model.forward(q, inputs, student.hooks), job.teacher.model.forward(job.teacher.params, inputs), maskOf(inputs), config.divergence));
      return { held: tf.div(addAll(each), each.length) as Scalar };
    }), held);
  }

  /** D(P, Q) on the held-out batches of a student with that trained record, at every so many-th step; null at the others. */
  async held(step: number, trained: Params): Promise<number | null> {
    if (step % HELD_STEPS !== 0) return null;
    const out = this.score(prefixed('trained/', trained)), [value] = await out.held.data();
    dispose(out);
    return value;
  }

  dispose(): void {
    this.score.dispose();
    this.batches.forEach(disposeInputs);
  }
}

/** `rounds` batches of random tokens and, where there is a generator, as many samples of it as it came. The caller owns the tensors. */
export async function heldOut(job: Job, config: TrainConfig, rounds: number): Promise<Inputs[]> {
  const streams = new Streams(SEED), random = randomSource(job, { ...config, form: job.form }, streams.get('random')), batches: Inputs[] = [];
  const source = job.generator && 'generator' in config ? new GeneratorSource(job, job.generator, { ...samSgaDefaults, ...config as SamSgaConfig, steps: 1, sga: 'off' }, streams) : undefined;
  try {
    for (let k = 0; k < rounds; k++) {
      batches.push(random.next().inputs);
      if (source) batches.push((await source.next()).inputs);
    }
    return batches;
  } finally {
    source?.dispose();
  }
}
