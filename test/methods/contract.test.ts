// What every trained method owes its callers; methods run on tiny random models.
import assert from 'node:assert/strict';
import { tf } from '../../src/core/backend';
import { tensorCount } from '../../src/core/memory';
import { ptq } from '../../src/methods/ptq';
import { fakeQuantize } from '../../src/quant/affine';
import { free, memoryStore, tiny, tinyConfig, trained, values, type Tiny } from './tiny';
import type { Entry, Quantized } from '../../src/methods/method';
import { GRAPH_STEPS } from '../../src/methods/trainer';

type Run = (job: ReturnType<Tiny['job']>, config: object) => Promise<Quantized>;

for (const [id, method] of Object.entries(trained)) {
  describe(`methods: contract of ${id}`, () => {
    const run = method.run as unknown as Run;
    let t: Tiny;
    before(async () => { t = await tiny(); });
    after(() => t.dispose());

    it('gives the same result for the same seed, another for another', async () => {
      const [a, b, c] = [await run(t.job(), tinyConfig), await run(t.job(), tinyConfig), await run(t.job({ seed: 4 }), tinyConfig)];
      assert.deepEqual(values(a), values(b));
      assert.deepEqual(a.history, b.history);
      assert.notDeepEqual(values(a), values(c));
      [a, b, c].forEach(free);
    });

    it('leaves teacher and generator as they were', async () => {
      const before = [values(t.teacher), values(t.generator)];
      free(await run(t.job(), tinyConfig));
      assert.deepEqual([values(t.teacher), values(t.generator)], before);
    });

    it('changes the student and obeys the plan: every weight lies on its grid, heads and embeddings as planned', async () => {
      const job = t.job(), q = await run(job, tinyConfig);
      for (const [name, spec] of Object.entries(job.plan.weights)) {
        const again = tf.tidy(() => fakeQuantize(q.params[name], q.affines[name], spec).dataSync());
        const own = q.params[name].dataSync(), scale = Math.max(...q.affines[name].scale.dataSync());
        own.forEach((x, i) => assert.ok(Math.abs(x - again[i]) <= 1e-5 * scale, `${name}[${i}]`));
      }
      const moved = job.teacher.model.paramNames.filter((n) => String(values(q)[n]) !== String([...job.teacher.params[n].dataSync()]));
      assert.ok(moved.includes('bert.encoder.layer.0.attention.self.query.bias'), 'biases are trained');
      assert.ok(!moved.some((n) => /pooler|classifier/.test(n)), 'heads stay in full precision');
      free(q);
    });

    it('reports every step and ends within one when it is cancelled', async () => {
      const seen: Entry[] = [], signal = { aborted: false };
      const q = await run(t.job({ signal, onProgress: ({ entry }) => { seen.push(entry); if (seen.length === 3) signal.aborted = true; } }), tinyConfig);
      assert.equal(q.status, 'cancelled');
      assert.deepEqual(seen.map((e) => e.step), [1, 2, 3]);
      assert.ok(seen.every((e) => e.student > 0 && e.gradientNorm > 0));
      free(q);
    });

    it('continues after a kill at any step with bit-identical results', async () => {
      const config = { ...tinyConfig, steps: 45, seq: 6 };
      const whole = await run(t.job(), config);
      for (const killed of [1, 20, 44]) {
        const store = memoryStore();
        const kill = run(t.job({ checkpoints: store, onProgress: ({ step }) => { if (step === killed) throw new Error('killed'); } }), config);
        await assert.rejects(kill, /killed/);
        const continued = await run(t.job({ checkpoints: store }), config);
        assert.deepEqual(values(continued), values(whole), `killed at step ${killed}`);
        assert.deepEqual(continued.history, whole.history);
        free(continued);
      }
      free(whole);
    }).timeout(120_000);

    const steps = id === 'samSga' ? 1000 : 200; // the longer one has every kind of tensor
    it(`keeps no tensor over ${steps} steps`, async () => {
      const counts: number[] = [], start = tensorCount();
      const q = await run(t.job({ onProgress: ({ step }) => { if (step % 20 === 10) counts.push(tensorCount()); } }), { ...tinyConfig, steps, seq: 6, checkpointSeconds: 600 });
      assert.equal(new Set(counts).size, 1, `tensors alive at steps 10, 30, ...: ${counts.join(', ')}`);
      free(q);
      assert.equal(tensorCount(), start);
    }).timeout(240_000);

    it('rolls back once at half the rate when a loss is not finite, then ends as diverged with its last good state', async () => {
      const broken = { ...t.teacher, model: poisoned(t.teacher.model, 25) };
      const q = await run(t.job({ teacher: broken }), { ...tinyConfig, steps: GRAPH_STEPS - 1 });
      assert.equal(q.status, 'diverged');
      assert.equal(q.cost.steps, 20, 'the last snapshot before the fault');
      assert.ok(Object.values(values(q)).every((v) => v.every(Number.isFinite)));
      const once = { ...t.teacher, model: poisoned(t.teacher.model, 25, 26) };
      const recovered = await run(t.job({ teacher: once }), { ...tinyConfig, steps: 30 });
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

describe('methods: round to nearest', () => {
  it('is the fitted quantizer applied to the teacher, without leaks', async () => {
    const t = await tiny(), start = tensorCount(), q = await ptq.run(t.job(), {});
    const name = t.teacher.model.linears[0].weight, expected = tf.tidy(() => fakeQuantize(t.teacher.params[name], q.affines[name], t.job().plan.weights[name]).dataSync());
    assert.deepEqual([...q.params[name].dataSync()], [...expected]);
    assert.equal(q.status, 'ok');
    free(q);
    assert.equal(tensorCount(), start);
    t.dispose();
  });
});
