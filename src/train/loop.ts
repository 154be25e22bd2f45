import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { dispose, fromHost, hostTensors, part, prefixed, type Params } from '../core/tree';
import { adamInit } from '../optim/adam';
import { rateAt, type Schedule } from '../optim/schedule';
import { makeUpdate, type State } from './update';
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';

/** Everything of the optimization that decides the weights, beside the batches. */
export interface TrainingRecipe {
  readonly steps: number;
  /** Peak of the learning rate. */
  readonly rate: number;
  readonly schedule: Schedule;
  readonly weightDecay: number;
  /** Limit of the global gradient norm. */
  readonly clip: number;
}

/** An array of a batch before it is a tensor; int32 or float32 as its data is. */
export interface HostArray { readonly shape: readonly number[]; readonly data: Int32Array | Float32Array }

/** The batch of a step. A function of the step alone, so that a run which is continued reads what it would have read. */
export type BatchOf = (step: number) => Readonly<Record<string, HostArray>>;

/** What a checkpoint holds: plain data and named float32 arrays. */
export interface TrainingCheckpoint {
  step: number;
  state: Record<string, unknown>;
  tensors: Record<string, { shape: number[]; data: Float32Array }>;
}

/** Mean loss over the steps since the entry before. */
export interface LossEntry { step: number; loss: number; rate: number }

/** Where a run is. */
export interface TrainingProgress { step: number; steps: number; loss: number; rate: number; secondsLeft: number }

/** What a run needs beside its recipe. */
export interface TrainingRun {
  /** The first weights; asked for only where no checkpoint is. The run owns them. */
  start(): Record<string, Tensor>;
  loss(params: Params, batch: Params): Scalar;
  readonly batchOf: BatchOf;
  readonly checkpoints?: { load(): TrainingCheckpoint | null; save(checkpoint: TrainingCheckpoint): void };
  /** Seconds between two checkpoints (60). */
  readonly checkpointSeconds?: number;
  readonly signal?: { readonly aborted: boolean };
  onProgress?(progress: TrainingProgress): void;
}

/** What a run ends with; the caller owns `params`, always those of the last step. */
export interface Trained { status: 'ok' | 'cancelled'; params: Record<string, Tensor>; step: number; seconds: number; history: LossEntry[] }

const ENTRY_STEPS = 50, CHECKPOINT_SECONDS = 60;

/** Beside the tensors: seconds so far, finished entries of the history, and the sum of the losses of the one that is open. */
interface Course { seconds: number; history: LossEntry[]; open: number }

/**
 * Supervised training from the given weights, or from the last checkpoint, to the recipe's last step. The one loop of
 * fine-tuning, pre-training and the bundled models. A run that was stopped ends with the same bits as one that was not.
 *
 * @throws ZsaqError 'range' for no steps, 'diverged' at the first loss or gradient that is not finite; no checkpoint ever holds one
 * @example await train({ steps: 100, rate: 1e-3, schedule: { kind: 'cosine', warmup: 0.1, floor: 0 }, weightDecay: 0, clip: 1 }, { start, loss, batchOf })
 */
export async function train(recipe: TrainingRecipe, run: TrainingRun): Promise<Trained> {
  const { steps } = recipe, { checkpoints, checkpointSeconds = CHECKPOINT_SECONDS } = run;
  if (!(steps >= 1)) throw new ZsaqError('range', `a training of ${steps} steps: give more epochs or steps, or a smaller batch`);
  let { state, course, step } = restore(checkpoints?.load()) ?? begin(run.start());
  const began = performance.now(), first = step, before = course.seconds;
  const update = makeUpdate(run.loss, recipe);
  let saved = began, status: Trained['status'] = 'ok';
  const save = (): void => {
    checkpoints?.save(store(step, state, course));
    saved = performance.now();
  };
  try {
    while (step < steps) {
      const rate = recipe.rate * rateAt(recipe.schedule, step, steps), batch = tensors(run.batchOf(step));
      const next = update(state, batch, rate);
      dispose(batch, state.params, state.adam.m, state.adam.v);
      state = next.state;
      if (!Number.isFinite(next.loss) || !Number.isFinite(next.norm)) {
        throw new ZsaqError('diverged', `the loss is ${next.loss} and its gradient's norm ${next.norm} at step ${step + 1}: lower the learning rate`);
      }
      step++;
      course = record(course, next.loss, step, steps, rate);
      const spent = (performance.now() - began) / 1000;
      course.seconds = before + spent;
      run.onProgress?.({ step, steps, loss: next.loss, rate, secondsLeft: (spent / (step - first)) * (steps - step) });
      await new Promise<void>((resolve) => { setImmediate(resolve); }); // lets Ctrl-C through
      if (run.signal?.aborted && step < steps) {
        status = 'cancelled';
        break;
      }
      if (performance.now() - saved >= checkpointSeconds * 1000 && step < steps) save();
    }
    if (step > first) save();
    dispose(state.adam.m, state.adam.v);
    return { status, params: state.params, step, seconds: course.seconds, history: course.history };
  } catch (e) {
    dispose(state.params, state.adam.m, state.adam.v);
    throw e;
  } finally {
    update.dispose();
  }
}

function record({ seconds, history, open }: Course, loss: number, step: number, steps: number, rate: number): Course {
  const sum = open + loss, length = step % ENTRY_STEPS || ENTRY_STEPS;
  return step % ENTRY_STEPS === 0 || step === steps ? { seconds, history: [...history, { step, loss: sum / length, rate }], open: 0 } : { seconds, history, open: sum };
}

function tensors(batch: ReturnType<BatchOf>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(batch).map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape], data instanceof Int32Array ? 'int32' : 'float32')]));
}

interface Place { state: State; course: Course; step: number }

function begin(params: Record<string, Tensor>): Place {
  return { state: { params, adam: adamInit(params) }, course: { seconds: 0, history: [], open: 0 }, step: 0 };
}

function store(step: number, { params, adam }: State, course: Course): TrainingCheckpoint {
  return { step, state: { ...course }, tensors: hostTensors({ ...prefixed('params/', params), ...prefixed('m/', adam.m), ...prefixed('v/', adam.v) }) };
}

function restore(found: TrainingCheckpoint | null | undefined): Place | undefined {
  if (!found) return undefined;
  const all = fromHost(found.tensors);
  return { step: found.step, course: found.state as unknown as Course, state: { params: part(all, 'params/'), adam: { m: part(all, 'm/'), v: part(all, 'v/'), step: found.step } } };
}
