// Static and asymmetric activations against PyTorch's observers and fake quantization (test/fixtures/quant/README.md).
import assert from 'node:assert/strict';
import { ready, tf } from '../../src/core/backend';
import { valueAndGrad } from '../../src/core/grad';
import { compiled } from '../../src/core/graph';
import { activationHooks, quantizeActivation, quantizeTokens } from '../../src/quant/activations';
import { fakeQuantize } from '../../src/quant/affine';
import { fitAffine } from '../../src/quant/fit';
import { Observer } from '../../src/quant/observer';
import { checkActivation, type ActivationSpec, type Bits } from '../../src/quant/spec';
import { assertClose, readDump, relative, type Dumped } from '../fixtures/dump';
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';

const fixedBy = (spec: ActivationSpec, ...batches: Tensor[]): ActivationSpec => {
  const observer = new Observer(spec, batches.length);
  batches.forEach((x) => observer.see(x));
  return { ...spec, fixed: observer.fix() };
};

describe('quant: static activations, what is looked at', () => {
  it('a sample has values of every column, whatever the width of a row', () => {
    for (const [rows, columns] of [[512, 128], [512, 384], [256, 3072], [1024, 768], [512, 312]]) {
      const column = new Observer({ bits: 8, granularity: 'tensor', grid: 'asymmetric', scale: 'percentile', percentile: 1, learned: false }, 8), x = tf.tidy(() => tf.tile(tf.reshape(tf.range(0, columns), [1, columns]), [rows, 1]));
      column.see(x);
      const seen = new Set((column as unknown as { kept: number[] }).kept);
      x.dispose();
      assert.ok(seen.size === columns, `${seen.size} of ${columns} columns`);
    }
  });

  it('mse looks at the largest and the smallest value even where the sample has missed them', () => {
    const values = Float32Array.from({ length: 2 ** 17 }, (_, i) => Math.sin(i));
    values[1] = 1000; // the sample has every third value only
    const x = tf.tensor1d(values), observer = new Observer({ bits: 8, granularity: 'tensor', grid: 'symmetric', scale: 'mse', learned: false }, 1);
    observer.see(x);
    x.dispose();
    assert.ok(!(observer as unknown as { kept: number[] }).kept.includes(1000));
    assert.ok(observer.fix().scale * 127 > 100);
  });
});

describe('quant: static activations', () => {
  let d: Record<string, Dumped>;
  before(async () => { await ready(); d = readDump('quant', 'observers.safetensors'); });
  const tensor = (name: string): Tensor => tf.tensor(d[name].data as Float32Array, d[name].shape);
  const spec = (grid: ActivationSpec['grid'], scale: ActivationSpec['scale']): ActivationSpec => ({
    bits: 8, granularity: 'tensor', grid, scale, learned: false, ...(scale === 'percentile' ? { percentile: 0.99 } : {}),
  });

  for (const name of ['plain', 'gelu']) for (const grid of ['symmetric', 'asymmetric'] as const) for (const rule of ['absmax', 'percentile'] as const) {
    it(`${name}, ${grid}, ${rule}: scale, zero point, values and gradients equal PyTorch's`, () => tf.tidy(() => {
      const x = tensor(`${name}.x`), key = `${name}.${grid}.${rule}`, s = fixedBy(spec(grid, rule), x);
      assert.ok(Math.abs(s.fixed!.scale / d[`${key}.scale`].data[0] - 1) < 1e-6, `scale ${s.fixed!.scale} for ${d[`${key}.scale`].data[0]}`);
      assert.equal(s.fixed!.zero, d[`${key}.zero`].data[0]);
      assertClose(quantizeActivation(x, s), d[`${key}.out`], 1e-5, 'values');
      const { grads } = valueAndGrad((p) => tf.sum(tf.mul(quantizeActivation(p.x, s), tensor('dy'))) as Scalar, { x });
      assertClose(grads.x, d[`${key}.grad`], 0, 'gradient');
      if (rule === 'percentile') assert.ok(grads.x.dataSync().includes(0), 'what is clipped does not learn');
    }));
  }

  it('mse: the error is near the least of 4,000 scales', () => tf.tidy(() => {
    for (const name of ['plain', 'gelu']) {
      const x = tensor(`${name}.x`), s = fixedBy(spec('symmetric', 'mse'), x), unit = tf.max(tf.abs(x));
      const error = tf.sum(tf.square(tf.div(tf.sub(x, quantizeActivation(x, s)), unit))).dataSync()[0], least = d[`${name}.least`].data[0];
      assert.ok(error < 1.1 * least, `${name}: ${error} for ${least}`);
    }
  }));

  it('an observer remembers its batches: min and max of all of them, a sample of each', () => tf.tidy(() => {
    const [a, b] = [tf.tensor1d([1, -2, 0.5]), tf.tensor1d([3, 0, 0.1])], s = fixedBy(spec('symmetric', 'absmax'), a, b);
    assert.ok(Math.abs(s.fixed!.scale - 3 / 127) < 1e-8);
    const asymmetric = fixedBy(spec('asymmetric', 'absmax'), a, b).fixed!;
    assert.ok(Math.abs(asymmetric.scale - 5 / 255) < 1e-8 && asymmetric.zero === 102);
    const many = Array.from({ length: 4 }, (_, i) => tf.randomNormal([100, 400], 0, i + 1, 'float32', i)), whole = tf.concat(many);
    const sampled = fixedBy(spec('symmetric', 'percentile'), ...many).fixed!.scale, exact = fitAffine(whole, spec('symmetric', 'percentile')).scale.dataSync()[0];
    assert.ok(Math.abs(sampled / exact - 1) < 0.05, `${sampled} for ${exact}`);
    assert.ok(fixedBy(spec('symmetric', 'absmax'), tf.zeros([3])).fixed!.scale > 0, 'a site of zeros');
  }));

  it('one that is not calibrated is refused, and so are those that cannot be', () => {
    const x = tf.ones([2, 2]), s = spec('symmetric', 'absmax');
    assert.throws(() => quantizeActivation(x, s, 'layer.0'), /static activations at layer\.0 are not calibrated/);
    for (const bad of [{ ...s, grid: 'stretched' as const }, { ...s, learned: true }, { ...s, granularity: { group: 4 } as never }]) assert.throws(() => checkActivation(bad, 'here'), /activations at here/);
    for (const fixed of [{ scale: 0, zero: 0 }, { scale: 1, zero: 0.5 }, { scale: NaN, zero: 0 }]) assert.throws(() => checkActivation({ ...s, fixed }, 'here'), /fixed scale/);
    assert.throws(() => checkActivation({ ...s, percentile: 2 }, 'here'), /percentile 2/);
  });
});

