// What every method owes its callers; methods run on tiny random models.
import assert from 'node:assert/strict';
import { tf } from '../../src/core/backend';
import { tensorCount } from '../../src/core/memory';
import { GRAPH_STEPS } from '../../src/methods/trainer';
import { METHODS } from '../../src/quantize';
import { fakeQuantize } from '../../src/quant/affine';
import { makePlan } from '../../src/quant/plan';
import { free, memoryStore, methodOf, tiny, tinyData, tinyPlan, tinySettings, values, type Tiny } from './tiny';
import type { Entry, Job, MethodId, Quantized } from '../../src/methods/method';

/** Every method, and the forms of it that run other code. */
const FORMS: Partial<Record<MethodId, Record<string, unknown>[]>> = {
  zeroQuant: [{}, { lkd: 'on', inputs: 'random' }, { lkd: 'on', inputs: 'real' }],
  gptq: [{}, { inputs: 'random', order: 'activation' }, { inputs: 'real' }],
};
/** Methods in which nothing is drawn and nothing takes steps. */
const AT_ONCE: readonly MethodId[] = ['full', 'ptq'];
/** Methods on the loop of `methods/distill`. */
const DISTILLED: readonly MethodId[] = ['qatReal', 'qatRandom', 'llmQat', 'adversarial', 'samSga'];

for (const id of Object.keys(METHODS) as MethodId[]) for (const form of FORMS[id] ?? [{}]) contract(id, form);

