import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { ZsaqError } from '../../src/core/error';
import { accuracy, f1, matthews, METRIC_LABELS, METRICS, pearson, pearsonSpearman, ranks, spearman } from '../../src/eval/metrics';

interface Classes { name: string; predictions: number[]; labels: number[]; accuracy: number; f1: number | null; matthews: number }
interface Values { name: string; x: number[]; y: number[]; pearson: number | null; spearman: number | null }
const made = JSON.parse(readFileSync(join(__dirname, '..', 'fixtures', 'eval', 'metrics.json'), 'utf8')) as { classification: Classes[]; correlation: Values[] };

/** null stands for NaN, which JSON does not have. */
function near(got: number, wanted: number | null, what: string, tolerance = 1e-12): void {
  if (wanted === null) assert.ok(Number.isNaN(got), `${what}: ${got} instead of NaN`);
  else assert.ok(Math.abs(got - wanted) <= tolerance, `${what}: ${got} instead of ${wanted}`);
}

describe('metrics against scikit-learn and scipy', () => {
  for (const c of made.classification) {
    it(`classes: ${c.name}`, () => {
      near(accuracy(c.predictions, c.labels), c.accuracy, 'accuracy');
      near(matthews(c.predictions, c.labels), c.matthews, 'matthews');
      if (c.f1 !== null) near(f1(c.predictions, c.labels), c.f1, 'f1');
    });
  }
  for (const c of made.correlation) {
    it(`values: ${c.name}`, () => {
      near(pearson(c.x, c.y), c.pearson, 'pearson', c.name === 'far from zero' ? 1e-7 : 1e-12);
      near(spearman(c.x, c.y), c.spearman, 'spearman');
      near(pearsonSpearman(c.x, c.y), c.pearson === null ? null : (c.pearson + c.spearman!) / 2, 'mean', 1e-7);
    });
  }
});

describe('metrics on degenerate input', () => {
  it('gives NaN for correlations with NaN, as scipy does', () => {
    assert.ok(Number.isNaN(pearson([1, NaN, 3], [1, 2, 3])));
    assert.ok(Number.isNaN(spearman([1, NaN, 3], [1, 2, 3])));
    assert.ok(Number.isNaN(pearson([1, Infinity, 3], [1, 2, 3])));
  });
  it('refuses nothing to compare and lists of different length', () => {
    for (const metric of Object.values(METRICS)) {
      assert.throws(() => metric([], []), (e) => e instanceof ZsaqError && e.code === 'range');
      assert.throws(() => metric([1, 2, 3], [1, 2]), (e) => e instanceof ZsaqError && e.code === 'mismatch');
    }
    assert.throws(() => pearson([1], [1]), (e) => e instanceof ZsaqError && e.code === 'range');
  });
  it('labels every metric', () => {
    for (const name of [...Object.keys(METRICS), 'perplexity']) assert.ok(METRIC_LABELS[name as keyof typeof METRIC_LABELS]);
  });
});

describe('metrics have the properties of their definitions', () => {
  const values = fc.array(fc.tuple(fc.integer({ min: -20, max: 20 }), fc.integer({ min: -20, max: 20 })), { minLength: 3, maxLength: 40 });
  const classes = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })), { minLength: 1, maxLength: 40 });
  const split = <T>(pairs: [T, T][]): [T[], T[]] => [pairs.map((p) => p[0]), pairs.map((p) => p[1])];

  it('correlations are symmetric, within [-1, 1], and change sign with one side', () => {
    fc.assert(fc.property(values, (pairs) => {
      const [x, y] = split(pairs);
      for (const metric of [pearson, spearman]) {
        const r = metric(x, y);
        if (Number.isNaN(r)) continue;
        assert.ok(Math.abs(r) <= 1);
        near(metric(y, x), r, 'symmetry', 1e-12);
        near(metric(x.map((v) => -v), y), -r, 'sign', 1e-12);
      }
    }), { seed: 1 });
  });
  it('Spearman does not change under a monotone map', () => {
    fc.assert(fc.property(values, (pairs) => {
      const [x, y] = split(pairs), before = spearman(x, y);
      near(spearman(x.map((v) => Math.exp(v / 5)), y), Number.isNaN(before) ? null : before, 'spearman');
    }), { seed: 2 });
  });
  it('ranks are a permutation of 1..n where nothing ties, and always have the same sum', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 30 }), (x) => {
      const sum = ranks(x).reduce((a, b) => a + b, 0);
      assert.equal(sum, x.length * (x.length + 1) / 2);
    }), { seed: 3 });
  });
  it('Matthews is symmetric and within [-1, 1]; accuracy 1 means equal', () => {
    fc.assert(fc.property(classes, (pairs) => {
      const [p, y] = split(pairs), m = matthews(p, y);
      assert.ok(Math.abs(m) <= 1 + 1e-12);
      near(matthews(y, p), m, 'symmetry');
      assert.equal(accuracy(p, y) === 1, p.every((v, i) => v === y[i]));
    }), { seed: 4 });
  });
});
