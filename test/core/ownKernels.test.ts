// The project's own kernels against their twins in plain operations: odd widths, rows for one core and for all, numbers that are none.
import assert from 'node:assert/strict';
import { hasOwnKernels, ownKernel, ready, tf } from '../../src/core/backend';
import { valueAndGrad } from '../../src/core/grad';
import { compiled } from '../../src/core/graph';
import { gelu, klRows, layerNorm, quantizeRows, softmaxGrad, withPlainKernels } from '../../src/core/kernels';
import { tensorCount } from '../../src/core/memory';
import { Stream } from '../../src/core/random';
import { dispose, part } from '../../src/core/tree';
import { adamDefaults, adamInit, makeAdam } from '../../src/optim/adam';
import { fakeQuantize } from '../../src/quant/affine';
import { fitAffine } from '../../src/quant/fit';
import type { QuantSpec } from '../../src/quant/spec';
import { pullBack } from '../../src/quant/ste';
import { relative } from '../fixtures/dump';
import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';

const random = new Stream('own kernels', 1);
const normal = (...shape: number[]): Tensor => tf.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()), shape);
/** One core, and all of them; widths that vectors do not divide. */
const SHAPES = [[3, 5], [2, 3, 17], [7, 64], [600, 769]];

/** Both ways, and their values. */
function both(f: () => Record<string, Tensor>): [Record<string, Float32Array>, Record<string, Float32Array>] {
  const read = (run: () => Record<string, Tensor>) => {
    const out = run(), values = Object.fromEntries(Object.entries(out).map(([k, x]) => [k, x.dataSync() as Float32Array]));
    dispose(out);
    return values;
  };
  return [read(f), read(() => withPlainKernels(f))];
}

function close(f: () => Record<string, Tensor>, tolerance: number, what = ''): void {
  const [own, plain] = both(f);
  for (const key of Object.keys(own)) {
    if (tolerance === 0) assert.deepEqual(own[key].map((v) => v + 0), plain[key].map((v) => v + 0), `${what} ${key}`);
    else assert.ok(relative(own[key], plain[key]) <= tolerance, `${what} ${key}: ${relative(own[key], plain[key])}`);
  }
}

