// Quantizers against PyTorch's own operations and an independent reference in numpy (test/fixtures/quant/README.md).
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ready, tf } from '../../src/core/backend';
import { valueAndGrad } from '../../src/core/grad';
import { quantizeTokens } from '../../src/quant/activations';
import { dequantize, fakeQuantize, quantize, type Affine } from '../../src/quant/affine';
import { fitAffine } from '../../src/quant/fit';
import { codeRange, type Bits, type Granularity, type Grid, type QuantSpec } from '../../src/quant/spec';
import { pullBack } from '../../src/quant/ste';
import { assertClose, readDump, relative, type Dumped } from '../fixtures/dump';
import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

const TOLERANCE = 1e-5; // of the largest value of each row: a single wrong code is at least 1/255
const BITS: Bits[] = [2, 3, 4, 8];

const tensor = (d: Dumped): Tensor => tf.tensor(d.data as Float32Array, d.shape, 'float32');
const spec = (bits: Bits, grid: Grid, granularity: Granularity, more: Partial<QuantSpec> = {}): QuantSpec => ({ bits, grid, granularity, scale: 'absmax', learned: false, ...more });
const affineOf = (d: Record<string, Dumped>, key: string): Affine => ({ scale: tensor(d[`${key}.scale`]) as Tensor2D, zero: tensor(d[`${key}.zero`]) as Tensor2D });

/** Rows range over 50 orders of magnitude, so each is compared on its own scale; `floor` is an absolute difference that never matters. */
function assertRowsClose(actual: Tensor, expected: Dumped, what: string, floor = 1e-29): void {
  assert.deepEqual(actual.shape, expected.shape, `shape of ${what}`);
  const width = expected.shape[expected.shape.length - 1], values = actual.dataSync();
  for (let at = 0; at < values.length; at += width) {
    const found = relative(values.subarray(at, at + width), expected.data.subarray(at, at + width), {});
    const absolute = relative(values.subarray(at, at + width), expected.data.subarray(at, at + width), { scale: 1 });
    assert.ok(found <= TOLERANCE || absolute <= floor, `${what}, row ${at / width}: off by ${found.toExponential(1)} of its largest value`);
  }
}

describe('quant: fake quantization at given scales equals torch.fake_quantize_*', () => {
  let d: Record<string, Dumped>;
  before(async () => { await ready(); d = readDump('quant', 'fake-quantize.safetensors'); });

  for (const kind of ['row', 'tensor'] as const) for (const grid of ['symmetric', 'asymmetric'] as const) for (const bits of BITS) {
    it(`per ${kind}, ${grid}, ${bits} bits: values and straight-through gradients, with and without clipping`, () => tf.tidy(() => {
      const x = tensor(d[kind === 'row' ? 'x' : 'tensor.x']), dy = tensor(d[kind === 'row' ? 'dy' : 'tensor.dy']), s = spec(bits, grid, kind);
      for (const range of ['covering', 'clipping']) {
        const key = `${kind}.${grid}.${bits}.${range}`, affine = affineOf(d, key);
        assertRowsClose(fakeQuantize(x, affine, s), d[`${key}.out`], key);
        assertClose(pullBack(x, affine, s, dy).w, d[`${key}.grad`], 0, `gradient of ${key}`);
      }
    }));
  }
});

