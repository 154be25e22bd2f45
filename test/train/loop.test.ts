// The one supervised loop: its arithmetic against AdamW by hand, interruption to the bit, the last step, divergence, memory.
import assert from 'node:assert/strict';
import { ready, tf } from '../../src/core/backend';
import { tensorCount } from '../../src/core/memory';
import { dispose, hostTensors, map, type Params } from '../../src/core/tree';
import { modelFromConfig } from '../../src/models/registry';
import { adamDefaults, adamInit, makeAdam } from '../../src/optim/adam';
import { supervisedLoss } from '../../src/train/loss';
import { train, type TrainingCheckpoint, type TrainingRecipe, type TrainingRun } from '../../src/train/loop';
import { freshWeights } from '../../src/train/weights';
import { windowBatches } from '../../src/text/training';
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';

const recipe: TrainingRecipe = { steps: 12, rate: 0.05, schedule: { kind: 'linear', warmup: 0.25, floor: 0 }, weightDecay: 0.1, clip: 1 };

const gpt = modelFromConfig({ model_type: 'opt', vocab_size: 40, hidden_size: 16, word_embed_proj_dim: 8, num_hidden_layers: 2, num_attention_heads: 2, ffn_dim: 32, max_position_embeddings: 16 });
const text = Int32Array.from({ length: 400 }, (_, i) => (7 * i) % 40);
const languageModel = (): TrainingRun => ({
  start: () => freshWeights(gpt.shapes, 'test', 1, 0.1), loss: supervisedLoss(gpt),
  batchOf: windowBatches(text, { name: 'test', seed: 1, batchSize: 4, window: 16 }),
});

/** w follows a target that moves from step to step: (w - target)^2, summed. */
const chase = (targets: readonly number[]): TrainingRun => ({
  start: () => ({ 'layer.weight': tf.tensor2d([[1, -2]]), 'layer.bias': tf.tensor1d([0.5]), 'embed_tokens.weight': tf.tensor2d([[1]]) }),
  loss: chaseLoss, batchOf: (step) => ({ target: { shape: [1], data: Float32Array.of(targets[step]) } }),
});
const chaseLoss = (params: Params, { target }: Params): Scalar => tf.addN(Object.values(params).map((x) => tf.sum(tf.squaredDifference(x, target)))) as Scalar;

/** Checkpoints in memory, the last one kept. */
function memory() {
  const kept: TrainingCheckpoint[] = [];
  return { kept, load: () => kept.at(-1) ?? null, save: (c: TrainingCheckpoint) => { kept.push(structuredClone(c)); } };
}

function hostOf(params: Record<string, Tensor>) {
  const host = hostTensors(params);
  dispose(params);
  return host;
}