describe('own kernels', () => {
  before(async function () {
    await ready();
    if (!hasOwnKernels()) this.skip();
  });

  it('quantizeRows: bit for bit, zero, huge, tiny, infinite and undefined rows too', () => {
    for (const shape of SHAPES) { const x = normal(...shape); for (const high of [1, 7, 127]) close(() => ({ q: quantizeRows(x, high) }), 0, `${shape} ${high}`); x.dispose(); }
    const odd = tf.tensor2d([[0, 0, 0], [3e38, -1e38, 1], [1e-38, -3e-39, 0], [1e-30, 2e-30, -5e-30], [2.5, 127, 0.5], [Infinity, 1, 0], [NaN, 1, 2]]), [own, plain] = both(() => ({ q: quantizeRows(odd, 127) }));
    assert.deepEqual(own.q.slice(0, 15).map((v) => v + 0), plain.q.slice(0, 15).map((v) => v + 0));
    assert.ok([...own.q.slice(15)].every((v, i) => Number.isNaN(v) === Number.isNaN(plain.q[15 + i]) || Number.isNaN(v)), `${own.q.slice(15)}`);
    odd.dispose();
  });

  it('gelu and its gradient, over the whole range', () => {
    const wide = tf.tensor2d(Float32Array.from({ length: 4001 }, (_, i) => (i - 2000) / 100), [1, 4001]), dy = normal(1, 4001);
    const exact = (x: number) => (x * (1 + erf(x / Math.SQRT2))) / 2;
    assert.ok([...gelu(wide).dataSync()].every((v, i) => Math.abs(v - exact((i - 2000) / 100)) < 2e-6 * Math.max(1, Math.abs(v))));
    const loss = (x: Tensor, weight: Tensor) => (): Record<string, Tensor> => { const { value, grads } = valueAndGrad((p) => tf.sum(tf.mul(gelu(p.x), weight)) as Scalar, { x }); return { value, x: grads.x }; };
    close(loss(wide, dy), 1e-5);
    for (const shape of SHAPES) { const x = normal(...shape), weight = normal(...shape); close(loss(x, weight), 1e-5, `${shape}`); dispose({ x, weight }); }
    assert.ok(Number.isNaN(gelu(tf.tensor1d([NaN])).dataSync()[0]));
  });

  it('the gradient of softmax', () => {
    for (const shape of SHAPES) { const z = normal(...shape), dp = normal(...shape); close(() => ({ dz: softmaxGrad(z, dp) }), 1e-5, `${shape}`); dispose({ z, dp }); }
    const z = tf.tensor2d([[1e4, 0, -1e4], [3, 3, 3]]), dp = tf.tensor2d([[1, 2, 3], [3, 0, 0]]), dz = [...softmaxGrad(z, dp).dataSync()];
    [0, 0, 0, 2 / 3, -1 / 3, -1 / 3].forEach((v, i) => assert.ok(Math.abs(v - dz[i]) < 1e-6, `${dz}`));
  });

  it('layer norm and its gradients', () => {
    for (const shape of SHAPES) {
      const n = shape.at(-1)!, p = { x: normal(...shape), gamma: normal(n), beta: normal(n) }, weight = normal(...shape);
      close(() => { const { value, grads } = valueAndGrad((q) => tf.sum(tf.mul(layerNorm(q.x, q.gamma as Tensor1D, q.beta as Tensor1D, 1e-5), weight)) as Scalar, p); return { value, ...grads }; }, 2e-5, `${shape}`);
      dispose(p, { weight });
    }
  });

  it('fake quantization bit for bit, and its straight-through gradients, on every grid', () => {
    for (const shape of [[3, 8], [600, 96]]) for (const bits of [2, 3, 4, 8] as const) for (const grid of ['symmetric', 'stretched', 'asymmetric'] as const) for (const granularity of ['row', 'tensor', { group: 8 }] as const) {
      const spec: QuantSpec = { bits, grid, granularity, scale: 'mse', learned: true }, w = normal(...shape), g = normal(...shape), affine = fitAffine(w, spec), what = `${shape} ${bits} ${grid} ${JSON.stringify(granularity)}`;
      close(() => ({ q: fakeQuantize(w, affine, spec), dw: pullBack(w, affine, spec, g).w }), 0, what);
      close(() => ({ ds: pullBack(w, affine, spec, g).scale! }), 1e-4, what);
      dispose({ w, g, ...affine });
    }
    const spec: QuantSpec = { bits: 4, grid: 'symmetric', granularity: 'row', scale: 'absmax', learned: true }, affine = { scale: tf.tensor2d([[1e-6]]), zero: tf.tensor2d([[0]]) };
    assert.deepEqual([...fakeQuantize(tf.tensor2d([[1e9, -1e9, NaN]]), affine, spec).dataSync()].map((v) => Math.round(v * 1e6)), [7, -7, NaN]);
  });

  it('KL divergence of rows and both its gradients, short rows and vocabularies, near and far, at two temperatures', () => {
    for (const [shape, spread, apart] of [[[4, 2], 1, 1], [[2, 3, 17], 3, 0.1], [[3, 5000], 5, 1], [[40, 3001], 1, 0.01]] as const) for (const t of [1, 2.5]) {
      const teacher = tf.mul(normal(...shape), spread), student = tf.add(teacher, tf.mul(normal(...shape), apart)), weight = normal(...shape.slice(0, -1));
      close(() => { const { value, grads } = valueAndGrad((p) => tf.sum(tf.mul(klRows(p.student, p.teacher, t), weight)) as Scalar, { student, teacher }); return { ...(apart < 1 ? {} : { value }), ...grads }; }, apart < 1 ? 2e-2 : 1e-4, `${shape} ${t}`);
      const n = shape.at(-1)!, [s, p, rows] = [student, teacher, klRows(student, teacher, t)].map((x) => x.dataSync() as Float32Array);
      rows.forEach((kl, r) => { const exact = klOf(s.slice(r * n, (r + 1) * n), p.slice(r * n, (r + 1) * n), t); assert.ok(Math.abs(kl - exact) < 1e-3 * exact + 1e-7, `${shape} ${t}: ${kl} and ${exact}`); });
      dispose({ teacher, student, weight });
    }
    const same = normal(2, 100);
    assert.ok([...klRows(same, same, 1).dataSync()].every((v) => Math.abs(v) < 1e-6));
    assert.ok(Number.isNaN(klRows(tf.tensor2d([[NaN, 1, 2]]), tf.tensor2d([[0, 1, 2]]), 1).dataSync()[0]));
    assert.ok(Number.isFinite(klRows(tf.tensor2d([[-1e4, 0, 1e4]]), tf.tensor2d([[0, 1, 2]]), 1).dataSync()[0]));
  });

  it('AdamW, vectors and scalars too', () => {
    const shapes: Record<string, number[]> = { big: [600, 769], row: [7], one: [] }, make = () => Object.fromEntries(Object.entries(shapes).map(([k, s]) => [k, normal(...s)]));
    const w = make(), g = make(), adam = makeAdam({ all: { decay: true } }, () => 'all' as const, { ...adamDefaults, weightDecay: 0.1 }), zero = adamInit(w);
    close(() => {
      const once = adam.update(w, g, zero, { all: 1e-2 }), twice = adam.update(once.params, g, once.state, { all: 1e-2 });
      return Object.fromEntries([twice.params, twice.state.m, twice.state.v].flatMap((r, i) => Object.entries(r).map(([k, x]) => [`${k}${i}`, x])));
    }, 1e-6);
    dispose(w, g, zero.m, zero.v);
  });

  it('leave their inputs alone where these are still read, in graphs as well', async () => {
    const x = normal(50, 1000), before = x.dataSync().slice(), graph = compiled((t) => tf.tidy(() => { const y = tf.mul(t.x, 2); return { y: tf.add(quantizeRows(y, 127), gelu(y)), again: tf.add(y, 1) }; }));
    const start = tensorCount(), out = graph({ x }), eager = tf.tidy(() => { const y = tf.mul(x, 2); return { y: tf.add(quantizeRows(y, 127), gelu(y)).dataSync(), again: tf.add(y, 1).dataSync() }; });
    assert.deepEqual([out.y.dataSync(), out.again.dataSync(), x.dataSync()], [eager.y, eager.again, before]);
    dispose(out);
    assert.equal(tensorCount(), start);
    graph.dispose(), x.dispose();
  });

  it('refuse tensors that do not fit each other', () => {
    assert.throws(() => ownKernel('ZsaqGeluGrad', {}, [tf.zeros([2, 3]), tf.zeros([2, 4])], 1), /input 1 does not fit the first/);
    assert.throws(() => ownKernel('ZsaqLayerNorm', { epsilon: 1 }, [tf.zeros([2, 3]), tf.zeros([2]), tf.zeros([3])], 3), /input 1 does not fit the first/);
    assert.deepEqual(part({ 'a/b': ownKernel('ZsaqGelu', {}, [tf.zeros([0, 3])], 1)[0] }, 'a/').b.shape, [0, 3]);
  });
});

/** The divergence in float64. */
function klOf(student: Float32Array, teacher: Float32Array, t: number): number {
  const logSoftmax = (z: Float32Array): number[] => { const most = Math.max(...z) / t, sum = z.reduce((a, v) => a + Math.exp(v / t - most), 0); return Array.from(z, (v) => v / t - most - Math.log(sum)); };
  const q = logSoftmax(student);
  return t * t * logSoftmax(teacher).reduce((sum, p, i) => sum + Math.exp(p) * (p - q[i]), 0);
}

/** Series for small, continued fraction's tail for large arguments: to 1e-12. */
function erf(x: number): number {
  if (Math.abs(x) > 5) return Math.sign(x);
  let sum = x, term = x;
  for (let n = 1; n < 200; n++) { term *= (-x * x) / n; sum += term / (2 * n + 1); }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
