// The fixed bank: the same for all, held out, and not taken in by a generator that has collapsed.
import assert from 'node:assert/strict';
import { tensorCount } from '../../src/core/memory';
import { BANK_PARTS, disposeBank, makeBank, onBank, type Bank } from '../../src/methods/bank';
import { qatRandom } from '../../src/methods/qatRandom';
import { roundToNearest } from '../../src/methods/ptq';
import { activationHooks } from '../../src/quant/activations';
import { free, tiny, tinyConfig, tinySettings, type Tiny } from './tiny';
import type { Quantized } from '../../src/methods/method';

const settings = { batches: 3, ascents: 60, rate: 3e-3 };
const ids = (bank: Bank) => BANK_PARTS.map((part) => bank[part].map(({ ids: x }) => [...x!.dataSync()]));

describe('methods: fixed bank', () => {
  let t: Tiny;
  before(async () => { t = await tiny(); });
  after(() => t.dispose());
  const measure = (bank: Bank, q: Quantized) => onBank(bank, t.teacher, q.params, activationHooks(q.plan), tinyConfig.divergence);

  it('is the same whatever the seed of the run, its parts differ, and no tensor stays behind', async () => {
    const start = tensorCount(), one = await makeBank(t.job(), tinyConfig, settings), other = await makeBank(t.job({ seed: 99 }), tinyConfig, settings), [random, frozen, adversarial] = ids(one);
    assert.deepEqual(ids(one), ids(other));
    assert.notDeepEqual(random, frozen);
    assert.notDeepEqual(frozen, adversarial);
    disposeBank(one), disposeBank(other);
    assert.equal(tensorCount(), start);
  });

  it('full precision has no divergence on it; the stored adversary is harder for rounding than the generator as it came', async () => {
    const bank = await makeBank(t.job(), { ...tinyConfig, batch: 16 }, settings), q = roundToNearest(t.job()), full = await onBank(bank, t.teacher, t.teacher.params, {}, tinyConfig.divergence), rounded = await measure(bank, q);
    for (const part of BANK_PARTS) assert.ok(full[part] < 1e-6 && rounded[part] > 0.01, `${part}: ${full[part]}, ${rounded[part]}`);
    assert.ok(rounded.adversarial > rounded.frozen, `${rounded.adversarial} against ${rounded.frozen}`);
    assert.ok(Math.abs(rounded.mean - (rounded.random + rounded.frozen + rounded.adversarial) / 3) < 1e-7);
    disposeBank(bank), free(q);
  });

  it('trap: by its own divergence a collapsed generator looks best, on the bank it does not', async () => {
    const config = { ...tinySettings('qatRandom'), steps: 150 } as never, bank = await makeBank(t.job(), tinyConfig, settings);
    const collapsed = await qatRandom.run(t.job({ vocabulary: Int32Array.of(7) }), config), sound = await qatRandom.run(t.job(), config);
    const own = (q: Quantized) => q.history.slice(-10).reduce((sum, { student }) => sum + student / 10, 0), [c, s] = [await measure(bank, collapsed), await measure(bank, sound)];
    assert.ok(own(collapsed) < own(sound), `own divergence: ${own(collapsed)}, ${own(sound)}`);
    assert.ok(c.mean > 1.2 * s.mean, `on the bank: ${c.mean}, ${s.mean}`);
    disposeBank(bank), free(collapsed), free(sound);
  });

  it('needs a generator, and stops when it is asked to', async () => {
    await assert.rejects(makeBank(t.job({ generator: undefined }), tinyConfig, settings), /a bank needs the generator/);
    const start = tensorCount();
    await assert.rejects(makeBank(t.job({ signal: { aborted: true } }), tinyConfig, settings), /stopped after 0 of 60/);
    assert.equal(tensorCount(), start);
  });
});
