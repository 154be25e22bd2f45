import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { ZsaqError } from '../../src/core/error';
import { lengthBatches, windows, type Encoded } from '../../src/text/batches';

const texts = fc.array(fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 20 }), { maxLength: 30 })
  .map((all) => all.map((ids): Encoded => ({ ids, typeIds: ids.map((_, i) => Number(i > ids.length / 2)) })));

describe('length batches', () => {
  it('pads to the longest text of the batch', () => {
    const [b, ...rest] = lengthBatches([{ ids: [1, 2], typeIds: [0, 1] }, { ids: [3] }], { batchSize: 8, padId: 7 });
    assert.equal(rest.length, 0);
    assert.deepEqual([b.index, [...b.ids], [...b.mask], [...b.typeIds], b.batch, b.seq], [[0, 1], [1, 2, 3, 7], [1, 1, 1, 0], [0, 1, 0, 0], 2, 2]);
  });
  it('holds every text once, unchanged, under its own place', () => {
    fc.assert(fc.property(texts, fc.integer({ min: 1, max: 9 }), (encoded, batchSize) => {
      const seen = new Set<number>();
      for (const b of lengthBatches(encoded, { batchSize, padId: 0 })) {
        assert.ok(b.batch <= batchSize && b.ids.length === b.batch * b.seq);
        b.index.forEach((i, row) => {
          assert.ok(!seen.has(i));
          seen.add(i);
          const n = encoded[i].ids.length, at = row * b.seq;
          assert.deepEqual([...b.ids.subarray(at, at + n)], encoded[i].ids);
          assert.deepEqual([...b.typeIds.subarray(at, at + n)], encoded[i].typeIds);
          assert.deepEqual([...b.mask.subarray(at, at + b.seq)], Array.from({ length: b.seq }, (_, k) => Number(k < n)));
        });
      }
      assert.equal(seen.size, encoded.length);
    }), { seed: 1 });
  });
  it('stays within tokensPerBatch, except for one text that is longer by itself, and never gets longer', () => {
    fc.assert(fc.property(texts, fc.integer({ min: 1, max: 60 }), (encoded, tokensPerBatch) => {
      const made = lengthBatches(encoded, { tokensPerBatch, padId: 0 });
      made.forEach((b, i) => {
        assert.ok(b.batch * b.seq <= tokensPerBatch || b.batch === 1);
        if (i) assert.ok(b.seq <= made[i - 1].seq);
      });
    }), { seed: 2 });
  });
  it('refuses empty texts and missing or impossible sizes', () => {
    for (const [encoded, options, code] of [
      [[{ ids: [] }], { batchSize: 1 }, 'range'], [[{ ids: [1] }], {}, 'usage'], [[{ ids: [1] }], { batchSize: 0 }, 'range'], [[{ ids: [1] }], { tokensPerBatch: NaN }, 'range'],
    ] as const) assert.throws(() => lengthBatches(encoded, { ...options, padId: 0 }), (e) => e instanceof ZsaqError && e.code === code);
  });
});

describe('windows', () => {
  it('starts one every stride and leaves a short rest out', () => {
    assert.deepEqual(windows([1, 2, 3, 4, 5, 6], 3, 2).map((w) => [...w]), [[1, 2, 3], [3, 4, 5]]);
    assert.deepEqual(windows([1, 2], 3, 1), []);
    assert.throws(() => windows([1], 0, 1), (e) => e instanceof ZsaqError && e.code === 'range');
  });
  it('covers a prefix once where stride and length are equal', () => {
    fc.assert(fc.property(fc.array(fc.nat(9)), fc.integer({ min: 1, max: 7 }), (ids, n) => {
      const all = windows(ids, n, n).flatMap((w) => [...w]);
      assert.deepEqual(all, ids.slice(0, Math.floor(ids.length / n) * n));
    }), { seed: 3 });
  });
});
