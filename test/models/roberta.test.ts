// What is RoBERTa's own: positions count real tokens from behind the padding token's, and there is one segment.
import assert from 'node:assert/strict';
import { ready, tf } from '../../src/core/backend';
import { dispose } from '../../src/core/tree';
import { loadModel, type LoadedModel } from '../../src/models/load';
import { fixture, relative } from '../fixtures/dump';
import type { Inputs } from '../../src/models/model';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-node-gpu';

describe('models/roberta', () => {
  let loaded: LoadedModel;
  before(async () => {
    await ready();
    loaded = await loadModel(fixture('models', 'roberta'));
  });
  after(() => dispose(loaded.params));

  const int = (rows: number[][]) => tf.tensor2d(rows, undefined, 'int32') as Tensor2D;
  const logits = (inputs: Inputs) => loaded.model.forward(loaded.params, inputs).logits.dataSync();

  it('reads as many tokens as there are positions behind the padding token\'s', () => tf.tidy(() => {
    assert.equal(loaded.model.maxLength, 16);
    const row = Array.from({ length: 16 }, (_, i) => i + 3);
    assert.ok(logits({ ids: int([row]) }).every(Number.isFinite));
    assert.throws(() => logits({ ids: int([[...row, 3]]) }), /17 tokens.*16/);
  }));

  it('padding tokens take no position, on either side, by ids or by the mask', () => tf.tidy(() => {
    const alone = logits({ ids: int([[0, 9, 2]]) });
    const at0 = (ids: number[], mask: number[]) => loaded.model.forward(loaded.params, { ids: int([ids]), mask: int([mask]) }).hidden.at(-1)!.dataSync();
    const plain = at0([0, 9, 2], [1, 1, 1]), right = at0([0, 9, 2, 1, 1], [1, 1, 1, 0, 0]), left = at0([1, 1, 0, 9, 2], [0, 0, 1, 1, 1]);
    assert.ok(relative(right.slice(0, plain.length), plain) < 1e-5);
    assert.ok(relative(left.slice(-plain.length), plain) < 1e-5);
    const table = loaded.params[loaded.model.wordEmbedding], embeds = tf.gather(table, int([[0, 9, 2, 1]]).as1D()).reshape([1, 4, 16]) as Tensor3D;
    assert.ok(relative(logits({ embeds, mask: int([[1, 1, 1, 0]]) }), alone) < 1e-5);
    assert.ok(relative(logits({ embeds: embeds.slice([0, 0, 0], [1, 3, 16]) }), alone) < 1e-5, 'no mask: no padding');
  }));

  it('ignores segments: its table has one row', () => tf.tidy(() => {
    const ids = int([[0, 9, 2, 2, 5, 2]]);
    assert.deepEqual(logits({ ids, typeIds: int([[0, 0, 0, 1, 1, 1]]) }), logits({ ids }));
  }));
});
