// A generator alone against a student that stands still.
import assert from 'node:assert/strict';
import { tensorCount } from '../../src/core/memory';
import { ascend } from '../../src/methods/ascent';
import { tiny, tinyConfig, type Tiny } from './tiny';
import type { AdaptationKind } from '../../src/methods/adaptation';

const config = (kind: AdaptationKind) => ({ ...tinyConfig, batch: 16, adaptation: { ...tinyConfig.adaptation, kind } });

describe('methods/ascent', () => {
  let t: Tiny;
  before(async () => { t = await tiny(); });
  after(() => t.dispose());

  it('climbs: what it writes after the ascent is harder for the student, and the same job does it again, without a tensor left', async () => {
    const start = tensorCount(), seen: number[] = [], options = { ascents: 60, rate: 3e-3, batches: 2 };
    const { before, after, climbed } = await ascend(t.job(), config('straightThrough'), { ...options, onAscent: (done, value) => { seen.push(done); assert.ok(value > 0); } });
    assert.ok(after.divergence > before.divergence, `${before.divergence} to ${after.divergence}`);
    assert.deepEqual(seen, Array.from({ length: 60 }, (_, i) => i + 1));
    assert.equal(climbed.length, 60);
    assert.deepEqual(await ascend(t.job(), config('straightThrough'), options), { before, after, climbed });
    assert.equal(tensorCount(), start);
  });

  it('no ascent changes nothing: both looks are at the same noise', async () => {
    for (const noise of ['written', 'gaussian'] as const) {
      const looks = await ascend(t.job(), { ...config('straightThrough'), generator: { ...tinyConfig.generator, noise } }, { ascents: 0 });
      assert.deepEqual(looks.after, looks.before, noise);
    }
    const { before, after } = await ascend(t.job(), config('straightThrough'), { ascents: 0 });
    assert.deepEqual(after, before);
    assert.equal(before.tokens.length, 32);
    assert.ok(before.tokens.every((ids) => ids.length >= 1 && ids.length <= tinyConfig.seq - 2 && ids.every((id) => id > 2)), 'no special tokens, no padding');
    assert.equal(before.manifold, 0);
  });

  it('kinds that speak in embeddings are read by their nearest tokens and stand off the manifold', async () => {
    for (const kind of ['soft', 'linear'] as const) {
      const { before } = await ascend(t.job(), config(kind), { ascents: 1, batches: 1 });
      assert.equal(before.tokens.length, 16);
      assert.ok(before.manifold > 0.01, `${kind}: ${before.manifold}`);
    }
  });

  it('refuses what cannot be', async () => {
    await assert.rejects(ascend(t.job({ generator: undefined }), tinyConfig), { code: 'missing' });
    await assert.rejects(ascend(t.job({ signal: { aborted: true } }), tinyConfig), { code: 'cancelled', message: /after 0 of 100 ascents/ });
  });
});