describe('quant: scales by their rules', () => {
  let d: Record<string, Dumped>, w: Tensor;
  before(async () => { await ready(); d = readDump('quant', 'scales.safetensors'); w = tensor(d.w); });
  after(() => w.dispose());

  for (const kind of ['row', 'group', 'tensor'] as const) for (const grid of ['symmetric', 'stretched', 'asymmetric'] as const) {
    it(`absmax per ${kind}, ${grid}: scale, zero point and values at every width`, () => tf.tidy(() => {
      const x = kind === 'tensor' ? tf.slice(w as Tensor2D, [0, 0], [3, 32]) : w;
      for (const bits of BITS) {
        const s = spec(bits, grid, kind === 'group' ? { group: 8 } : kind), affine = fitAffine(x, s), key = `${kind}.${grid}.${bits}`;
        assertRowsClose(affine.scale, d[`${key}.scale`], `scales of ${key}`);
        assertClose(affine.zero, d[`${key}.zero`], 0, `zero points of ${key}`);
        assertRowsClose(tf.reshape(fakeQuantize(x, affine, s), d[`${key}.out`].shape), d[`${key}.out`], `values of ${key}`);
      }
    }));
  }

  it('TWN: the ternary scale of every row, and ternary weights', () => tf.tidy(() => {
    const s = spec(2, 'symmetric', 'row', { scale: 'twn' }), { scale, zero } = fitAffine(w, s);
    assertRowsClose(scale, d['twn.scale'], 'TWN scales');
    // TWN's own threshold is 0.7 mean |w|, rounding w / s has s / 2: they agree on all but the weights between the two
    const ours = Array.from(fakeQuantize(w, { scale, zero }, s).dataSync()), theirs = d['twn.out'].data;
    const disagree = ours.filter((v, i) => Math.abs(v - theirs[i]) > TOLERANCE * Math.abs(theirs[i]) + 1e-29).length;
    assert.ok(disagree < 0.1 * theirs.length, `${disagree} of ${theirs.length} weights`);
  }));

  for (const grid of ['symmetric', 'stretched'] as const) {
    it(`fitted scales, ${grid}: squared error near the best of 4,000 scales (5% on average, 20% at most; at 8 bits rows of 32 are chance), and never above absmax`, () => tf.tidy(() => {
      const rows = tf.slice(w as Tensor2D, [0, 0], [4, 32]), unit = tf.max(tf.abs(rows), 1, true);
      for (const bits of BITS) {
        const error = (scale: QuantSpec['scale']) => {
          const s = spec(bits, grid, 'row', { scale });
          return tf.sum(tf.square(tf.div(tf.sub(rows, fakeQuantize(rows, fitAffine(rows, s), s)), unit)), 1).dataSync();
        };
        const fitted = error('mse'), plain = error('absmax'), best = d[`least.${grid}.${bits}`].data;
        const share = Array.from(fitted, (e, row) => (e + 1e-9) / (best[row] + 1e-9));
        if (bits < 8) assert.ok(Math.max(...share) < 1.2 && share.reduce((a, b) => a + b) / share.length < 1.05, `${bits} bits: ${share}`);
        fitted.forEach((e, row) => {
          assert.ok(e <= plain[row] * (1 + 1e-6) + 1e-12, `${bits} bits, row ${row}: worse than absmax`);
        });
      }
    }));
  }

  it('zero, huge and tiny rows: finite values, positive scales, relative error as for any other row', () => tf.tidy(() => {
    for (const grid of ['symmetric', 'stretched', 'asymmetric'] as const) for (const scale of ['absmax', 'mse'] as const) for (const bits of BITS) {
      const s = spec(bits, grid, 'row', { scale }), affine = fitAffine(w, s), q = fakeQuantize(w, affine, s).dataSync();
      assert.ok(affine.scale.dataSync().every((v) => v > 0 && Number.isFinite(v)), `${grid} ${bits} ${scale}`);
      assert.ok(q.every(Number.isFinite), `${grid} ${bits} ${scale}`);
      // from left to right: zeros, huge, tiny; none of their errors may exceed a step of the covering scale
      const steps = [4, 5, 6].map((row) => Math.max(...d.w.data.subarray(row * 32, row * 32 + 32).map(Math.abs)));
      steps.forEach((most, i) => {
        const at = (4 + i) * 32, worst = Math.max(...Array.from({ length: 32 }, (_, j) => Math.abs(q[at + j] - d.w.data[at + j])));
        assert.ok(worst <= most * (bits === 8 ? 0.02 : 1.01) + 1e-29, `${grid} ${bits} ${scale} row ${4 + i}: ${worst} of ${most}`);
      });
    }
  }));
});

