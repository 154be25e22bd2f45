import assert from 'node:assert/strict';
import { ready, tf } from '../../src/core/backend';
import { tensorCount } from '../../src/core/memory';
import { levels, quantizationError, transfer } from '../../src/quant/measure';
import type { QuantSpec } from '../../src/quant/spec';

const spec = (changes: Partial<QuantSpec> = {}): QuantSpec => ({ bits: 2, grid: 'symmetric', scale: 'absmax', granularity: 'row', learned: false, ...changes });
const near = (found: ArrayLike<number>, expected: number[]) => assert.ok(found.length === expected.length && expected.every((x, i) => Math.abs(x - found[i]) < 1e-6), `${Array.from(found)} is not ${expected}`);

describe('quant/measure', () => {
  before(ready);

  it('levels of each grid', () => {
    assert.deepEqual(levels({ bits: 2, grid: 'symmetric' }), [-1, 0, 1]);
    assert.deepEqual(levels({ bits: 2, grid: 'stretched' }, 2), [-3, -1, 1, 3]);
    assert.deepEqual(levels({ bits: 2, grid: 'asymmetric' }, 0.5, 1), [-0.5, 0, 0.5, 1]);
    assert.equal(levels({ bits: 8, grid: 'symmetric' }).length, 255);
  });

  it('a quantizer as a function: steps, and the slope that training takes, which ends half a step beyond the grid', () => {
    const { levels: found, quantized, gradient } = transfer(spec({ grid: 'stretched' }), [-1, 1], [-2, -0.9, -0.1, 0.1, 0.6, 2]);
    near(found, [-0.75, -0.25, 0.25, 0.75]);
    near(quantized, [-0.75, -0.75, -0.25, 0.25, 0.75, 0.75]);
    near(gradient, [0, 1, 1, 1, 1, 0]);
    near(transfer(spec({ granularity: 'tensor' }), [-1, 1], [0.4, 0.6, 1.6]).quantized, [0, 1, 1]);
  });

  it('the error of a weight: of the whole, of rows, and what it takes', () => {
    const w = tf.tensor2d([[1, -1, 0.4, 0], [4, 0, 0, 2]]), before = tensorCount();
    const { total, rows, shares, bitsPerWeight, scaled } = quantizationError(w, spec());
    near([total], [4.16 / 22.16]); // 2 of 4 rounds to 0: half to even
    near(rows, [0.16 / 2.16, 4 / 20]);
    near(shares, [1 / 8, 5 / 8, 2 / 8]);
    near(scaled, [1, -1, 0.4, 0, 1, 0, 0, 0.5]);
    assert.equal(bitsPerWeight, 2 + 32 / 4);
    assert.equal(quantizationError(w, spec({ granularity: 'tensor' })).bitsPerWeight, 2 + 32 / 8);
    const shrunken = quantizationError(w, spec(), 0.75); // 2 / 3 rounds up now, and 4 is clipped to 3
    near(shrunken.rows, [(2 * 0.25 ** 2 + 0.35 ** 2) / 2.16, (1 + 1) / 20]);
    assert.throws(() => quantizationError(w, spec({ granularity: { group: 3 } })), /rows of 4 do not divide into groups of 3/);
    assert.equal(tensorCount(), before);
    w.dispose();
  });
});
