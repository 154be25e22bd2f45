import { ZsaqError } from '../core/error';
import { dispose, type Params } from '../core/tree';
import type { Model } from '../models/model';
import { disposeAffines, type Affine } from '../quant/affine';
import type { PlanOptions, QuantPlan } from '../quant/plan';
import type { Encoded } from '../text/batches';
import type { Warning } from '../train/monitor';
import type { Form, Joint, SpecialIds } from './layout';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** Methods by the names that commands and results use; `METHODS` says what each one is. */
export type MethodId = 'full' | 'ptq' | 'zeroQuant' | 'gptq' | 'qatReal' | 'qatRandom' | 'llmQat' | 'adversarial' | 'samSga';

/** A network, its weights, and what its folder says of itself (`zsaq.json`). */
export interface Network { model: Model; params: Params; card?: Record<string, unknown> }

/** What a checkpoint holds: plain data and named float32 arrays. */
export interface Saved {
  step: number;
  state: Record<string, unknown>;
  tensors: Record<string, { shape: number[]; data: Float32Array }>;
}

/** Where a run keeps its checkpoints, at most 20 steps behind it; `methods` never touches a disk. A checkpoint of another run is refused. */
export interface CheckpointStore { load(): Saved | null; save(saved: Saved): void }

/** Which real training text was read, and by which hash it is known again. Never a dev or test split. */
export interface DataSource extends Record<string, unknown> { set: string; split: string; file?: string; rows: number; sha256: string }

/** Real training text as token ids: whole examples with their special tokens, or one stream of running text. */
export type RealData = { source: DataSource } & (
  | { kind: 'examples'; rows: number; row(index: number, length: number): Encoded }
  | { kind: 'stream'; ids: Int32Array }
);

/** All that a method may use. Real data is reachable only for a method that declares it. */
export interface Job {
  teacher: Network;
  /** causal language model that writes the inputs */
  generator?: Network;
  plan: QuantPlan;
  special: SpecialIds;
  /** of pairs: how two texts are joined; as BERT does it unless told */
  joint?: Joint;
  /** ids that synthetic text may use: no special and no unused tokens */
  vocabulary: Int32Array;
  form: Form;
  seed: number;
  /** throws in every zero-shot method */
  data(): RealData;
  checkpoints?: CheckpointStore;
  signal?: { readonly aborted: boolean };
  /** awaited if it takes its time */
  onProgress?(p: Progress): void | Promise<void>;
  /** watch for the signatures of failure, and what to do at one; absent: not watched */
  onFailure?: OnFailure;
  onWarning?(warning: Warning): void;
}

/** At a signature of failure: go on and say so, end the run, or go back to an earlier state with half the rates (the second time: end). */
export type OnFailure = 'warn' | 'stop' | 'rollback';

/** One step of training, as recorded in the history. */
export interface Entry {
  step: number;
  /** D(P, Q(w)) of this step's batch, minimized by the student; of a layer-wise method the relative squared error of the layer's output */
  student: number;
  /** the layer, or the input of linear layers, that a layer-wise method works on */
  layer?: string;
  /** D that the generator has just ascended, or null where no ascent took place */
  generator: number | null;
  /** (L(w + eps) - L(w)) / L(w); null without SAM. Below 0.01 SAM does nothing */
  sharpness: number | null;
  /** beta / ||Q(w)||, the perturbation as a share of the weights */
  relativeRadius: number | null;
  /** share of integer codes that eps would move if Q(w) + eps were rounded again, estimated on every 16th row; null without SAM */
  codesMoved: number | null;
  /** null where there is no gradient */
  gradientNorm: number | null;
  /** share of different tokens in the batch: falls when the generator collapses */
  distinct: number | null;
  /** where the source speaks in embeddings: their mean norm as a share of an ordinary token's, and their distance from the nearest one (`manifoldDistance`), at every tenth step */
  manifold: { norm: number; distance: number } | null;
  /** share of each class among the teacher's answers to this batch (classification only) */
  classes: number[] | null;
  /** D on batches that nothing trains on, at every tenth step of a watched run */
  held: number | null;
}

/** What a run tells at each step; `tokens` of the batch are the run's own, row by row, where the source speaks in tokens; `weights` gives a complete
 *  record as the quantized model computes with it, whose tensors the caller owns with the activations of `plan` (methods that train the whole student).
 *  `layers`: updates of single layers that go before the first step, where the run has begun with them; `step` is 0 meanwhile. */
export interface Progress { method: MethodId; step: number; steps: number; entry: Entry; layers?: { done: number; of: number }; tokens?: Int32Array; plan?: QuantPlan; weights?(): Record<string, Tensor> }

/** An update of one layer takes about a fifth of a step's time: 0.19 s beside 0.7 (QAT on random tokens) to 1.2 s (SAM-SGA) on MiniLM. */
const LAYER_STEPS = 0.2;

/** How much of a run is done, of 1. */
export function shareDone({ step, steps, layers = { done: 0, of: 0 } }: Progress): number {
  const all = steps + LAYER_STEPS * layers.of;
  return all ? (step + LAYER_STEPS * layers.done) / all : 0;
}

/** `stopped`: ended at a signature of failure, as `onFailure` asks */
export type Status = 'ok' | 'diverged' | 'cancelled' | 'stopped';

/** What a run took: seconds, peak memory of the process in bytes, steps, and seconds of each phase. */
export interface Cost { seconds: number; peakBytes: number; steps: number; phases: Record<string, number> }

/** What every method returns. The caller owns `params` and `affines`. */
export interface Quantized {
  /** a complete record as the quantized model computes with it */
  params: Record<string, Tensor>;
  /** scale and zero point of every quantized weight */
  affines: Record<string, Affine>;
  plan: QuantPlan;
  history: Entry[];
  cost: Cost;
  status: Status;
  /** signatures of failure that were seen, each at its first time; of a method that trains no student in one go, none */
  warnings?: Warning[];
}

/** Gives back what a method has returned. */
export function disposeQuantized({ params, affines }: Pick<Quantized, 'params' | 'affines'>): void {
  dispose(params);
  disposeAffines(affines);
}

/** A quantization method. */
export interface Method<Config> {
  readonly id: MethodId;
  readonly title: string;
  readonly defaults: Config;
  /** What a run with these settings reads besides the teacher and the generator: 'nothing' is a promise that the job enforces. */
  needs(config: Config): 'nothing' | 'data';
  /** Where the strongest fair plan differs from that of rounding to nearest. */
  plan?(model: Model, config: Config): Partial<PlanOptions>;
  /** What tells a run from others of the method, for tables. */
  variant?(config: Config, plan: PlanOptions): string | null;
  /** its generator learns, so that a small untrained one will do where none is given */
  readonly ascends?: boolean;
  run(job: Job, config: Config): Promise<Quantized>;
}

/** The `data` of a zero-shot job. */
export function noData(method: string): never {
  throw new ZsaqError('leak', `${method} is zero-shot and must not read data: only a method that declares needs: 'data' may`);
}

/** True once the job's signal or the notebook's stop button asks for the end. */
export function isCancelled(job: Pick<Job, 'signal'>): boolean {
  const stop = (globalThis as Record<symbol, { aborted?: boolean } | undefined>)[Symbol.for('zsaq.cancel')];
  return job.signal?.aborted === true || stop?.aborted === true;
}