function contract(id: MethodId, form: Record<string, unknown>): void {
  describe(`methods: contract of ${[id, ...Object.values(form)].join(' ')}`, () => {
    const method = methodOf(id), config = tinySettings(id, form), atOnce = AT_ONCE.includes(id) || config.lkd === 'off', distilled = DISTILLED.includes(id);
    let t: Tiny;
    before(async () => { t = await tiny(); });
    after(() => t.dispose());
    const job = (changes: Partial<Job> = {}): Job => t.job({
      plan: makePlan(t.teacher.model, { ...tinyPlan, ...method.plan?.(t.teacher.model, config) }), ...(method.needs(config) === 'data' ? { data: tinyData().data } : {}), ...changes,
    });
    const run = (changes: Partial<Job> = {}, other: Record<string, unknown> = {}): Promise<Quantized> => method.run(job(changes), { ...config, ...other });

    it('gives the same result for the same seed, another for another', async () => {
      const [a, b, c] = [await run(), await run(), await run({ seed: 4 })];
      assert.deepEqual(values(a), values(b));
      assert.deepEqual(a.history, b.history);
      if (atOnce) assert.deepEqual(values(a), values(c));
      else assert.notDeepEqual(values(a), values(c));
      [a, b, c].forEach(free);
    });

    it('leaves teacher and generator as they were, and no tensor behind', async () => {
      const before = [values(t.teacher), values(t.generator)], start = tensorCount();
      free(await run());
      assert.equal(tensorCount(), start);
      assert.deepEqual([values(t.teacher), values(t.generator)], before);
    });

    it('reads real data if it says so, and never otherwise', async () => {
      const counted = tinyData();
      free(await run({ data: counted.data }));
      assert.equal(counted.asked, method.needs(config) === 'data' ? 1 : 0);
    });

    it('changes the student and obeys the plan: every weight lies on its grid, heads and embeddings as planned', async () => {
      const { plan } = job(), q = await run(), { model, params } = t.teacher;
      for (const [name, spec] of Object.entries(plan.weights)) {
        const again = tf.tidy(() => fakeQuantize(q.params[name], q.affines[name], spec).dataSync());
        const own = q.params[name].dataSync(), scale = Math.max(...q.affines[name].scale.dataSync());
        own.forEach((x, i) => assert.ok(Math.abs(x - again[i]) <= 1e-5 * scale, `${name}[${i}]`));
      }
      assert.deepEqual(Object.keys(q.affines), Object.keys(plan.weights));
      const moved = model.paramNames.filter((n) => String(values(q)[n]) !== String([...params[n].dataSync()]));
      const trains = distilled || config.lkd === 'on';
      assert.equal(moved.includes('bert.encoder.layer.0.attention.self.query.bias'), trains, 'biases are trained where something is trained');
      assert.ok(!moved.some((n) => /pooler|classifier/.test(n)), 'heads stay in full precision');
      if (!trains) assert.deepEqual(moved.sort(), Object.keys(plan.weights).sort(), 'what is not in the plan stays as it is');
      free(q);
    });

    if (atOnce) return;

    it('reports every step and ends within one when it is cancelled', async () => {
      const seen: Entry[] = [], signal = { aborted: false };
      const q = await run({ signal, onProgress: ({ method: name, entry, step, steps }) => {
        assert.ok(name === id && step === entry.step && steps > 3);
        seen.push(entry);
        if (seen.length === 3) signal.aborted = true;
      } });
      assert.equal(q.status, 'cancelled');
      assert.deepEqual(seen.map((e) => e.step), [1, 2, 3]);
      assert.ok(seen.every((e) => e.student > 0 && e.gradientNorm !== 0));
      assert.deepEqual(Object.keys(q.params).sort(), [...t.teacher.model.paramNames].sort(), 'what is returned is complete');
      free(q);
      const none = await run({ signal: { aborted: true } });
      assert.deepEqual([none.status, none.history.length], ['cancelled', 0]);
      free(none);
    });

    it('continues after a kill with bit-identical results', async () => {
      const longer = { ...('steps' in config ? { steps: 45 } : {}), seq: 6 }, whole = await run({}, longer);
      for (const killed of id === 'samSga' ? [1, 20, 44] : [Math.ceil(whole.history.length / 2)]) {
        const store = memoryStore();
        const kill = run({ checkpoints: store, onProgress: ({ step }) => { if (step === killed) throw new Error('killed'); } }, longer);
        await assert.rejects(kill, /killed/);
        const continued = await run({ checkpoints: store }, longer);
        assert.deepEqual(values(continued), values(whole), `killed at step ${killed}`);
        assert.deepEqual(continued.history, whole.history);
        free(continued);
      }
      free(whole);
    }).timeout(120_000);

    if (!distilled) return;

    const steps = id === 'samSga' ? 1000 : 60; // the longer one has every kind of tensor
    it(`keeps no tensor over ${steps} steps`, async () => {
      const counts: number[] = [], start = tensorCount();
      const q = await run({ onProgress: ({ step }) => { if (step % 20 === 10) counts.push(tensorCount()); } }, { steps, seq: 6, checkpointSeconds: 600 });
      assert.equal(new Set(counts).size, 1, `tensors alive at steps 10, 30, ...: ${counts.join(', ')}`);
      free(q);
      assert.equal(tensorCount(), start);
    }).timeout(240_000);

    it('refuses the checkpoint of another run', async () => {
      const store = memoryStore();
      await run({ checkpoints: store, signal: { get aborted() { return store.saved.length > 0; } } }).then(free);
      const other = { load: () => store.saved.at(-1)!, save: () => undefined };
      await assert.rejects(run({ checkpoints: other, seed: 4 }), /of another run, with another seed/);
      await assert.rejects(run({ checkpoints: other }, { rate: 0.5 }), /with another rate/);
      free(await run({ checkpoints: other }));
    }).timeout(60_000);

    it('rolls back once at half the rate when a loss is not finite, then ends as diverged with its last good state', async () => {
      const broken = { ...t.teacher, model: poisoned(t.teacher.model, 25) };
      const q = await run({ teacher: broken }, { steps: GRAPH_STEPS - 1 });
      assert.equal(q.status, 'diverged');
      assert.equal(q.cost.steps, 20, 'the last snapshot before the fault');
      assert.ok(Object.values(values(q)).every((v) => v.every(Number.isFinite)));
      const once = { ...t.teacher, model: poisoned(t.teacher.model, 25, 26) };
      const recovered = await run({ teacher: once }, { steps: 30 });
      assert.equal(recovered.status, 'ok');
      assert.equal(recovered.history.length, 30);
      free(q);
      free(recovered);
    }).timeout(120_000);
  });
}

/** The model, with NaN among its logits in the forward passes of the steps from `first` on (before `last`); only a run without graphs calls it at every step. */
function poisoned(model: Tiny['teacher']['model'], first: number, last = Infinity): typeof model {
  let teacherCalls = 0;
  return { ...model, forward(params, inputs, hooks) {
    const out = model.forward(params, inputs, hooks);
    if (hooks === undefined && inputs.ids) teacherCalls++; // the teacher answers each student batch once
    const bad = hooks === undefined && inputs.ids && teacherCalls >= first && teacherCalls < last;
    return bad ? { ...out, logits: tf.mul(out.logits, NaN) } : out;
  } };
}
