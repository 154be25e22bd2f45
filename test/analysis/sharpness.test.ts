// Curvature and landscapes against double backward in PyTorch (test/fixtures/hessian/README.md) and against quadratics, whose curvature is known.
import assert from 'node:assert/strict';
import { ready, tf } from '../../src/core/backend';
import { uncompiled } from '../../src/core/graph';
import { linear } from '../../src/core/kernels';
import { tensorCount } from '../../src/core/memory';
import { dispose, pick, type Params } from '../../src/core/tree';
import { makeObjective, type Objective } from '../../src/analysis/objective';
import { filterDirection, landscape, steps } from '../../src/analysis/landscape';
import { hessianTrace, hessianVectorProduct, samSharpness, topEigenvalue } from '../../src/analysis/sharpness';
import { loadModel } from '../../src/models/load';
import { crossEntropy } from '../../src/train/loss';
import { fixture, readDump, relative, under, type Dumped } from '../fixtures/dump';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';

const asTensor = ({ data, shape }: Dumped): Tensor => tf.tensor(data, shape, data instanceof Int32Array ? 'int32' : 'float32');
const asRecord = (dump: Record<string, Dumped>): Record<string, Tensor> => Object.fromEntries(Object.entries(dump).map(([n, x]) => [n, asTensor(x)]));

interface Case { w: Record<string, Tensor>; objective: Objective; held: Params; dump: Record<string, Dumped> }

async function tanh(): Promise<Case> {
  const { x, y, ...w } = asRecord(readDump('sam', 'start.safetensors')), held = { x, y };
  const loss = (p: Params): Scalar => {
    const hidden = tf.tanh(linear(x, p['layer1.weight'] as Tensor2D, p['layer1.bias'] as Tensor1D));
    return tf.mean(tf.squaredDifference(linear(hidden, p['layer2.weight'] as Tensor2D, p['layer2.bias'] as Tensor1D), y)) as Scalar;
  };
  return { w, held, objective: makeObjective(loss, held), dump: readDump('hessian', 'tanh.safetensors') };
}

async function distilbert(): Promise<Case> {
  const { model, params } = await loadModel(fixture('models', 'distilbert')), dump = readDump('hessian', 'distilbert.safetensors');
  const { input_ids: ids, attention_mask: mask, labels } = readDump('models', 'distilbert', 'reference.safetensors');
  const held = { ...params, ids: asTensor(ids), mask: tf.cast(asTensor(mask), 'float32'), labels: asTensor(labels) };
  const loss = (p: Params): Scalar => crossEntropy(model.forward({ ...params, ...p }, { ids: held.ids as Tensor2D, mask: held.mask as Tensor2D }).logits as Tensor2D, held.labels as Tensor1D);
  const w = pick(params, Object.keys(under(dump, 'v.')));
  return { w, held, objective: makeObjective(loss, held), dump };
}