describe('train', () => {
  before(() => ready());

  it('is AdamW on clipped gradients at the scheduled rate, matrices decay and embeddings do not; the weights are those of the last step', async () => {
    const targets = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50]; // the last step leads away, and still counts
    const { params, step, status } = await train({ ...recipe, schedule: { kind: 'constant', warmup: 0, floor: 0 } }, chase(targets));
    assert.deepEqual([step, status], [12, 'ok']);
    let w = chase(targets).start(), adam = adamInit(w);
    const groups = { matrix: { decay: true }, other: { decay: false } }, adamW = makeAdam(groups, (name) => (name === 'layer.weight' ? 'matrix' : 'other'), { ...adamDefaults, weightDecay: 0.1 });
    for (const target of targets) {
      const gradient = map(w, (x) => tf.mul(tf.sub(x, target), 2)), norm = Math.sqrt(Object.values(gradient).reduce((s, g) => s + tf.sum(tf.square(g)).dataSync()[0], 0));
      const clipped = map(gradient, (g) => tf.mul(g, Math.min(1, 1 / (norm + 1e-6))));
      ({ params: w, state: adam } = adamW.update(w, clipped, adam, { matrix: 0.05, other: 0.05 }));
    }
    for (const [name, x] of Object.entries(w)) {
      const got = params[name].dataSync();
      x.dataSync().forEach((value, i) => assert.ok(Math.abs(value - got[i]) < 2e-5, `${name}[${i}]: ${got[i]}, by hand ${value}`));
    }
    tf.dispose([w, params, adam.m, adam.v]);
  });

  it('brings the loss of a language model down', async () => {
    const { params, history } = await train({ ...recipe, steps: 100, rate: 0.01 }, languageModel());
    dispose(params);
    assert.deepEqual(history.map((e) => e.step), [50, 100]);
    assert.ok(history[0].loss < Math.log(40) && history[1].loss < 0.7 * history[0].loss, JSON.stringify(history));
  });

  it('a run that is stopped, at any step and more than once, ends with the bits and the history of one that is not', async () => {
    const whole = await train({ ...recipe, steps: 55 }, languageModel()), wanted = hostOf(whole.params);
    const checkpoints = memory();
    for (const stopAt of [1, 20, 50, Infinity]) {
      const signal = { aborted: false };
      const part = await train({ ...recipe, steps: 55 }, { ...languageModel(), checkpoints, signal, onProgress: ({ step }) => { signal.aborted = step >= stopAt; } });
      assert.deepEqual([part.status, part.step], stopAt === Infinity ? ['ok', 55] : ['cancelled', stopAt]);
      const got = hostOf(part.params);
      if (stopAt === Infinity) {
        assert.deepEqual(got, wanted);
        assert.deepEqual(part.history, whole.history);
      }
    }
    assert.deepEqual(checkpoints.kept.map((c) => c.step), [1, 20, 50, 55]);
  });

  it('writes checkpoints while it goes on, and one at the end from which nothing is done again', async () => {
    const checkpoints = memory();
    dispose((await train(recipe, { ...languageModel(), checkpoints, checkpointSeconds: 0 })).params);
    assert.deepEqual(checkpoints.kept.map((c) => c.step), Array.from({ length: 12 }, (_, i) => i + 1));
    const again = await train(recipe, { ...languageModel(), checkpoints, onProgress: () => assert.fail('a step was taken') });
    assert.deepEqual([again.status, again.step, checkpoints.kept.length], ['ok', 12, 12]);
    dispose(again.params);
  });

  it('refuses to go on from a loss that is no number, and no checkpoint holds one', async () => {
    const targets = Array.from({ length: 12 }, (_, i) => (i === 6 ? NaN : 0)), checkpoints = memory();
    await assert.rejects(train(recipe, { ...chase(targets), checkpoints, checkpointSeconds: 0 }), (e: { code?: string; message: string }) => e.code === 'diverged' && /step 7: lower the learning rate/.test(e.message));
    assert.equal(checkpoints.kept.length, 6);
    for (const { tensors } of checkpoints.kept) for (const { data } of Object.values(tensors)) assert.ok(data.every(Number.isFinite));
  });

  it('leaves no tensor behind but the weights, also where it fails', async () => {
    dispose((await train(recipe, languageModel())).params); // what the backend keeps for itself is there now
    const before = tensorCount(), { params } = await train(recipe, languageModel());
    assert.equal(tensorCount() - before, Object.keys(params).length);
    dispose(params);
    await train(recipe, chase(Array(12).fill(Infinity))).catch(() => undefined);
    assert.equal(tensorCount(), before);
  });

  it('an entry of the history is the mean loss of its steps, the last one of those that are left', async () => {
    const losses: number[] = [], { history, params } = await train({ steps: 60, rate: 0.05, schedule: { kind: 'constant', warmup: 0, floor: 0 }, weightDecay: 0, clip: 1 }, {
      start: () => ({ w: tf.tensor1d([1]) }), loss: ({ w }, { target }) => tf.sum(tf.squaredDifference(w, target)) as Scalar,
      batchOf: (step) => ({ target: { shape: [1], data: Float32Array.of(step % 7) } }), onProgress: ({ loss }) => { losses.push(loss); },
    });
    dispose(params);
    const mean = (x: number[]) => x.reduce((a, b) => a + b, 0) / x.length;
    assert.deepEqual(history.map(({ step, loss }) => [step, loss.toPrecision(9)]), [[50, mean(losses.slice(0, 50)).toPrecision(9)], [60, mean(losses.slice(50)).toPrecision(9)]]);
  });
});
