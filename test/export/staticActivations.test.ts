// Static activations are part of the packed model: what is read back computes what was written.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stream } from '../../src/core/random';
import { dispose } from '../../src/core/tree';
import { loadRunnable, saveQuantized } from '../../src/export/packed';
import { loadSource } from '../../src/export/source';
import { writeExport } from '../../src/export/write';
import { calibrate } from '../../src/methods/calibrate';
import { ptq } from '../../src/methods/ptq';
import { randomSource } from '../../src/methods/source';
import { activationHooks } from '../../src/quant/activations';
import { activationDefaults, makePlan } from '../../src/quant/plan';
import { free, tiny, tinyConfig, tinyPlan, type Tiny } from '../methods/tiny';

describe('export: packed models with static activations', () => {
  let t: Tiny, dir: string;
  before(async () => { t = await tiny(); dir = mkdtempSync(join(tmpdir(), 'zsaq-static-')); });
  after(() => { t.dispose(); rmSync(dir, { recursive: true, force: true }); });

  it('come back with their scales, by group and mixed by layer, and give the same answers bit for bit', async () => {
    const options = { ...tinyPlan, learned: false, granularity: { group: 4 }, rules: { '*.layer.0.*': { bits: 4, grid: 'asymmetric' } } } as const;
    const open = makePlan(t.teacher.model, { ...options, activation: { ...activationDefaults, range: 'static', scale: 'percentile', oneSided: 'asymmetric', probabilities: true, rules: { '*.1.output.dense': { granularity: 'row' } } } });
    const source = randomSource(t.job(), { ...tinyConfig, form: 'single' }, new Stream('calibration', 1)), plan = calibrate(t.teacher, open, () => source.next(), 2);
    const q = await ptq.run(t.job({ plan }), {});
    saveQuantized(dir, { config: t.teacher.config, params: q.params, affines: q.affines, plan: q.plan });
    const read = await loadRunnable(dir), { inputs } = source.next();
    assert.deepEqual(read.plan, plan);
    const answers = [t.teacher.model.forward(q.params, inputs, activationHooks(plan)), read.model.forward(read.params, inputs, read.hooks)].map(({ logits }) => [...logits.dataSync()]);
    assert.deepEqual(answers[1], answers[0]);
    assert.notDeepEqual([...t.teacher.model.forward(q.params, inputs).logits.dataSync()], answers[0], 'the hooks do something');
    const exported = await loadSource(dir), facts = { base: 'tiny', licence: 'none', method: 'round to nearest', bits: 'W2A8', seed: 0, trainedOn: [] };
    assert.throws(() => writeExport(exported, { format: 'onnx-exact', out: join(dir, 'elsewhere'), facts }), /which onnx-exact does not hold: export it as packed/);
    dispose(read.params, exported.params);
    free(q);
  });

  it('a folder whose static scale is missing or impossible is refused', async () => {
    const path = join(dir, 'config.json'), config = JSON.parse(readFileSync(path, 'utf8')) as { quantization_config: { activations: Record<string, { fixed?: unknown }> } };
    const [site, spec] = Object.entries(config.quantization_config.activations).find(([, a]) => a.fixed)!;
    for (const [fixed, message] of [[undefined, /have no scale/], [{ scale: -1, zero: 0 }, /fixed scale is a number above 0/]] as const) {
      config.quantization_config.activations[site] = { ...spec, fixed };
      writeFileSync(path, JSON.stringify(config));
      await assert.rejects(loadRunnable(dir), message);
    }
  });
});
