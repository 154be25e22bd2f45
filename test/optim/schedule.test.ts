import assert from 'node:assert/strict';
import { rateAt, type Schedule } from '../../src/optim/schedule';
import { Guard } from '../../src/train/guard';

describe('rate schedule', () => {
  const s: Schedule = { kind: 'cosine', warmup: 0.1, floor: 0.2 };
  it('rises linearly, then falls along half a cosine to the floor', () => {
    assert.equal(rateAt(s, 0, 100), 0.1);
    assert.equal(rateAt(s, 9, 100), 1);
    assert.equal(rateAt(s, 10, 100), 1);
    assert.ok(Math.abs(rateAt(s, 55, 100) - 0.6) < 1e-12);
    assert.ok(Math.abs(rateAt(s, 100, 100) - 0.2) < 1e-12);
    assert.equal(rateAt({ ...s, kind: 'constant' }, 99, 100), 1);
    assert.ok(Math.abs(rateAt({ ...s, kind: 'linear' }, 55, 100) - 0.6) < 1e-12);
    assert.equal(rateAt({ ...s, warmup: 0 }, 0, 1), 1);
    assert.throws(() => rateAt(s, 0, 0), /at least one/);
  });
});

describe('guard', () => {
  it('halves the rate once, then gives up, and remembers across a restart', () => {
    const g = new Guard();
    assert.equal(g.rateShare, 1);
    assert.equal(g.trip(), 'retry');
    assert.equal(g.rateShare, 0.5);
    const later = new Guard();
    later.restore(g.save());
    assert.equal(later.trip(), 'give up');
  });
});
