// Batches as a function of the step: the same in any order of asking, every row once in a pass, targets beside their rows.
import assert from 'node:assert/strict';
import { labelledBatches, windowBatches } from '../../src/text/training';

const encoded = Array.from({ length: 103 }, (_, i) => ({ ids: Array.from({ length: 1 + (i * 7) % 30 }, () => i + 1) }));
const options = { name: 'test', seed: 3, batchSize: 4, stepsPerEpoch: 25, maxLength: 30, padId: 0 };
const targets = Int32Array.from(encoded, (_, i) => i % 5);

describe('labelledBatches', () => {
  it('does not depend on which steps were asked for before', () => {
    const forward = labelledBatches(encoded, targets, options), all = Array.from({ length: 60 }, (_, step) => forward(step));
    const backward = labelledBatches(encoded, targets, options);
    for (let step = 59; step >= 0; step--) assert.deepEqual(backward(step), all[step]);
  });

  it('reads each row at most once in a pass, in another order in the next, and keeps ids, mask and target together', () => {
    const batchOf = labelledBatches(encoded, targets, options), passes = [0, 1].map((pass) => {
      const rows: number[] = [];
      for (let step = 25 * pass; step < 25 * (pass + 1); step++) {
        const { ids, mask, targets: labels } = batchOf(step), [batch, seq] = ids.shape;
        assert.equal(batch, 4);
        for (let r = 0; r < batch; r++) {
          const row = ids.data[r * seq] - 1, length = encoded[row].ids.length;
          rows.push(row);
          assert.equal(labels.data[r], row % 5);
          assert.deepEqual([...ids.data.subarray(r * seq, (r + 1) * seq)], Array.from({ length: seq }, (_, i) => (i < length ? row + 1 : 0)));
          assert.deepEqual([...mask.data.subarray(r * seq, (r + 1) * seq)], Array.from({ length: seq }, (_, i) => (i < length ? 1 : 0)));
        }
      }
      assert.equal(new Set(rows).size, 100);
      return rows;
    });
    assert.notDeepEqual(passes[0], passes[1]);
  });

  it('pads to multiples of 8 as far as the model reads, texts of similar length together', () => {
    const batchOf = labelledBatches(encoded, targets, options), lengths = Array.from({ length: 25 }, (_, step) => batchOf(step).ids.shape[1]);
    assert.deepEqual([...new Set(lengths)].sort((a, b) => a - b), [8, 16, 24, 30]);
    const padded = lengths.reduce((s, n) => s + 4 * n, 0), real = encoded.reduce((s, e) => s + e.ids.length, 0);
    assert.ok(padded < 1.4 * real, `${padded} for ${real} tokens`);
  });

  it('hands regression values on as they are, and refuses a set that fills no batch', () => {
    const scores = Float32Array.from(encoded, (_, i) => i / 2), { ids, targets: values } = labelledBatches(encoded, scores, options)(0);
    assert.ok(values.data instanceof Float32Array);
    assert.equal(values.data[0], (ids.data[0] - 1) / 2);
    assert.throws(() => labelledBatches(encoded.slice(0, 3), targets, { ...options, stepsPerEpoch: 0 }), /3 examples do not fill 1 batches of 4: make the batch smaller/);
  });
});

describe('windowBatches', () => {
  const ids = Int32Array.from({ length: 500 }, (_, i) => i);

  it('reads windows from random places; the target of each token is the next one; a step does not depend on others', () => {
    const batchOf = windowBatches(ids, { name: 'test', seed: 1, batchSize: 8, window: 16 }), first = batchOf(7);
    assert.deepEqual(first.ids.shape, [8, 16]);
    assert.deepEqual(first.targets.shape, [128]);
    first.ids.data.forEach((id, i) => assert.equal(first.targets.data[i], id + 1));
    const starts = new Set(Array.from({ length: 50 }, (_, step) => batchOf(step).ids.data[0]));
    assert.ok(starts.size > 30);
    assert.deepEqual(windowBatches(ids, { name: 'test', seed: 1, batchSize: 8, window: 16 })(7), first);
  });

  it('reaches the last token of the text as a target, and refuses a text that fills no window', () => {
    const batchOf = windowBatches(ids.subarray(0, 18), { name: 'test', seed: 1, batchSize: 8, window: 16 });
    assert.equal(Math.max(...batchOf(0).targets.data), 17);
    assert.throws(() => windowBatches(ids.subarray(0, 16), { name: 'test', seed: 1, batchSize: 1, window: 16 }), /16 tokens do not fill a window/);
  });
});
