import { dispose, type Params } from '../core/tree';
import { tokenInputs } from './adaptation';
import { drawLayout, type LayoutConfig } from './layout';
import type { Stream } from '../core/random';
import type { Job } from './method';
import { inputTensors, type Inputs } from '../models/model';
import type { DivergenceConfig } from '../train/divergence';
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';

/** The student as the adversary meets it. */
export interface Opponent {
  /** what the student trains, as it stands */
  trained: Params;
  /** D(P, Q) of a student with that trained record; differentiable in the inputs, a function of these and `held` */
  divergence(trained: Params, inputs: Inputs): Scalar;
  /** tensors that the divergence reads besides; they stay as they are */
  held: Params;
}

/** One batch for the student. `tokens` are the generated ids, where there are any. */
export interface Batch { inputs: Inputs; tokens?: Int32Array }

/** Where the student's inputs come from; the adversary, if there is one, lives here. */
export interface Source {
  next(): Batch | Promise<Batch>;
  /** one ascent of the generator on D(P, Q) of the student as it stands; the divergence before it, null if none took place */
  ascend?(step: number, opponent: Opponent, rateShare: number): number | null | Promise<number | null>;
  /** the divergence that it ascends, if not the student's */
  readonly divergence?: DivergenceConfig;
  /** true where the ascent of this step goes along the gradient that the student's own first pass gives (`follow`) */
  sharesPass?(step: number): boolean;
  /** one ascent along dD/de `[batch, seq, embedding]` of the last batch; false, with nothing changed, if it is not finite */
  follow?(inputGradient: Tensor, rateShare: number): boolean | Promise<boolean>;
  /** tensors and data that a checkpoint must hold; `held` are clones that the caller disposes of */
  save(): { held: Record<string, Tensor>; state: Record<string, unknown> };
  restore(tensors: Params, state: Record<string, unknown>): void;
  dispose(): void;
}

/** A source that computes its batches on the host: nothing has to be awaited. */
export interface HostSource extends Source { next(): Batch }

/** Uniform random tokens in the task's layout: the input of QAT-Rand, and the noise that a generator reads. */
export function randomTokens(vocabulary: Int32Array, n: number, random: Stream): Int32Array {
  return Int32Array.from({ length: n }, () => vocabulary[random.int(vocabulary.length)]);
}

/** A source without memory beyond its random stream. */
export function randomSource(job: Job, layout: LayoutConfig, random: Stream): HostSource {
  return {
    next() {
      const drawn = drawLayout(layout, job.special, random, job.joint);
      const tokens = randomTokens(job.vocabulary, layout.batch * layout.seq, random);
      return { inputs: tokenInputs(drawn, tokens), tokens };
    },
    save: () => ({ held: {}, state: {} }),
    restore: () => undefined,
    dispose: () => undefined,
  };
}

export function disposeInputs(inputs: Inputs): void {
  dispose(inputTensors(inputs));
}