describe('quant: dynamic activations by specification', () => {
  before(ready);
  const spec = (grid: ActivationSpec['grid'], bits: Bits = 8): ActivationSpec => ({ bits, granularity: 'row', grid, scale: 'absmax', learned: false });

  it('the plain form is fakeQuantize of its specification, in one pass', () => tf.tidy(() => {
    const x = tf.randomNormal([3, 5, 16], 0, 2, 'float32', 4);
    for (const bits of [2, 4, 8] as Bits[]) {
      const s = spec('symmetric', bits);
      assert.deepEqual([...quantizeTokens(x, bits).dataSync()].map((v) => v + 0), [...fakeQuantize(x, fitAffine(x, s), s).dataSync()].map((v) => v + 0));
    }
  }));

  it('the asymmetric grid halves the step of a one-sided token, and passes the gradient', () => tf.tidy(() => {
    const x = tf.relu(tf.randomNormal([4, 64], 0, 1, 'float32', 5)), error = (s: ActivationSpec) => tf.sum(tf.square(tf.sub(x, quantizeActivation(x, s)))).dataSync()[0];
    assert.ok(error(spec('asymmetric')) < 0.4 * error(spec('symmetric')));
    const dy = tf.randomNormal(x.shape, 0, 1, 'float32', 8), { grads } = valueAndGrad((p) => tf.sum(tf.mul(quantizeActivation(p.x, spec('asymmetric')), dy)) as Scalar, { x });
    assert.deepEqual([...grads.x.dataSync()], [...dy.dataSync()]);
  }));

  it('hooks do as the plan says, site by site, and the same in a graph', () => tf.tidy(() => {
    const x = tf.randomNormal([2, 3, 8], 0, 1, 'float32', 6), fixed: ActivationSpec = { ...spec('asymmetric'), granularity: 'tensor', fixed: { scale: 0.02, zero: 100 } };
    const hooks = activationHooks({ sites: ['plain', 'static', 'one'], activationBits: 8, activations: { static: fixed, one: spec('asymmetric') } });
    const expected: Record<string, Tensor> = { plain: quantizeTokens(x), static: quantizeActivation(x, fixed), one: quantizeActivation(x, spec('asymmetric')), other: x };
    const graph = compiled((p) => Object.fromEntries(Object.keys(expected).map((site) => [site, tf.mul(hooks.activation!(site, p.x), 1)])));
    const found = graph({ x });
    for (const [site, value] of Object.entries(expected)) {
      assert.deepEqual([...hooks.activation!(site, x).dataSync()], [...value.dataSync()], site);
      assert.ok(relative(found[site].dataSync(), value.dataSync()) < 1e-6, `${site} in a graph`);
    }
    graph.dispose();
    assert.deepEqual(activationHooks({ sites: ['a'], activationBits: null }), {});
  }));
});
