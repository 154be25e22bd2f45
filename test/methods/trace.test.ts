// A traced step is the step of a run: the same numbers, and more of them.
import assert from 'node:assert/strict';
import { tensorCount } from '../../src/core/memory';
import { samSga } from '../../src/methods/samSga';
import { traceSteps } from '../../src/methods/trace';
import { free, tiny, tinyConfig, type Tiny } from './tiny';

describe('methods/trace', () => {
  let t: Tiny;
  before(async () => { t = await tiny(); });
  after(() => t.dispose());

  it('says what the run says, step by step, and leaves no tensor', async () => {
    const start = tensorCount(), trace = await traceSteps(t.job(), tinyConfig, tinyConfig.steps), run = await samSga.run(t.job(), tinyConfig);
    assert.equal(trace.length, run.history.length);
    const near = (a: number, b: number, what: string) => assert.ok(Math.abs(a - b) <= 1e-4 * Math.max(1, Math.abs(b)), `${what}: ${a} and ${b}`);
    run.history.forEach((entry, i) => {
      const step = trace[i];
      assert.equal(step.step, entry.step);
      near(step.divergence, entry.student, 'divergence');
      near(step.generator!, entry.generator!, 'generator');
      near(step.perturbed / step.divergence - 1, entry.sharpness!, 'sharpness');
      near(step.relativeRadius, entry.relativeRadius!, 'radius');
      near(step.codesMoved, entry.codesMoved!, 'codes moved');
    });
    free(run);
    assert.equal(tensorCount(), start);
  });

  it('the perturbation climbs more than a random one and about as a straight line says, and the update helps on its own batch', async () => {
    const config = { ...tinyConfig, beta: 1e-3, batch: 16, schedule: { kind: 'constant', warmup: 0, floor: 0 } as const }, trace = await traceSteps(t.job(), config, 6), sum = (f: (s: typeof trace[number]) => number) => trace.reduce((all, s) => all + f(s), 0);
    for (const s of trace) {
      assert.ok(s.perturbed - s.divergence > Math.abs(s.random - s.divergence), `${s.perturbed} and ${s.random} from ${s.divergence}`);
      assert.ok(Math.abs(s.perturbed - s.predicted) < 0.5 * (s.predicted - s.divergence), `${s.perturbed}, foretold ${s.predicted}`);
      assert.ok(Math.abs((s.predicted - s.divergence) / (s.radius * s.gradientNorm) - 1) < 1e-2, 'of a ball the perturbation lies along the gradient');
      assert.ok(s.codesChanged > 0 && s.codesChanged < 0.5 && s.latentBefore < s.divergence);
    }
    assert.ok(sum((s) => s.after) < sum((s) => s.divergence), 'quantized again, it is better than before');
    const [adaptive] = await traceSteps(t.job(), { ...config, adaptive: true }, 1);
    assert.ok(Math.abs(adaptive.perturbed - adaptive.predicted) < 0.5 * (adaptive.predicted - adaptive.divergence) && adaptive.predicted - adaptive.divergence < 0.99 * adaptive.radius * adaptive.gradientNorm, `${adaptive.predicted}: of another neighbourhood it does not`);
  });

  it('refuses the cheaper forms of the step', async () => {
    for (const changes of [{ sam: 'off' as const }, { stepsPerBatch: 2 }, { look: { every: 2, reuse: 0.7 } }, { layerwise: { ...tinyConfig.layerwise, steps: 6 } }]) await assert.rejects(traceSteps(t.job(), { ...tinyConfig, ...changes }, 1), { code: 'unsupported' });
    await assert.rejects(traceSteps(t.job({ generator: undefined }), tinyConfig, 1), { code: 'missing' });
  });
});
