// What watching a run for failures changes (nothing), and what it does at one.
import assert from 'node:assert/strict';
import { tensorCount } from '../../src/core/memory';
import { SNAPSHOT_STEPS } from '../../src/methods/distill';
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

  it('a run that rolls back and is killed and continued goes back as far as an undisturbed one', async () => {
    // it fails at step 34, with a snapshot at 20 that may show the failure already and one at 0
    const settings: Partial<SamSgaConfig> = { ...wild, steps: 39, rate: 5e-4, schedule: { ...tinyConfig.schedule, warmup: 0.99 }, batch: 2, seq: 6 }, start = tensorCount();
    const steps = async (job: Partial<Job>, more: Partial<SamSgaConfig> = {}): Promise<{ steps: number[]; q: Quantized }> => {
      const seen: number[] = [], q = await run({ onFailure: 'rollback', onProgress: ({ step }) => { seen.push(step); }, ...job }, { ...settings, ...more });
      return { steps: seen, q };
    };
    const whole = await steps({}), back = whole.steps.findIndex((step, i) => i > 0 && step <= whole.steps[i - 1]);
    assert.ok(back > SNAPSHOT_STEPS && whole.steps[back] === 1, `${whole.steps}`);
    const store = memoryStore(), last = whole.steps[back - 1];
    await assert.rejects(steps({ checkpoints: store, onProgress: ({ step }) => { if (step === SNAPSHOT_STEPS + 2) throw new Error('killed'); } }, { checkpointSeconds: 0 }), /killed/);
    const continued = await steps({ checkpoints: store }), again = continued.steps.findIndex((step, i) => i > 0 && step <= continued.steps[i - 1]);
    assert.deepEqual([continued.steps[again - 1], continued.steps[again]], [last, 1]);
    assert.deepEqual(values(continued.q), values(whole.q));
    free(whole.q);
    free(continued.q);
    assert.equal(tensorCount(), start);
  });

  it('a rollback keeps the layer-wise start, and draws what it drew', async () => {
    const store = memoryStore(), tokens: string[] = [], steps: number[] = [];
    const q = await run({ onFailure: 'rollback', checkpoints: store, onProgress: ({ step, tokens: t }) => { if (step > 0) { steps.push(step); tokens.push(String(t)); } } }, { ...wild, sga: 'off', checkpointSeconds: 0, layerwise: { ...tinyConfig.layerwise, steps: 4 } });
    const again = steps.findIndex((step, i) => i > 0 && step <= steps[i - 1]);
    assert.ok(again > 0 && steps[again] === 1, `${steps}`);
    assert.ok(store.saved.length > 1 && store.saved.every(({ state }) => state.begun === true));
    assert.equal(tokens[again], tokens[0]);
    free(q);
  });

  it('a checkpoint of another model is refused, and nothing is left', async () => {
    const start = tensorCount(), store = memoryStore();
    free(await run({ checkpoints: store }, { checkpointSeconds: 0, steps: 2 }));
    const saved = store.saved.at(-1)!;
    store.save({ ...saved, tensors: Object.fromEntries(Object.entries(saved.tensors).slice(1)) }); // one weight fewer
    await assert.rejects(run({ checkpoints: store }, { checkpointSeconds: 0, steps: 2 }), { code: 'mismatch', message: /belongs to another model or plan/ });
    await assert.rejects(run({ checkpoints: { load() { throw new Error('damaged'); }, save: () => undefined } }), /damaged/);
    assert.equal(tensorCount(), start);
  });

  it('SAM with nothing to perturb is refused, and nothing is left', async () => {
    const start = tensorCount();
    await assert.rejects(run({ plan: makePlan(t.teacher.model, { ...fine, embeddings: 'none', rules: { '*': 'full' } }) }), { code: 'mismatch', message: /nothing to perturb/ });
    assert.equal(tensorCount(), start);
  });
});

