// AdamW and SAM against PyTorch and a hand computation (test/fixtures/sam/README.md).
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ready, tf } from '../../src/core/backend';
import { valueAndGrad } from '../../src/core/grad';
import { tensorCount } from '../../src/core/memory';
import { clone, dispose, norm, pick, type Params } from '../../src/core/tree';
import { adamDefaults, adamInit, makeAdam } from '../../src/optim/adam';
import { orthogonalPart, withOrthogonalPart } from '../../src/optim/lookSam';
import { perturb } from '../../src/optim/sam';
import { fakeQuantize } from '../../src/quant/affine';
import { fitAffine } from '../../src/quant/fit';
import { pullBack } from '../../src/quant/ste';
import { assertClose, readDump, under, type Dumped } from '../fixtures/dump';
import type { QuantSpec } from '../../src/quant/spec';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';

const TOLERANCE = 1e-5;
const NAMES = ['layer1.weight', 'layer1.bias', 'layer2.weight', 'layer2.bias'], MATRICES = ['layer1.weight', 'layer2.weight'];
const FOUR_BITS: QuantSpec = { bits: 4, granularity: 'row', grid: 'symmetric', scale: 'absmax', learned: false };
const GROUPS = { matrix: { decay: true }, vector: { decay: false } }, RATES = { matrix: 0.01, vector: 0.01 };
const adamW = makeAdam(GROUPS, (name) => (MATRICES.includes(name) ? 'matrix' : 'vector'), { ...adamDefaults, weightDecay: 0.01 });

const tensor = (d: Dumped): Tensor => tf.tensor(d.data as Float32Array, d.shape);

/** f(x) = tanh(x W1ᵀ + b1) W2ᵀ + b2 and its mean squared error. */
function lossOf(p: Params, x: Tensor2D, y: Tensor2D): Scalar {
  const hidden = tf.tanh(tf.add(tf.matMul(x, p['layer1.weight'] as Tensor2D, false, true), p['layer1.bias'] as Tensor1D)) as Tensor2D;
  return tf.mean(tf.squaredDifference(tf.add(tf.matMul(hidden, p['layer2.weight'] as Tensor2D, false, true), p['layer2.bias'] as Tensor1D), y)) as Scalar;
}

