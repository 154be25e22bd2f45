import { strict as assert } from 'node:assert';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { isNative, nativeBackend, ready, tf } from '../../src/core/backend';
import { valueAndGrad } from '../../src/core/grad';
import { compiled } from '../../src/core/graph';
import * as kernels from '../../src/core/kernels';
import { tensorCount } from '../../src/core/memory';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';

const close = (a: Tensor, b: Tensor, tolerance = 1e-5): void => {
  assert.deepEqual(a.shape, b.shape);
  const [x, y] = [a.dataSync(), b.dataSync()], size = Math.max(...y.map(Math.abs), 1e-6);
  x.forEach((v, i) => assert.ok(Math.abs(v - y[i]) <= tolerance * size, `${v} for ${y[i]} at ${i}`));
};

describe('core/graph', () => {
  before(async function () {
    await ready();
    if (!isNative()) this.skip();
  });

  it('gives what the function gives, values and gradients through every fused kernel', () => {
    const f = ({ x, w, b, table }: Readonly<Record<string, Tensor>>): Record<string, Tensor> => {
      const ids = tf.tensor2d([[1, 2, 0], [3, 1, 1]], [2, 3], 'int32');
      const { value, grads } = valueAndGrad((p) => {
        const rows = tf.add(kernels.embedding(p.table as Tensor2D, ids), p.x);
        const y = kernels.gelu(kernels.linear(rows, p.w as Tensor2D, p.b as Tensor1D));
        return tf.sum(tf.square(kernels.softmax(kernels.layerNorm(y, tf.ones([5]), tf.zeros([5]), 1e-5)))) as Scalar;
      }, { x, w, b, table });
      return { value, ...grads };
    };
    const graph = compiled(f);
    for (const seed of [1, 2]) {
      const inputs = {
        x: tf.randomNormal([2, 3, 4], 0, 1, 'float32', seed), w: tf.randomNormal([5, 4], 0, 1, 'float32', seed + 9),
        b: tf.randomNormal([5], 0, 1, 'float32', seed + 5), table: tf.randomNormal([4, 4], 0, 1, 'float32', seed + 3),
      };
      const [ours, expected] = [graph(inputs), tf.tidy(() => f(inputs))];
      for (const name of Object.keys(expected)) close(ours[name], expected[name]);
      tf.dispose([ours, expected, inputs]);
    }
    graph.dispose();
  });

  it('inputs may share their values, be the outputs, or be read by nobody; another shape is another graph', () => {
    const graph = compiled(({ a, b }) => ({ sum: tf.add(a, tf.mul(b, 10)), same: a }));
    const a = tf.tensor1d([1, 2]), twin = tf.clone(a), b = tf.tensor1d([3, 4]);
    assert.deepEqual([...graph({ a, b: twin }).sum.dataSync()], [11, 22], 'a clone is an input of its own');
    const second = graph({ a, b, unread: b });
    assert.deepEqual([...second.sum.dataSync()], [31, 42]);
    assert.deepEqual([...second.same.dataSync()], [1, 2]);
    assert.deepEqual([...graph({ a: tf.tensor1d([5]), b: tf.tensor1d([1]) }).sum.dataSync()], [15]);
    graph.dispose();
  });

  it('reads held tensors, and refuses any other', () => {
    const [held, stranger, x] = [tf.scalar(3), tf.scalar(4), tf.scalar(2)];
    stranger.dataSync();
    tf.square(stranger).dispose(); // it is TensorFlow's by now, as a model's weights are
    tf.square(held).dispose();
    const graph = compiled(({ x: y }) => ({ y: tf.mul(y, held), held }), { held });
    for (let call = 0; call < 2; call++) assert.deepEqual(Object.values(graph({ x })).map((t) => t.dataSync()[0]), [6, 3]); // one that is returned stays the caller's
    assert.throws(() => compiled(({ x: y }) => ({ y: tf.mul(y, stranger) }))({ x }), /Mul reads a tensor that is neither an input nor held/);
    graph.dispose();
  });

  it('a held tensor that TensorFlow has not had yet is fed like any other, not written into the graph', () => {
    const backend = nativeBackend(), binding = backend.binding, sizes: number[] = [];
    backend.binding = Object.fromEntries(Object.getOwnPropertyNames(binding).map((name) => [name, typeof binding[name] === 'function' ? (binding[name] as () => void).bind(binding) : binding[name]])) as unknown as typeof binding;
    backend.binding.loadSavedModel = (dir, tags) => { sizes.push(statSync(join(dir, 'saved_model.pb')).size); return binding.loadSavedModel(dir, tags); };
    try {
      const held = tf.tensor1d(new Float32Array(10_000).fill(2)), x = tf.scalar(3), graph = compiled(({ x: y }) => ({ y: tf.sum(tf.mul(y, held)) }), { held });
      assert.equal(graph({ x }).y.dataSync()[0], 60_000);
      assert.ok(sizes[0] < 4000, `${sizes[0]} bytes`);
      graph.dispose();
    } finally {
      backend.binding = binding;
    }
  });

  it('refuses a function that looks at values, and leaves the backend as it was', () => {
    const binding = nativeBackend().binding;
    assert.throws(() => compiled(({ x }) => ({ y: tf.mul(x, tf.square(x).dataSync()[0]) }))({ x: tf.scalar(2) }), /must not depend on them/);
    assert.equal(nativeBackend().binding, binding);
    assert.equal(tf.square(tf.scalar(3)).dataSync()[0], 9);
  });

  it('keeps no tensor and no session beyond its life', () => {
    const sessions = (): number => (nativeBackend().binding.getNumOfSavedModels as () => number)();
    const graph = compiled(({ x }) => tf.tidy(() => ({ y: tf.sum(tf.square(tf.add(x, 1))) }))), x = tf.ones([3]);
    const [tensors, loaded] = [tensorCount(), sessions()];
    for (let i = 0; i < 3; i++) graph({ x }).y.dispose();
    assert.equal(tensorCount(), tensors);
    assert.equal(sessions(), loaded + 1);
    graph.dispose();
    assert.equal(sessions(), loaded);
  });
});
