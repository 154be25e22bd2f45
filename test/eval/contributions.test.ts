import assert from 'node:assert/strict';
import fc from 'fast-check';
import { contributions } from '../../src/eval/contributions';
import { METRICS } from '../../src/eval/metrics';

const mean = (values: Float32Array): number => values.reduce((a, b) => a + b, 0) / values.length;

describe('eval/contributions', () => {
  it('of accuracy: right or wrong, whose mean is the accuracy', () => {
    assert.deepEqual(contributions('accuracy', [1, 0, 2], [1, 1, 2]), { kind: 'correct', values: Float32Array.from([1, 0, 1]) });
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 1, maxLength: 50 }), (pairs) => {
      const [p, l] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
      assert.ok(Math.abs(mean(contributions('accuracy', p, l).values) - METRICS.accuracy(p, l)) < 1e-6);
    }));
  });

  it('of other metrics: the jackknife\'s pseudo-values, by hand and near the metric', () => {
    const x = [1, 2, 4, 3], y = [1, 2, 3, 5], { kind, values } = contributions('pearson', x, y), without = (list: number[], i: number) => list.filter((_, k) => k !== i);
    assert.equal(kind, 'pseudovalue');
    values.forEach((v, i) => assert.ok(Math.abs(v - (4 * METRICS.pearson(x, y) - 3 * METRICS.pearson(without(x, i), without(y, i)))) < 1e-6));
    const n = 400, labels = Array.from({ length: n }, (_, i) => Math.sin(i) * 2 + 3), predictions = labels.map((l, i) => l + Math.cos(7 * i));
    for (const name of ['pearson', 'spearman', 'pearsonSpearman'] as const) assert.ok(Math.abs(mean(contributions(name, predictions, labels).values) - METRICS[name](predictions, labels)) < 2e-3, name);
    const classes = labels.map((l) => Number(l > 3)), guesses = predictions.map((v) => Number(v > 3));
    assert.ok(Math.abs(mean(contributions('matthews', guesses, classes).values) - METRICS.matthews(guesses, classes)) < 2e-3);
  });

  it('of very few examples: the metric itself where it is not defined without one of them', () => {
    assert.deepEqual([...contributions('pearson', [1, 2], [2, 4]).values], [1, 1]);
    assert.deepEqual([...contributions('matthews', [1], [0]).values], [0]);
    const whole = METRICS.pearson([1, 1, 3], [1, 2, 3]); // without the last there is no spread
    assert.equal(contributions('pearson', [1, 1, 3], [1, 2, 3]).values[2], Math.fround(whole));
  });
});