describe('analysis/sharpness', () => {
  before(() => ready());

  for (const [name, make, samples] of [['tanh', tanh, 4000], ['distilbert', distilbert, 200]] as const) {
    it(`${name}: eigenvalue, trace and products equal PyTorch's double backward`, async () => {
      const { w, objective, held, dump } = await make(), v = asRecord(under(dump, 'v.')), expected = under(dump, 'hv.');
      const product = await hessianVectorProduct(objective, w, v), scale = Math.max(...Object.values(expected).map(({ data }) => Math.max(...(data as Float32Array).map(Math.abs))));
      for (const [key, { data }] of Object.entries(expected)) assert.ok(relative(product[key].dataSync(), data, { scale }) < 0.01, `H v of ${key} differs by ${relative(product[key].dataSync(), data, { scale })}`);
      const top = await topEigenvalue(objective, w, { iterations: 300, tolerance: 1e-5 }), [exact] = dump.top.data;
      assert.ok(Math.abs(top.value / exact - 1) < 0.01, `eigenvalue ${top.value}, not ${exact}`);
      const { trace, error } = await hessianTrace(objective, w, { samples }), [sum] = dump.trace.data, [deviation] = dump.deviation.data;
      assert.ok(Math.abs(error / (deviation / Math.sqrt(samples)) - 1) < 0.2, `standard error ${error}, not ${deviation / Math.sqrt(samples)}`);
      assert.ok(Math.abs(trace - sum) < (name === 'tanh' ? 0.01 * sum : 3 * error), `trace ${trace} +- ${error}, not ${sum}`);
      objective.dispose();
      dispose(w, held, v, product, top.vector);
    }).timeout(60_000);
  }

  /** L = sum_i c_i w_i^2 / 2 over two matrices and a bias. */
  function quadratic() {
    const w = { a: tf.tensor2d([[1, 2], [0, -1]]), b: tf.tensor2d([[0.5, 3]]), bias: tf.tensor1d([4]) }, c = { a: tf.tensor2d([[1, 2], [3, 4]]), b: tf.tensor2d([[5, -1]]), bias: tf.tensor1d([0]) };
    const loss = (p: Params): Scalar => tf.mul(tf.addN(Object.keys(p).map((n) => tf.sum(tf.mul(c[n as 'a'], tf.square(p[n]))))), 0.5) as Scalar;
    return { w, c, objective: makeObjective(loss, c, uncompiled), free: () => dispose(w, c) };
  }
  const at = (n: string, w: Params, c: Params, x: Params): number => {
    const [cs, ws, xs] = [c[n], w[n], x[n]].map((t) => [...t.dataSync()]);
    return cs.reduce((sum, k, i) => sum + (k * (ws[i] + xs[i]) ** 2) / 2, 0);
  };

  it("a quadratic's eigenvalue and trace, and no tensor left", async () => {
    const { w, objective, free } = quadratic(), before = tensorCount(), top = await topEigenvalue(objective, w, { iterations: 300, tolerance: 1e-7 });
    assert.ok(Math.abs(top.value - 5) < 1e-2 && Math.abs(Math.abs(top.vector.b.dataSync()[0]) - 1) < 1e-2);
    const { trace, error } = await hessianTrace(objective, w, { samples: 3 });
    assert.ok(Math.abs(trace - 14) < 0.02 && error < 0.02, 'a diagonal Hessian has no variance');
    dispose(top.vector);
    assert.equal(tensorCount(), before);
    free();
  });

  it("SAM's step raises a quadratic by what it must, further ascent by no less, random directions by less", async () => {
    const { w, c, objective, free } = quadratic(), before = tensorCount(), [{ loss, gradient, worst, average }] = await samSharpness(objective, w, [0.1], { directions: 16 });
    const flat = (x: Params) => Object.keys(w).flatMap((n) => [...x[n].dataSync()]), ws = flat(w), cs = flat(c), g = ws.map((x, i) => cs[i] * x);
    const scale = 0.1 * Math.hypot(...ws) / Math.hypot(...g), value = (v: number[]) => v.reduce((sum, x, i) => sum + (cs[i] * x * x) / 2, 0), rise = value(ws.map((x, i) => x + scale * g[i])) - value(ws);
    assert.ok(Math.abs(loss - value(ws)) < 1e-5 && Math.abs(gradient - rise) < 1e-4 * rise);
    assert.ok(worst >= gradient && average < gradient);
    assert.equal(tensorCount(), before);
    free();
  });

  it('the landscape of a quadratic is the quadratic, in one dimension and two', async () => {
    const { w, c, objective, free } = quadratic(), before = tensorCount(), first = filterDirection(w, 1), second = filterDirection(w, 1, 'second');
    const { a, b, loss } = await landscape(objective, w, [first, second], { reach: 0.5, points: 5 });
    assert.deepEqual([a, b], [steps(0.5, 5), [-0.5, -0.25, 0, 0.25, 0.5]]);
    loss.forEach((row, i) => row.forEach((value, k) => {
      const moved = tf.tidy(() => Object.fromEntries(Object.keys(w).map((n) => [n, tf.add(tf.mul(first[n], a[k]), tf.mul(second[n], b[i]))]))) as Params;
      const exact = Object.keys(w).reduce((sum, n) => sum + at(n, w, c, moved), 0);
      dispose(moved);
      assert.ok(Math.abs(value - exact) < 1e-4 * Math.max(1, Math.abs(exact)), `${value}, not ${exact}`);
    }));
    const line = await landscape(objective, w, [first], { reach: 0.5, points: 5 });
    assert.deepEqual(line.loss[0].map((v) => v.toFixed(4)), loss[2].map((v) => v.toFixed(4)), 'the row through 0 is the line');
    dispose(first, second);
    assert.equal(tensorCount(), before);
    free();
  });

  it("a direction has each filter's length and leaves vectors alone", () => {
    const { w, free } = quadratic(), d = filterDirection(w, 3), norms = (x: Tensor) => [...tf.norm(x, 2, 1).dataSync()];
    for (const n of ['a', 'b'] as const) norms(d[n]).forEach((v, i) => assert.ok(Math.abs(v - norms(w[n])[i]) < 1e-5));
    assert.deepEqual([...d.bias.dataSync()], [0]);
    dispose(d);
    free();
  });

  const bowl = (h: number[][]): Objective => {
    const H = tf.tensor2d(h), times = (w: Params) => tf.matMul(H, tf.reshape(w.w, [-1, 1])).flatten();
    return { value: async (w: Params) => tf.tidy(() => tf.div(tf.dot(w.w, times(w)), 2).dataSync()[0]), gradient: (w: Params) => ({ w: tf.tidy(() => times(w)) }) } as unknown as Objective;
  };

  it('the standard error of the trace is that of a mean of few', async () => {
    const objective = bowl([[1, 0.9], [0.9, 2]]), w = { w: tf.tensor1d([1, -2]) }, of = (samples: number, seed: number) => hessianTrace(objective, w, { samples, seed });
    let seed = 1;
    while (Math.abs((await of(2, seed)).trace - (await of(1, seed)).trace) < 0.1) seed++; // two draws that differ
    const [one, two] = [await of(1, seed), await of(2, seed)], a = one.trace, b = 2 * two.trace - a;
    assert.ok(Math.abs(two.error / (Math.abs(a - b) / 2) - 1) < 1e-3);
  });

  it('ascents come near to the maximum over the ball', async () => {
    const w = { w: tf.tensor1d([1, 0.05]) }, beta = 0.3, r = beta * Math.hypot(1, 0.05), [found] = await samSharpness(bowl([[1, 0], [0, 8]]), w, [beta]);
    let most = 0;
    for (let k = 0; k < 3600; k++) {
      const x = 1 + r * Math.cos(k * Math.PI / 1800), y = 0.05 + r * Math.sin(k * Math.PI / 1800);
      most = Math.max(most, (x * x + 8 * y * y) / 2 - found.loss);
    }
    assert.ok(found.worst > 0.9 * most && found.worst <= 1.001 * most);
  });
});
