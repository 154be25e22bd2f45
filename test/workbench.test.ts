// A model of one's own: opened, exported and verified, and every mistake in one sentence.
import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pocketModelPath } from '../datasets';
import { dispose, disposeQuantized, quantize, saveQuantized } from '../src';
import { modelFolder } from '../src/commands/modelFolder';
import { exportModel, makeScorer, openTeacher, verifyExport } from '../src/workbench';

describe('workbench', function () {
  this.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), 'zsaq-workbench-')), at = (name: string) => join(folder, name);
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('takes a model from its folder to an export that is found equal', async () => {
    const teacher = await openTeacher(pocketModelPath('pocket-bert')), scorer = makeScorer('pocket-sentiment', undefined, teacher.model, teacher.tokenizer);
    assert.equal(scorer.task.name, 'pocket-sentiment');
    const result = await quantize({ teacher, tokenizer: teacher.tokenizer, bits: 'W2A8', method: 'ptq' });
    saveQuantized(at('model'), { ...result, config: teacher.config, copyFrom: teacher.dir, card: { base: 'mine', method: 'ptq', bits: 'W2A8', seed: 0, trainedOn: [] } });
    assert.equal((await exportModel(at('model'), { format: 'packed', out: at('packed') })).format, 'packed');
    const { ok, verdicts, failures } = await verifyExport(at('packed'));
    assert.deepEqual([ok, verdicts.length, failures], [true, 1, []]);
    await assert.rejects(openTeacher(at('model')), { code: 'mismatch', message: /is already quantized: give the full-precision model$/ });
    await assert.rejects(exportModel(at('model'), { format: 'compressed-tensors', out: at('compressed') }), { code: 'unsupported', message: /zero point 1\.5/ });
    await assert.rejects(exportModel(at('model'), { format: 'gguf' as never, out: at('gguf') }), { code: 'usage' });
    disposeQuantized(result), dispose(teacher.params);
  });

  it('finds bundled models, those of ZSAQ_MODELS and those made here by their names alone', async () => {
    const before = { ...process.env }, place = (path: string): string => {
      mkdirSync(at(path), { recursive: true });
      writeFileSync(join(at(path), 'config.json'), '{}');
      return at(path);
    };
    const shared = place('shared/theirs'), made = place('made/ours/model');
    Object.assign(process.env, { ZSAQ_MODELS: at('shared'), ZSAQ_MADE: at('made') });
    try {
      assert.deepEqual([await modelFolder('theirs'), await modelFolder('ours'), await modelFolder('pocket-bert'), await modelFolder(shared)], [shared, made, pocketModelPath('pocket-bert'), shared]);
      await assert.rejects(modelFolder('nobodys'), { code: 'missing', message: /^there is no model "nobodys": no folder of that name here, .*: give a folder, or a name on the hub as org\/name$/ });
    } finally {
      for (const name of ['ZSAQ_MODELS', 'ZSAQ_MADE']) if (before[name] === undefined) delete process.env[name]; else process.env[name] = before[name];
    }
  });

  it('tells a mistake in one sentence', async () => {
    const offline = process.env.HF_HUB_OFFLINE;
    process.env.HF_HUB_OFFLINE = '1';
    try {
      await assert.rejects(openTeacher('nobody/nothing-of-this-name'), { code: 'missing', message: /^nobody\/nothing-of-this-name is no folder and not complete in the cache, and HF_HUB_OFFLINE forbids to fetch it: .*$/ });
      await assert.rejects(openTeacher(at('nowhere')), { code: 'missing', message: /nowhere is not there: give a folder with config\.json and weights$/ });
      await assert.rejects(verifyExport(folder), { code: 'missing' });
    } finally {
      if (offline === undefined) delete process.env.HF_HUB_OFFLINE;
      else process.env.HF_HUB_OFFLINE = offline;
    }
  });
});
