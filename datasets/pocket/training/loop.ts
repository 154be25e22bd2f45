import {
  adamDefaults, adamInit, adamUpdate, clipByGlobalNorm, dispose, fromHost, hostTensors, loadCheckpoint, part, prefixed, rateAt, saveCheckpoint, Stream, tf, tidy,
  valueAndGrad, ZsaqError,
  type AdamState, type Model,
} from '../../../src/index';
import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';
import { SEED } from '../corpus';
import type { BatchOf } from './batches';
import { crossEntropy } from './loss';
import type { Recipe } from './recipes';

/** Where a run is, for the progress line. */
export interface Progress {
  readonly step: number;
  readonly loss: number;
  readonly rate: number;
  readonly secondsLeft: number;
}

/** What a run needs beside its recipe. */
export interface Run {
  readonly model: Model;
  readonly batchOf: BatchOf;
  /** Folder of the checkpoints, from which a run that was stopped goes on. */
  readonly checkpoints: string;
  onProgress(progress: Progress): void;
}

const REPORT_EVERY = 50, SAVE_EVERY_SECONDS = 45;

interface State { params: Record<string, Tensor>; adam: AdamState; seconds: number }

/**
 * Trains from scratch, or from the last checkpoint, to the recipe's last step: cross-entropy, AdamW, warm-up and cosine, clipping.
 *
 * @returns the parameters and the seconds spent, those before an interruption included
 * @throws ZsaqError 'diverged' where the loss is no number
 */
export async function train(recipe: Recipe, run: Run): Promise<{ params: Record<string, Tensor>; seconds: number }> {
  const { steps, warmup, floor, weightDecay, clip } = recipe;
  let { state, step } = restore(run.checkpoints) ?? { state: begin(recipe, run.model), step: 0 };
  const start = Date.now(), first = step, before = state.seconds;
  let saved = start;
  while (step < steps) {
    const rate = recipe.rate * rateAt({ kind: 'cosine', warmup, floor }, step, steps);
    const { grads, loss } = tidy(() => {
      const { inputs, targets } = run.batchOf(step);
      const lossOf = (params: Readonly<Record<string, Tensor>>): Scalar => {
        const { logits } = run.model.forward(params, inputs);
        return crossEntropy(tf.reshape(logits, [-1, logits.shape[logits.rank - 1]]) as Tensor2D, targets);
      };
      const result = valueAndGrad(lossOf, state.params);
      return { grads: clipByGlobalNorm(result.grads, clip).grads, loss: result.value };
    });
    const next = adamUpdate(state.params, grads, state.adam, (name) => ({ rate, decay: decays(name) }), { ...adamDefaults, weightDecay });
    dispose(grads, state.params, state.adam.m, state.adam.v);
    state = { params: next.params, adam: next.state, seconds: before + (Date.now() - start) / 1000 };
    step++;
    if (step % REPORT_EVERY === 0 || step === steps) {
      const value = (await loss.data())[0];
      if (!Number.isFinite(value)) {
        throw new ZsaqError('diverged', `${recipe.name}: the loss is ${value} at step ${step}: lower the learning rate of its recipe`);
      }
      run.onProgress({ step, loss: value, rate, secondsLeft: ((Date.now() - start) / 1000 / (step - first)) * (steps - step) });
    }
    loss.dispose();
    if (Date.now() - saved > SAVE_EVERY_SECONDS * 1000 || step === steps) store(run.checkpoints, step, state), (saved = Date.now());
  }
  dispose(state.adam.m, state.adam.v);
  return { params: state.params, seconds: state.seconds };
}

/** Weight decay is for the matrices of the layers: not for biases, norms and embeddings. */
const decays = (name: string): boolean => name.endsWith('.weight') && !/norm|embed/i.test(name);

/** Normal weights, zero biases, unit norms. */
function begin(recipe: Recipe, model: Model): State {
  const params: Record<string, Tensor> = {};
  for (const [name, shape] of Object.entries(model.shapes)) {
    const size = shape.reduce((a, b) => a * b, 1), values = new Float32Array(size);
    if (/norm/i.test(name)) values.fill(name.endsWith('.weight') ? 1 : 0);
    else if (name.endsWith('.weight')) {
      const random = new Stream(`${recipe.name}/${name}`, SEED);
      for (let i = 0; i < size; i++) values[i] = recipe.deviation * random.normal();
    }
    params[name] = tf.tensor(values, [...shape]);
  }
  return { params, adam: adamInit(params), seconds: 0 };
}

function store(dir: string, step: number, { params, adam, seconds }: State): void {
  const all = hostTensors({ ...prefixed('params/', params), ...prefixed('m/', adam.m), ...prefixed('v/', adam.v) });
  const tensors = Object.fromEntries(Object.entries(all).map(([name, x]) => [name, { dtype: 'float32' as const, ...x }]));
  saveCheckpoint(dir, { step, state: { seconds }, tensors });
}

function restore(dir: string): { state: State; step: number } | undefined {
  const found = loadCheckpoint(dir);
  if (!found) return undefined;
  const all = fromHost(found.tensors), { seconds } = found.state as { seconds: number };
  return { step: found.step, state: { params: part(all, 'params/'), adam: { m: part(all, 'm/'), v: part(all, 'v/'), step: found.step }, seconds } };
}
