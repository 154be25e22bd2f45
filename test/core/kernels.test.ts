// Every kernel: the fused form, its plain twin and finite differences agree in value and gradient.
import assert from 'node:assert/strict';
import { isNative, ready, tf } from '../../src/core/backend';
import { operation, stopGradient, valueAndGrad } from '../../src/core/grad';
import * as kernels from '../../src/core/kernels';
import { tensorCount } from '../../src/core/memory';
import { Stream } from '../../src/core/random';
import { dispose, type Params } from '../../src/core/tree';
import { relative } from '../fixtures/dump';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';

const random = new Stream('kernels', 1);
const normal = (...shape: number[]): Tensor => tf.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()), shape);

interface Case { name: string; inputs(): Record<string, Tensor>; run(p: Params): Tensor }
const ids = () => tf.tensor2d([[0, 3, 3], [1, 3, 0]], [2, 3], 'int32');

const cases: Case[] = [
  { name: 'linear', inputs: () => ({ x: normal(2, 3, 5), w: normal(4, 5), b: normal(4) }), run: (p) => kernels.linear(p.x, p.w as Tensor2D, p.b as Tensor1D) },
  { name: 'linear without bias', inputs: () => ({ x: normal(6, 5), w: normal(4, 5) }), run: (p) => kernels.linear(p.x, p.w as Tensor2D) },
  { name: 'layerNorm', inputs: () => ({ x: normal(2, 3, 7), g: normal(7), b: normal(7) }), run: (p) => kernels.layerNorm(p.x, p.g as Tensor1D, p.b as Tensor1D, 1e-5) },
  { name: 'gelu', inputs: () => ({ x: normal(3, 9) }), run: (p) => kernels.gelu(p.x) },
  { name: 'softmax', inputs: () => ({ x: normal(2, 3, 8) }), run: (p) => kernels.softmax(p.x) },
  { name: 'embedding', inputs: () => ({ t: normal(5, 4) }), run: (p) => kernels.embedding(p.t as Tensor2D, ids()) },
];

describe('kernels', () => {
  before(ready);

  for (const { name, inputs, run } of cases) {
    it(`${name}: fused equals plain, and both equal finite differences`, function () {
      const p = inputs(), weight = tf.tidy(() => normal(...run(p).shape));
      const loss = (a: Params) => tf.sum(tf.mul(tf.square(run(a)), weight)) as Scalar;
      const fused = valueAndGrad(loss, p), plain = kernels.withPlainKernels(() => valueAndGrad(loss, p));
      const value = (x: Tensor) => x.dataSync()[0];
      assert.ok(Math.abs(value(fused.value) - value(plain.value)) <= 1e-5 * Math.abs(value(plain.value)));
      for (const key of Object.keys(p)) {
        assert.deepEqual(fused.grads[key].shape, p[key].shape);
        assert.ok(relative(fused.grads[key].dataSync(), plain.grads[key].dataSync()) < 1e-5, `gradient of ${key}`);
        const at = Math.floor(p[key].size / 2), h = 1e-2;
        const moved = (by: number) => tf.tidy(() => {
          const data = Float32Array.from(p[key].dataSync());
          data[at] += by;
          return value(loss({ ...p, [key]: tf.tensor(data, p[key].shape) }));
        });
        const slope = (moved(h) - moved(-h)) / (2 * h), own = fused.grads[key].dataSync()[at];
        assert.ok(Math.abs(slope - own) < 2e-2 * Math.max(1, Math.abs(slope)), `d/d${key}[${at}]: ${own} but differences say ${slope}`);
      }
      dispose(p, fused.grads, plain.grads, { a: fused.value, b: plain.value, weight });
      if (!isNative()) this.test!.title += ' (plain backend)';
    });
  }

  it('layer normalization of large offsets and of constant rows stays finite', () => {
    const x = tf.tensor2d([[1e4, 1e4 + 1, 1e4 - 1], [5, 5, 5]]), one = tf.ones([3]) as Tensor1D, zero = tf.zeros([3]) as Tensor1D;
    const y = kernels.layerNorm(x, one, zero, 1e-12).dataSync();
    assert.ok([...y].every(Number.isFinite));
    assert.ok(relative(y.slice(0, 3), [0, Math.sqrt(1.5), -Math.sqrt(1.5)]) < 1e-2);
  });
});

describe('sampleColumns', () => {
  before(ready);

  for (const columns of [1, 7, 97, 300]) {
    it(`inverts the running sum of ${columns} probabilities, fused as plain, and never draws one that is zero`, () => {
      const n = 400, p = Array.from({ length: n }, (_, row) => Array.from({ length: columns }, (_, i) => ((row + i) % 3 === 0 && columns > 1 ? 0 : Math.exp(3 * random.normal()))));
      const u = Array.from({ length: n }, (_, row) => (row === 0 ? 0 : row === 1 ? 1 - 2 ** -24 : random.next()));
      const draw = () => [...tf.tidy(() => kernels.sampleColumns(tf.tensor2d(p, [n, columns]), tf.tensor1d(u))).dataSync()];
      const drawn = draw();
      assert.deepEqual(kernels.withPlainKernels(draw), drawn);
      drawn.forEach((column, row) => {
        const whole = p[row].reduce((a, b) => a + b, 0), upTo = p[row].slice(0, column + 1).reduce((a, b) => a + b, 0) / whole, before = upTo - p[row][column] / whole;
        assert.ok(p[row][column] > 0, `row ${row} drew column ${column} of probability zero`);
        assert.ok(u[row] >= before - 1e-6 && u[row] <= upTo + 1e-6, `${u[row]} is not in ${before} ... ${upTo}`);
      });
    });
  }
});

describe('gradients', () => {
  before(ready);

  it('compute only what leads to a variable: the gradient of a constant input is never asked for', () => {
    const x = tf.tensor1d([1, 2]), w = tf.tensor1d([3, 4]);
    const product = (a: Tensor, b: Tensor) => operation([a, b], (save) => { save([b]); return tf.mul(a, b); },
      (dy, [right]) => [() => tf.mul(dy, right), () => { throw new Error('asked for'); }]);
    assert.deepEqual([...valueAndGrad((p) => tf.sum(product(p.x, w)) as Scalar, { x }).grads.x.dataSync()], [3, 4]);
    assert.throws(() => valueAndGrad((p) => tf.sum(product(x, p.w)) as Scalar, { w }), /asked for/);
  });

  it('a variable that does not reach the value gets zero, and stopGradient cuts', () => {
    const x = tf.tensor1d([1, 2]), y = tf.tensor1d([5]);
    const { grads } = valueAndGrad((p) => tf.sum(tf.mul(p.x, stopGradient(p.x))) as Scalar, { x, y });
    assert.deepEqual([...grads.x.dataSync()], [1, 2]);
    assert.deepEqual([...grads.y.dataSync()], [0]);
  });

  it('leave no tensor but value and gradients', () => {
    const x = normal(4, 4), start = tensorCount();
    const { value, grads } = valueAndGrad((p) => tf.sum(kernels.gelu(kernels.linear(p.x, p.x as Tensor2D))) as Scalar, { x });
    assert.equal(tensorCount(), start + 2);
    dispose(grads, { value, x });
  });
});
