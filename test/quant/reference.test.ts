// fakeQuantize against a reference that shares nothing with it, and what must hold for every grid, whatever the scale.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ready, tf } from '../../src/core/backend';
import { fakeQuantize, quantize } from '../../src/quant/affine';
import { fitAffine } from '../../src/quant/fit';
import { codeRange, type Bits, type Granularity, type Grid, type QuantSpec } from '../../src/quant/spec';
import { quantized, type Reference } from './reference';
import type { Tensor2D } from '@tensorflow/tfjs-node-gpu';

const COLUMNS = 12, ROWS = 4;
const groupOf = (g: Granularity): number => (g === 'tensor' ? ROWS * COLUMNS : g === 'row' ? COLUMNS : g.group);

const grids = fc.constantFrom<Grid>('symmetric', 'stretched', 'asymmetric'), widths = fc.constantFrom<Bits>(2, 3, 4, 8);
const granularities = fc.constantFrom<Granularity>('tensor', 'row', { group: 4 });
const specs = fc.record({ bits: widths, grid: grids, granularity: granularities, scale: fc.constantFrom<QuantSpec['scale']>('absmax', 'mse', 'percentile'), learned: fc.constant(false) });

const n = ROWS * COLUMNS, float = (most: number) => fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-most), max: Math.fround(most) });
const numbers = (most: number) => fc.array(float(most), { minLength: n, maxLength: n });
/** Random, constant, zero, huge and tiny tensors, and one that mixes them by row. */
const tensors = fc.oneof(
  numbers(3), float(5).map((x) => Array<number>(n).fill(x)), fc.constant(Array<number>(n).fill(0)),
  numbers(3).map((v) => v.map((x) => Math.fround(x * 1e30))), numbers(3).map((v) => v.map((x) => Math.fround(x * 1e-20))),
  numbers(3).map((v) => v.map((x, i) => Math.fround(x * [1, 1e30, 1e-20, 0][Math.floor(i / COLUMNS)]))),
);

describe('quant: an independent reference', () => {
  before(ready);

  it('gives the same values, at covering scales and at those that the library fits, but where a value lies on a rounding boundary', () => {
    let compared = 0;
    fc.assert(fc.property(tensors, specs, (values, spec) => tf.tidy(() => {
      const w = tf.tensor2d(values, [ROWS, COLUMNS]), affine = fitAffine(w, spec), ours = fakeQuantize(w, affine, spec).dataSync();
      const group = groupOf(spec.granularity), reference: Reference = { bits: spec.bits, grid: spec.grid, group };
      const scales = affine.scale.dataSync(), zeros = affine.zero.dataSync();
      const expected = spec.scale === 'absmax' ? quantized(values, reference) : quantized(values, reference, scales, zeros);
      values.forEach((value, i) => {
        const at = Math.floor(i / group), steps = value / scales[at] + zeros[at], largest = Math.max(...values.slice(at * group, at * group + group).map(Math.abs));
        if (Math.abs(steps - Math.floor(steps) - 0.5) < 1e-4) return; // 32 and 64 bits may round it to either side
        compared++;
        assert.ok(Math.abs(ours[i] - expected[i]) <= 1e-5 * largest + 1e-29, `${JSON.stringify(spec)}: ${value} gives ${ours[i]}, expected ${expected[i]}`);
      });
    })), { numRuns: 150, seed: 11 });
    assert.ok(compared > 4000, `${compared} values were compared`);
  });

  it('monotone, idempotent, at most 2^bits levels a group, at most half a step off inside the range, at any scale', () => {
    fc.assert(fc.property(numbers(3), specs, fc.double({ min: 0.3, max: 2, noNaN: true }), (values, spec, share) => tf.tidy(() => {
      const w = tf.tensor2d(values, [ROWS, COLUMNS]), fitted = fitAffine(w, spec), { low, high } = codeRange(spec);
      const affine = { scale: tf.mul(fitted.scale, share) as Tensor2D, zero: fitted.zero }, q = fakeQuantize(w, affine, spec);
      const levels = q.dataSync(), group = groupOf(spec.granularity), scale = affine.scale.dataSync(), zero = affine.zero.dataSync();
      assert.deepEqual(Array.from(quantize(q, affine, spec).dataSync(), (c) => c + 0), Array.from(quantize(w, affine, spec).dataSync(), (c) => c + 0), 'idempotent');
      for (let at = 0; at < n / group; at++) {
        const members = Array.from({ length: group }, (_, i) => at * group + i).sort((a, b) => values[a] - values[b]);
        members.slice(1).forEach((b, i) => assert.ok(levels[members[i]] <= levels[b], 'monotone'));
        assert.ok(new Set(members.map((i) => levels[i] + 0)).size <= 2 ** spec.bits, 'levels');
        for (const i of members) {
          const inside = values[i] >= scale[at] * (low - zero[at]) && values[i] <= scale[at] * (high - zero[at]);
          if (inside) assert.ok(Math.abs(values[i] - levels[i]) <= scale[at] * (0.5 + 1e-4), `half a step: ${values[i]} gives ${levels[i]} at ${scale[at]}`);
        }
      }
    })), { numRuns: 150, seed: 12 });
  });

  it('percentile scales cover the share that they name, per group', () => {
    const values = Array.from({ length: 200 }, (_, i) => (i - 60) / 10), w = tf.tensor2d(values, [1, 200]);
    const spec = (grid: Grid): QuantSpec => ({ bits: 8, grid, granularity: 'row', scale: 'percentile', percentile: 0.95, learned: false });
    const symmetric = fitAffine(w, spec('symmetric')).scale.dataSync()[0] * 127, { scale, zero } = fitAffine(w, spec('asymmetric'));
    const covered = values.map(Math.abs).filter((v) => v <= symmetric + 1e-4).length;
    assert.equal(covered, 191, 'the 10th largest of 200 is the end of the range');
    const [s, z] = [scale.dataSync()[0], zero.dataSync()[0]];
    assert.ok(Math.abs(s * 255 - (values[190] - values[9])) < 1e-3 && Math.abs(-s * z - values[9]) < s, `${s} ${z}`);
    const all = { ...spec('symmetric'), percentile: 1 };
    assert.equal(fitAffine(w, all).scale.dataSync()[0], fitAffine(w, { ...all, scale: 'absmax' }).scale.dataSync()[0]);
  });
});
