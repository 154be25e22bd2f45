// What watching a run for failures changes (nothing), and what it does at one.
import assert from 'node:assert/strict';
import { tensorCount } from '../../src/core/memory';
import { samSga } from '../../src/methods/samSga';
import { HELD_STEPS } from '../../src/methods/watch';
import { makePlan, type PlanOptions } from '../../src/quant/plan';
import { free, memoryStore, tiny, tinyConfig, tinyPlan, values, type Tiny } from './tiny';
import type { Job, Quantized } from '../../src/methods/method';
import type { SamSgaConfig } from '../../src/methods/config';
import type { Warning } from '../../src/train/monitor';

describe('methods/watch', () => {
  let t: Tiny;
  before(async () => { t = await tiny(); });
  after(() => t.dispose());
  const run = (job: Partial<Job>, config: Partial<SamSgaConfig> = {}): Promise<Quantized> => samSga.run(t.job({ plan: makePlan(t.teacher.model, fine), ...job }), { ...tinyConfig, steps: 24, ...config });
  /** Eight bits: near the teacher, so that there is something to lose. */
  const fine: PlanOptions = { ...tinyPlan, weights: 8, grid: 'symmetric' };
  /** Steps so large that the student is lost at once. */
  const wild: Partial<SamSgaConfig> = { steps: 36, rate: 1, clip: 1e6, checkpointSeconds: 600 };

  it('a watched run computes what an unwatched one does, and keeps no tensor', async () => {
    const start = tensorCount(), plain = await run({}), watched = await run({ onFailure: 'warn' });
    assert.deepEqual(values(watched), values(plain));
    assert.deepEqual(watched.history.map((e) => ({ ...e, held: null })), plain.history);
    assert.deepEqual(watched.history.flatMap((e) => (e.held === null ? [] : [e.step])), [1, 1 + HELD_STEPS, 1 + 2 * HELD_STEPS]);
    assert.ok(watched.history[0].held! > 0 && plain.warnings!.length === 0);
    free(plain);
    free(watched);
    assert.equal(tensorCount(), start);
  });

  it('stop ends a run at its first warning, warn goes on', async () => {
    const told: Warning[] = [], stopped = await run({ onFailure: 'stop', onWarning: (w) => told.push(w) }, wild), warned = await run({ onFailure: 'warn' }, wild);
    assert.equal(stopped.status, 'stopped');
    assert.ok(stopped.cost.steps < wild.steps! && told.length === 1 && told[0].signature === 'instability');
    assert.deepEqual(stopped.warnings, told);
    assert.deepEqual([warned.status, warned.cost.steps], ['ok', wild.steps]);
    assert.deepEqual(warned.warnings![0], told[0]);
    free(stopped);
    free(warned);
  });

  it('rollback goes back before the failure, and then ends well or, the second time, where it was still sound', async () => {
    const start = tensorCount(), steps: number[] = [], q = await run({ onFailure: 'rollback', onProgress: ({ step }) => { steps.push(step); } }, wild);
    const again = steps.findIndex((step, i) => i > 0 && step <= steps[i - 1]);
    assert.ok(again > 0 && steps[again] === 1, 'back to the start: the first snapshot');
    assert.deepEqual([q.cost.steps, q.history.length], q.status === 'stopped' ? [0, 0] : [wild.steps, wild.steps]);
    assert.ok(q.warnings!.length > 0, 'what was seen before is still known');
    free(q);
    assert.equal(tensorCount(), start);
  });

  it('a watched run that is continued warns as an undisturbed one', async () => {
    const whole = await run({ onFailure: 'warn' }, wild), store = memoryStore();
    await assert.rejects(run({ onFailure: 'warn', checkpoints: store, onProgress: ({ step }) => { if (step === 30) throw new Error('killed'); } }, { ...wild, checkpointSeconds: 0 }), /killed/);
    const continued = await run({ onFailure: 'warn', checkpoints: store }, wild);
    assert.deepEqual(continued.warnings, whole.warnings);
    assert.deepEqual(continued.history, whole.history);
    free(whole);
    free(continued);
  });
});