describe('optim: three steps equal PyTorch\'s', () => {
  let start: Record<string, Dumped>;
  before(async () => { await ready(); start = readDump('sam', 'start.safetensors'); });

  const methods: [string, { quantized: boolean; perturbed: string[] }][] = [
    ['adamw', { quantized: false, perturbed: [] }],
    ['sam', { quantized: false, perturbed: NAMES }],
    ['sam-quantized', { quantized: true, perturbed: NAMES }],
    ['sam-quantized-weights', { quantized: true, perturbed: MATRICES }],
  ];
  for (const [file, { quantized, perturbed }] of methods) {
    it(`${file}: parameters, gradients, perturbation and losses at every step`, () => tf.tidy(() => {
      const d = readDump('sam', `${file}.safetensors`), x = tensor(start.x) as Tensor2D, y = tensor(start.y) as Tensor2D;
      const same = (record: Params, expected: Record<string, Dumped>, what: string) => {
        assert.deepEqual(Object.keys(record).sort(), Object.keys(expected).sort(), what);
        for (const n of Object.keys(record)) assertClose(record[n], expected[n], TOLERANCE, `${what} of ${n}`);
      };
      let latent: Record<string, Tensor> = Object.fromEntries(NAMES.map((n) => [n, tensor(start[n])])), state = adamInit(latent);
      for (let step = 0; step < 3; step++) {
        const at = under(d, `${step}.`), affines = Object.fromEntries(MATRICES.map((n) => [n, fitAffine(latent[n], FOUR_BITS)]));
        const used: Record<string, Tensor> = Object.fromEntries(NAMES.map((n) => [n, quantized && MATRICES.includes(n) ? fakeQuantize(latent[n], affines[n], FOUR_BITS) : latent[n]]));
        same(used, under(at, 'used.'), `step ${step}: value`);
        const first = valueAndGrad((p) => lossOf(p, x, y), used);
        assertClose(tf.reshape(first.value, [1]), at.loss, TOLERANCE, `step ${step}: loss`);
        same(first.grads, under(at, 'grad.'), `step ${step}: gradient`);
        let grads = first.grads;
        if (perturbed.length) {
          const w = pick(used, perturbed), moved = perturb(w, pick(first.grads, perturbed), { beta: 0.05, relative: false });
          for (const n of perturbed) assertClose(tf.sub(moved.perturbed[n], w[n]), at[`epsilon.${n}`], 1e-4, `step ${step}: epsilon of ${n}`); // the difference of two float32
          const second = valueAndGrad((p) => lossOf(p, x, y), { ...used, ...moved.perturbed });
          assertClose(tf.reshape(second.value, [1]), at['perturbed.loss'], TOLERANCE, `step ${step}: perturbed loss`);
          same(second.grads, under(at, 'perturbed.grad.'), `step ${step}: perturbed gradient`);
          grads = second.grads;
        }
        const routed = Object.fromEntries(NAMES.map((n) => [n, quantized && MATRICES.includes(n) ? pullBack(latent[n], affines[n], FOUR_BITS, grads[n]).w : grads[n]]));
        ({ params: latent, state } = adamW.update(latent, routed, state, RATES));
        same(latent, under(at, 'after.'), `step ${step}: updated`);
      }
    }));
  }

  it('adaptive: ASAM on quantized matrices, perturbation, gradients and updates at every step', () => tf.tidy(() => {
    const d = readDump('sam', 'adaptive.safetensors'), x = tensor(start.x) as Tensor2D, y = tensor(start.y) as Tensor2D;
    for (let step = 0; step < 3; step++) {
      const at = under(d, `${step}.`), used = Object.fromEntries(NAMES.map((n) => [n, tensor(at[`used.${n}`])]));
      const { grads } = valueAndGrad((p) => lossOf(p, x, y), used), w = pick(used, MATRICES);
      const { perturbed, radius } = perturb(w, pick(grads, MATRICES), { beta: 0.05, relative: false, adaptive: true });
      for (const n of MATRICES) assertClose(tf.sub(perturbed[n], w[n]), at[`epsilon.${n}`], 1e-4, `step ${step}: epsilon of ${n}`);
      const size = Math.hypot(...MATRICES.flatMap((n) => [...at[`epsilon.${n}`].data]));
      assert.ok(Math.abs(radius.dataSync()[0] / size - 1) < 1e-5, 'the radius is the length of the perturbation');
      const second = valueAndGrad((p) => lossOf(p, x, y), { ...used, ...perturbed });
      for (const n of NAMES) assertClose(second.grads[n], at[`perturbed.grad.${n}`], TOLERANCE, `step ${step}: gradient of ${n}`);
    }
  }));

  it('LookSAM: the orthogonal part of a SAM step, and the step after it mended by that part', () => tf.tidy(() => {
    const d = readDump('sam', 'look.safetensors'), at = (step: number) => under(d, `${step}.`);
    const record = (step: number, prefix: string) => Object.fromEntries(NAMES.map((n) => [n, tensor(at(step)[`${prefix}.${n}`])]));
    for (const step of [0, 2]) {
      const orthogonal = orthogonalPart(record(step, 'perturbed.grad'), record(step, 'grad'));
      for (const n of NAMES) assertClose(orthogonal[n], at(step)[`orthogonal.${n}`], 1e-4, `step ${step}: ${n}`); // a small difference of two near vectors
      const dot = NAMES.reduce((s, n) => s + tf.sum(tf.mul(orthogonal[n], record(step, 'grad')[n])).dataSync()[0], 0);
      assert.ok(Math.abs(dot) < 1e-6 * norm(record(step, 'perturbed.grad')).dataSync()[0] * norm(record(step, 'grad')).dataSync()[0], `at right angles: ${dot}`);
    }
    const mended = withOrthogonalPart(record(1, 'grad'), record(0, 'orthogonal'), 0.7);
    for (const n of NAMES) assertClose(mended[n], at(1)[`mended.${n}`], TOLERANCE, `mended ${n}`);
    const unmended = withOrthogonalPart(record(1, 'grad'), record(0, 'orthogonal'), 0);
    for (const n of NAMES) assertClose(unmended[n], at(1)[`grad.${n}`], 0, `alpha 0 leaves ${n} alone`);
  }));

  it('beta 0 is AdamW bit for bit', () => tf.tidy(() => {
    const x = tensor(start.x) as Tensor2D, y = tensor(start.y) as Tensor2D, w = Object.fromEntries(NAMES.map((n) => [n, tensor(start[n])]));
    const gradient = (p: Params) => valueAndGrad((q) => lossOf(q, x, y), p).grads;
    const run = (beta: number | null) => {
      let p: Record<string, Tensor> = w, state = adamInit(p);
      for (let step = 0; step < 10; step++) {
        const g = gradient(p), moved = beta === null ? g : gradient(perturb(p, g, { beta, relative: step % 2 === 1 }).perturbed);
        ({ params: p, state } = adamW.update(p, moved, state, RATES));
      }
      return NAMES.map((n) => [...p[n].dataSync()]);
    };
    const plain = run(null);
    assert.deepEqual(run(0), plain);
    assert.notDeepEqual(run(1e-3), plain);
  }));
});

