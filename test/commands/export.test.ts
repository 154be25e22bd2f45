import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { bert, lastJson, scratch, zsaq } from './helpers';

describe('zsaq export and verify', () => {
  const s = scratch(), run = s.path('run'), out = s.path('out');
  after(() => s.remove());

  before(async () => {
    const { code, stderr } = await zsaq('quantize', '--model', bert, '--method', 'ptq', '--bits', 'W2A8', '--task', 'pocket-sentiment', '--out', run);
    assert.equal(code, 0, stderr);
  });

  it('exports a run with its card and finds it equal', async () => {
    const exported = await zsaq('export', '--model', `${run}/model`, '--format', 'packed', '--out', out, '--licence', 'Apache-2.0');
    assert.equal(exported.code, 0, exported.stderr);
    assert.match(exported.stdout, /sum of the parts +\d+\.\d\d\n[\s\S]*bits a parameter/);
    const card = readFileSync(`${out}/README.md`, 'utf8');
    assert.match(card, /license: "Apache-2\.0"\nbase_model: "pocket-bert"/);
    assert.match(card, /\| pocket-sentiment \| accuracy \| \d\d\.\d\d \| 99\.27 \| 1500 \|\n\nFrom \[metrics\.json\]\(metrics\.json\)/);
    assert.ok(existsSync(`${out}/metrics.json`));
    const verified = await zsaq('verify', out, '--json'), json = lastJson(verified) as { ok: boolean; verdicts: { difference: number }[] };
    assert.deepEqual([verified.code, json.ok, json.verdicts.length], [0, true, 1]);
    assert.ok(json.verdicts[0].difference < 1e-4);
  });

  it('a folder for transformers.js names its dtype and has a tokenizer.json', async () => {
    const { code } = await zsaq('export', '--model', `${run}/model`, '--format', 'transformers-js', '--out', s.path('page'));
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(readFileSync(s.path('page', 'page.json'), 'utf8')), { dtype: 'q2', head: 'classification', maxLength: 64 });
    for (const name of ['onnx/model_q2.onnx', 'tokenizer.json', 'index.html', 'config.json']) assert.ok(existsSync(s.path('page', name)), name);
    assert.equal(JSON.parse(readFileSync(s.path('page', 'config.json'), 'utf8')).quantization_config, undefined);
  });

  it('a mistake is one sentence', async () => {
    for (const [args, sentence, code] of [
      [['export', '--model', `${run}/model`, '--out', out], /--format is missing: choose packed/, 2],
      [['export', '--model', `${run}/model`, '--format', 'gguf', '--out', out], /--format gguf: choose packed, compressed-tensors/, 2],
      [['export', '--model', bert, '--format', 'packed', '--out', s.path('full')], /is in full precision, and packed holds quantized models/, 1],
      [['export', '--model', `${run}/model`, '--format', 'packed', '--out', run], /holds files of something else/, 2],
      [['verify'], /verify: say which folder to verify/, 2], [['verify', out, 'more'], /unexpected "more"/, 2], [['verify', run], /there is no zsaq-export\.json in/, 1],
    ] as const) {
      const ended = await zsaq(...args);
      assert.match(ended.stderr, new RegExp(`^zsaq: .*${sentence.source}.*\\n$`));
      assert.equal(ended.code, code);
    }
    writeFileSync(`${out}/model.safetensors`, 'short');
    const damaged = await zsaq('verify', out);
    assert.match(damaged.stderr, /^zsaq: "model\.safetensors" in .* has 5 bytes and zsaq-export\.json says \d+: .*\n$/);
  });
});