describe('quant: learned steps', () => {
  let d: Record<string, Dumped>;
  before(async () => { await ready(); d = readDump('quant', 'learned.safetensors'); });

  for (const bits of BITS) {
    it(`LSQ, ${bits} bits: value and both gradients equal PyTorch's learnable operation`, () => tf.tidy(() => {
      const key = `symmetric.${bits}`, s = spec(bits, 'symmetric', 'row', { learned: true }), w = tensor(d.w);
      const affine = { scale: tensor(d[`${key}.scale`]) as Tensor2D, zero: tf.zeros([4, 1]) as Tensor2D };
      assertRowsClose(fakeQuantize(w, affine, s), d[`${key}.out`], 'value');
      const back = pullBack(w, affine, s, tensor(d.dy));
      assertClose(back.w, d[`${key}.grad.w`], 0, 'gradient of the weights');
      assertClose(back.scale!, d[`${key}.grad.scale`], 1e-4, 'gradient of the steps');
    }));

    it(`LSQ, ${bits} bits: as printed in the paper but for weights less than half a step beyond the outer level`, () => tf.tidy(() => {
      const key = `symmetric.${bits}`, s = spec(bits, 'symmetric', 'row', { learned: true }), w = tensor(d.w), { high } = codeRange(s);
      const scale = d[`${key}.scale`].data, affine = { scale: tensor(d[`${key}.scale`]) as Tensor2D, zero: tf.zeros([4, 1]) as Tensor2D };
      const ours = pullBack(w, affine, s, tensor(d.dy)).w.dataSync(), printed = d[`paper.${bits}.grad.w`].data;
      let between = 0;
      ours.forEach((g, i) => {
        const v = Math.abs(d.w.data[i] / scale[Math.floor(i / 32)]);
        if (v > high && v < high + 0.5) between++;
        else assert.ok(Math.abs(g - printed[i]) < 1e-6, `weight ${i} at ${v} steps`);
      });
      assert.ok(bits === 8 || between > 0, 'the fixture has weights where they differ');
    }));
  }

  it('SEQ, 2 bits: value and both gradients equal ParetoQ\'s formulas', () => tf.tidy(() => {
    const s = spec(2, 'stretched', 'row', { learned: true }), w = tensor(d.w);
    const affine = { scale: tensor(d['stretched.2.scale']) as Tensor2D, zero: tf.fill([4, 1], 1.5) as Tensor2D };
    assertRowsClose(fakeQuantize(w, affine, s), d['stretched.2.out'], 'value');
    const back = pullBack(w, affine, s, tensor(d.dy));
    assertClose(back.w, d['stretched.2.grad.w'], 0, 'gradient of the weights');
    assertClose(back.scale!, d['stretched.2.grad.scale'], 1e-4, 'gradient of the steps');
  }));

  it('the gradient of a step: c - z where w is clipped, c - z - w/s (the rest passes through w) where it is not', () => tf.tidy(() => {
    for (const grid of ['symmetric', 'stretched'] as const) for (const bits of BITS) {
      const s = spec(bits, grid, 'row', { learned: true }), w = tensor(d.w), dy = tensor(d.dy), { low, high, zero } = codeRange(s);
      const affine = { scale: tf.mul(fitAffine(w, s).scale, 0.57) as Tensor2D, zero: tf.fill([4, 1], zero) as Tensor2D };
      const levels = tf.sub(quantize(w, affine, s), zero), v = tf.div(w, affine.scale);
      const inside = tf.cast(tf.less(tf.abs(v), (high - low) / 2 + 0.5), 'float32');
      assert.ok(inside.dataSync().includes(0), 'some are clipped');
      const expected = tf.sum(tf.mul(dy, tf.sub(levels, tf.mul(inside, v))), 1, true);
      assert.ok(relative(pullBack(w, affine, s, dy).scale!.dataSync(), expected.dataSync(), { scale: 10 }) < 1e-5, `${grid} ${bits}`);
    }
  }));
});

describe('quant: activations', () => {
  before(ready);

  it('dynamic per token at 8 bits: values equal the reference, zero, huge and tiny tokens too; the gradient is dy', () => tf.tidy(() => {
    const d = readDump('quant', 'activations.safetensors'), x = tensor(d.x), dy = tf.randomNormal(d.x.shape, 0, 1, 'float32', 3);
    assertRowsClose(quantizeTokens(x), d.out, 'activations');
    const { grads } = valueAndGrad((p) => tf.sum(tf.mul(quantizeTokens(p.x), dy)) as Scalar, { x });
    assert.equal(relative(grads.x.dataSync(), dy.dataSync()), 0);
  }));
});

describe('quant: properties of every grid', () => {
  before(ready);
  const weights = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e3), max: Math.fround(1e3) }), { minLength: 16, maxLength: 16 });
  const specs = fc.record({ bits: fc.constantFrom(...BITS), grid: fc.constantFrom<Grid>('symmetric', 'stretched', 'asymmetric'), scale: fc.constantFrom<QuantSpec['scale']>('absmax', 'mse'), granularity: fc.constantFrom<Granularity>('tensor', 'row', { group: 4 }) });

  it('codes are whole, in range, and quantizing the quantized changes nothing', () => {
    fc.assert(fc.property(weights, specs, (values, some) => tf.tidy(() => {
      const s = { ...some, learned: false }, w = tf.tensor2d(values, [2, 8]), affine = fitAffine(w, s), { low, high } = codeRange(s);
      const codes = quantize(w, affine, s), q = dequantize(codes, affine, s);
      assert.ok(codes.dataSync().every((c) => Number.isInteger(c) && c >= low && c <= high));
      const values2 = (x: Tensor) => Array.from(x.dataSync(), (c) => c + 0); // -0 is 0
      assert.deepEqual(values2(quantize(q, affine, s)), values2(codes));
    })), { numRuns: 60, seed: 5 });
  });

  it('covering scales err by at most half a step', () => {
    fc.assert(fc.property(weights, specs, (values, some) => tf.tidy(() => {
      const s: QuantSpec = { ...some, scale: 'absmax', learned: false }, w = tf.tensor2d(values, [2, 8]), affine = fitAffine(w, s);
      const error = tf.abs(tf.sub(w, fakeQuantize(w, affine, s))), groups = affine.scale.shape[0];
      const share = tf.div(tf.max(tf.reshape(error, [groups, -1]), 1, true), tf.maximum(affine.scale, 1e-30)).dataSync();
      // asymmetric: rounding the zero point may move the ends of the range by half a step more
      const most = some.grid === 'asymmetric' ? 1 : 0.5;
      assert.ok(share.every((v) => v <= most + 1e-3), `${share}`);
    })), { numRuns: 60, seed: 6 });
  });
});