describe('optim: SAM by hand', () => {
  before(ready);
  const near = (x: Tensor, expected: number[]) => x.dataSync().forEach((v, i) => assert.ok(Math.abs(v - expected[i]) <= 1e-5 * Math.abs(expected[i]), `${v} for ${expected[i]}`));

  it('f(x) = w2 tanh(w1 x), L = f(1)^2 at tanh(w1) = 1/2, w2 = 2', () => tf.tidy(() => {
    // f = 1, L = 1: dL/dw2 = 2 f tanh(w1) = 1, dL/dw1 = 2 f w2 (1 - tanh(w1)^2) = 3, ||g|| = sqrt 10
    const w = { w1: tf.scalar(Math.log(3) / 2), w2: tf.scalar(2) };
    const loss = (p: Params) => tf.square(tf.mul(p.w2, tf.tanh(p.w1))) as Scalar;
    const first = valueAndGrad(loss, w);
    near(first.value, [1]);
    near(first.grads.w1, [3]);
    near(first.grads.w2, [1]);
    // beta = sqrt(10)/10: eps = (0.3, 0.1)
    const { perturbed } = perturb(w, first.grads, { beta: Math.sqrt(10) / 10, relative: false });
    near(perturbed.w1, [Math.log(3) / 2 + 0.3]);
    near(perturbed.w2, [2.1]);
    // tanh(w1 + 0.3) = (3 e^0.6 - 1) / (3 e^0.6 + 1) = 4.466356 / 6.466356 = 0.690707; f = 2.1 t = 1.450485
    const t = 0.690707, f = 1.450485, second = valueAndGrad(loss, perturbed);
    near(second.value, [f * f]);
    near(second.grads.w2, [2 * f * t]);
    near(second.grads.w1, [2 * f * 2.1 * (1 - t * t)]);
    // the first AdamW step: m / (1 - b1) = g, v / (1 - b2) = g^2, so w loses rate sign(g) after it has lost rate decay w
    const adam = makeAdam(GROUPS, (name) => (name === 'w2' ? 'matrix' : 'vector'), { ...adamDefaults, weightDecay: 0.5 });
    const next = adam.update(w, second.grads, adamInit(w), { matrix: 0.1, vector: 0.1 }).params;
    near(next.w1, [Math.log(3) / 2 - 0.1]);
    near(next.w2, [2 * (1 - 0.1 * 0.5) - 0.1]);
  }));

  it('L = ||w||^2 at (3, 4): eps points along w with length beta, or beta ||w||', () => tf.tidy(() => {
    const w = { a: tf.scalar(3), b: tf.scalar(4) }, g = { a: tf.scalar(6), b: tf.scalar(8) };
    const absolute = perturb(w, g, { beta: 0.5, relative: false }), relative = perturb(w, g, { beta: 0.5, relative: true });
    near(absolute.perturbed.a, [3.3]);
    near(absolute.perturbed.b, [4.4]);
    near(absolute.radius, [0.5]);
    near(relative.perturbed.a, [4.5]);
    near(relative.perturbed.b, [6]);
    near(relative.radius, [2.5]);
  }));

  it('a zero gradient moves nothing and gives no NaN', () => tf.tidy(() => {
    const w = { a: tf.tensor1d([1, -2]) }, zero = { a: tf.zeros([2]) };
    for (const adaptive of [false, true]) assert.deepEqual([...perturb(w, zero, { beta: 0.05, relative: true, adaptive }).perturbed.a.dataSync()], [1, -2]);
    for (const x of [orthogonalPart(zero, zero), withOrthogonalPart(zero, zero, 0.7)]) assert.deepEqual([...x.a.dataSync()], [0, 0]);
  }));

  it('adaptive: weights that are rescaled against one another are perturbed by the same share; relative counts them', () => tf.tidy(() => {
    // L is a function of a b, so (c a, b / c) is the same network and its gradient is (g / c, c g); large weights hide the floor of 0.01
    const shares = (c: number) => {
      const w = { a: tf.tensor1d([30 * c, -50 * c]), b: tf.tensor1d([40 / c]) }, g = { a: tf.tensor1d([0.3 / c, 0.1 / c]), b: tf.tensor1d([-0.2 * c]) };
      const { perturbed } = perturb(w, g, { beta: 0.1, relative: true, adaptive: true });
      return Object.keys(w).flatMap((n) => [...tf.div(tf.sub(perturbed[n], w[n as 'a']), w[n as 'a']).dataSync()]);
    };
    const [one, other] = [shares(1), shares(4)];
    one.forEach((s, i) => assert.ok(Math.abs(s - other[i]) < 0.01 * Math.abs(s), `${one} and ${other}`));
    assert.ok(Math.abs(Math.hypot(...one) - 0.1 * Math.sqrt(3)) < 1e-3, 'relative: beta sqrt(n) in shares of three weights');
  }));

  it('the radius may be a tensor', () => tf.tidy(() => {
    const w = { a: tf.tensor1d([3, 4]) }, g = { a: tf.tensor1d([1, 0]) };
    for (const relative of [false, true]) for (const adaptive of [false, true]) {
      const [number, tensor] = [0.1, tf.scalar(0.1)].map((beta) => perturb(w, g, { beta, relative, adaptive }).perturbed.a.dataSync());
      assert.deepEqual([...tensor], [...number]);
    }
  }));
});

