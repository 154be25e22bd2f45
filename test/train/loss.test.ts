// Losses against values by hand, and their gradients against central differences.
import assert from 'node:assert/strict';
import { ready, tf } from '../../src/core/backend';
import { valueAndGrad } from '../../src/core/grad';
import { dropout } from '../../src/core/kernels';
import { dispose } from '../../src/core/tree';
import { loadModel } from '../../src/models/load';
import { crossEntropy, dropoutSeed, meanSquaredError, supervisedLoss, type Learner } from '../../src/train/loss';
import { fixture } from '../fixtures/dump';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';

const LOGITS = [[2, 0, -1], [0.5, 0.5, 3]], TARGETS = [0, 1];

function checkGradient(f: (x: Tensor2D) => Scalar, at: readonly number[][]): void {
  const { grads } = valueAndGrad(({ x }) => f(x as Tensor2D), { x: tf.tensor2d(at as number[][]) }), got = grads.x.arraySync() as number[][];
  const value = (rows: readonly number[][]) => f(tf.tensor2d(rows as number[][])).dataSync()[0];
  at.forEach((row, i) => row.forEach((_, j) => {
    const moved = (by: number) => value(at.map((r, a) => r.map((v, b) => (a === i && b === j ? v + by : v))));
    assert.ok(Math.abs((moved(0.01) - moved(-0.01)) / 0.02 - got[i][j]) < 1e-4, `[${i}, ${j}]: ${got[i][j]}`);
  }));
}

describe('losses', () => {
  before(() => ready());

  it('cross-entropy is the mean of -log softmax at the targets', () => {
    const targets = tf.tensor1d(TARGETS, 'int32') as Tensor1D, wanted = LOGITS.reduce((s, row, i) => s + Math.log(row.reduce((t, z) => t + Math.exp(z), 0)) - row[TARGETS[i]], 0) / 2;
    assert.ok(Math.abs(crossEntropy(tf.tensor2d(LOGITS), targets).dataSync()[0] - wanted) < 1e-6);
    checkGradient((x) => crossEntropy(x, targets), LOGITS);
    checkGradient((x) => tf.mul(crossEntropy(x, targets), 3) as Scalar, LOGITS);
  });

  it('squared error is that of the one logit', () => {
    const targets = tf.tensor1d([1, 5]);
    assert.equal(meanSquaredError(tf.tensor2d([[3], [4]]), targets).dataSync()[0], 2.5);
    checkGradient((x) => meanSquaredError(x, targets), [[3], [4]]);
  });

  it('a model\'s head decides which: regression, classes, every token of a language model', () => {
    const logits = (kind: string, x: Tensor): Learner => ({ head: { kind }, forward: () => ({ logits: x }) });
    const value = (learner: Learner, targets: Tensor) => supervisedLoss(learner)({}, { targets }).dataSync()[0];
    const classes = tf.tensor2d(LOGITS), targets = tf.tensor1d(TARGETS, 'int32');
    assert.equal(value(logits('regression', tf.tensor2d([[3], [4]])), tf.tensor1d([1, 5])), 2.5);
    assert.equal(value(logits('classification', classes), targets), crossEntropy(classes, targets).dataSync()[0]);
    assert.equal(value(logits('languageModel', tf.reshape(classes, [1, 2, 3])), targets), crossEntropy(classes, targets).dataSync()[0]);
  });
});

describe('dropout while training', () => {
  before(ready);
  const x = () => tf.ones([50, 200]), drop = (seed: number[], rate = 0.25) => tf.tidy(() => dropout(x(), rate, tf.tensor1d(seed, 'int32')).dataSync());

  it('drops the share it is told to, keeps the mean, and is a function of the seed alone', () => {
    const one = drop([1, 2]), dropped = one.filter((v) => v === 0).length / one.length;
    assert.ok(Math.abs(dropped - 0.25) < 0.02, `${dropped}`);
    assert.ok(one.every((v) => v === 0 || Math.abs(v - 4 / 3) < 1e-6));
    assert.deepEqual(drop([1, 2]), one);
    for (const other of [[1, 3], [2, 2]]) assert.notDeepEqual(drop(other), one);
  });

  it('stands where config.json has it, with other numbers at every place and step; scoring has none', async () => {
    const { model, params } = await loadModel(fixture('models', 'bert-classifier')), places: [number, number[]][] = [], ids = tf.tensor2d([[1, 5, 6, 2]], [1, 4], 'int32');
    tf.tidy(() => { model.forward(params, { ids }, { dropout: (h, rate) => { places.push([rate, h.shape as number[]]); return h; } }); });
    const layers = Number(model.config.num_hidden_layers);
    assert.equal(places.length, 1 + 3 * layers + 1, 'embeddings, three a layer, the head');
    const loss = (step: number) => tf.tidy(() => supervisedLoss({ ...model, forward: (p, i, h) => model.forward(p, i, h?.dropout && { dropout: (t) => h.dropout!(t, 0.5) }) })(params, { ids, targets: tf.tensor1d([1], 'int32'), seed: tf.tensor1d(dropoutSeed(3, step).data, 'int32') }).dataSync()[0]);
    assert.equal(loss(4), loss(4));
    assert.notEqual(loss(4), loss(5));
    const plain = tf.tidy(() => supervisedLoss(model)(params, { ids, targets: tf.tensor1d([1], 'int32') }).dataSync()[0]);
    assert.notEqual(plain, loss(4));
    dispose(params), ids.dispose();
  });
});
