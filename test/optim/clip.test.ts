import assert from 'node:assert/strict';
import { ready, tf } from '../../src/core/backend';
import { clipByGlobalNorm } from '../../src/optim/clip';

describe('optim/clip', () => {
  before(() => ready());

  it('one norm over the record; a gradient below the limit stays as it is', () => tf.tidy(() => {
    const g = { a: tf.tensor1d([3, 0]), b: tf.tensor2d([[-4]]) };
    for (const [limit, factor] of [[10, 1], [5.001, 1], [1, 0.2], [Infinity, 1]]) {
      const { grads, norm } = clipByGlobalNorm(g, limit);
      assert.equal(norm.dataSync()[0], 5);
      for (const [x, expected] of [[grads.a.dataSync()[0], 3 * factor], [grads.b.dataSync()[0], -4 * factor]]) assert.ok(Math.abs(x - expected) < 1e-5);
    }
  }));
});