describe('optim: properties', () => {
  before(ready);
  const vector = fc.array(fc.float({ noNaN: true, min: Math.fround(-10), max: Math.fround(10) }), { minLength: 3, maxLength: 3 });

  it('the perturbation has length beta and the direction of the gradient, over all tensors together', () => {
    fc.assert(fc.property(vector, vector, fc.double({ min: 1e-3, max: 1, noNaN: true }), (a, b, beta) => tf.tidy(() => {
      const size = Math.hypot(...a, ...b);
      fc.pre(size > 1e-3);
      const g = { a: tf.tensor1d(a), b: tf.tensor1d(b) }, zero = { a: tf.zeros([3]), b: tf.zeros([3]) };
      const { perturbed } = perturb(zero, g, { beta, relative: false });
      assert.ok(Math.abs(norm(perturbed).dataSync()[0] - beta) < 1e-5 * beta);
      [...a, ...b].forEach((v, i) => assert.ok(Math.abs([...perturbed.a.dataSync(), ...perturbed.b.dataSync()][i] - (beta * v) / size) < 1e-5 * beta));
    })), { numRuns: 50, seed: 1 });
  });

  it('does not change its arguments, and leaves no tensor behind', () => {
    const w = { a: tf.tensor1d([1, 2]) }, g = { a: tf.tensor1d([3, 4]) }, state = adamInit(w), kept = clone(w), before = tensorCount();
    const moved = perturb(w, g, { beta: 0.1, relative: true }), next = adamW.update(w, g, state, RATES);
    assert.equal(tensorCount(), before + 2 + 3);
    assert.deepEqual([...w.a.dataSync()], [...kept.a.dataSync()]);
    assert.deepEqual([...state.m.a.dataSync()], [0, 0]);
    assert.equal(state.step, 0);
    moved.radius.dispose();
    dispose(moved.perturbed, next.params, next.state.m, next.state.v, w, g, state.m, state.v, kept);
  });
});
