// Training that begins with each layer distilled by itself: what it gains, and that a run with it is as repeatable as one without.
import assert from 'node:assert/strict';
import { tensorCount } from '../../src/core/memory';
import { qatRandom } from '../../src/methods/qatRandom';
import { samSga } from '../../src/methods/samSga';
import { shareDone, type Entry } from '../../src/methods/method';
import { checkConfig } from '../../src/methods/check';
import { free, memoryStore, tiny, tinyConfig, values, type Tiny } from './tiny';

const config = { ...tinyConfig, steps: 25, layerwise: { steps: 12, rate: 3e-3, scaleRate: 3e-3 } };

describe('methods: layer-wise start', () => {
  let t: Tiny;
  before(async () => { t = await tiny(); });
  after(() => t.dispose());

  it('training the whole starts nearer to the teacher, each layer\'s error having fallen', async () => {
    const long = { ...config, steps: 1, layerwise: { ...config.layerwise, steps: 120 } }, errors = new Map<string, number[]>();
    const first = async (layerwise: typeof long.layerwise) => {
      errors.clear();
      const q = await qatRandom.run(t.job({ onProgress: ({ entry: { layer, student } }) => { if (layer) errors.set(layer, [...errors.get(layer) ?? [], student]); } }), { ...long, layerwise }), { student } = q.history[0];
      free(q);
      return student;
    };
    const rounded = await first({ ...long.layerwise, steps: 0 });
    assert.equal(errors.size, 0);
    const started = await first(long.layerwise);
    assert.equal(errors.size, 2, 'both layers');
    for (const [layer, of] of errors) assert.ok(of.length === 60 && of.at(-1)! < 0.7 * of[0], `${layer}: ${of[0]} to ${of.at(-1)}`);
    assert.ok(started < 0.8 * rounded, `${rounded} to ${started}`);
  }).timeout(60_000);

  for (const [name, { run }] of Object.entries({ samSga, qatRandom })) {
    it(`${name}: the same after a kill or a cancel at any time, no tensor kept`, async () => {
      const before = tensorCount(), whole = await run(t.job(), checkConfig(config));
      assert.deepEqual([whole.status, whole.history.length, whole.cost.steps], ['ok', 25, 25]);
      assert.ok(whole.cost.phases.layers > 0);
      for (const stop of [3, 11, 12 + 23]) { // in the first layer, in the second, and in training
        const kept = tensorCount(), killing = memoryStore(), cancelling = memoryStore(), signal = { aborted: false };
        let told = 0;
        await assert.rejects(run(t.job({ checkpoints: killing, onProgress: () => { if (++told === stop) throw new Error('killed'); } }), config), /killed/);
        told = 0;
        const cancelled = await run(t.job({ checkpoints: cancelling, signal, onProgress: () => { if (++told === stop) signal.aborted = true; } }), config);
        assert.equal(cancelled.status, 'cancelled');
        assert.equal(told, stop, 'it ends within a step');
        free(cancelled);
        for (const checkpoints of [killing, cancelling]) {
          const continued = await run(t.job({ checkpoints }), config);
          assert.deepEqual(values(continued), values(whole), `stopped at ${stop}`);
          assert.deepEqual(continued.history, whole.history);
          free(continued);
        }
        assert.equal(tensorCount(), kept);
      }
      free(whole);
      assert.equal(tensorCount(), before);
    }).timeout(120_000);
  }

  it('tells how much is done: from the first update of a layer on it rises with each one and ends at 1', async () => {
    const shares: number[] = [];
    free(await qatRandom.run(t.job({ onProgress: (p) => { shares.push(shareDone(p)); } }), config));
    assert.equal(shares.length, 12 + 25);
    assert.ok(shares[0] > 0 && shares.every((x, i) => i === 0 || x > shares[i - 1]), shares.join(' '));
    assert.equal(shares.at(-1), 1);
    assert.equal(shareDone({ method: 'ptq', step: 0, steps: 0, entry: {} as Entry }), 0);
  });

  it('a layer whose error is not finite stays rounded, and training goes on', async () => {
    const q = await qatRandom.run(t.job(), { ...config, layerwise: { steps: 12, rate: 1e30, scaleRate: 0 } });
    assert.equal(q.status, 'ok');
    assert.ok(q.history.every((e) => Number.isFinite(e.student)));
    free(q);
  });
});
