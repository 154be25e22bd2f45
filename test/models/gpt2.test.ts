// GPT-2's weights are [in, out] in files and [out, in] in memory: what is written reads back, in full precision and packed.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tf } from '../../src/core/backend';
import { dispose } from '../../src/core/tree';
import { loadRunnable, saveQuantized } from '../../src/export/packed';
import { openPretrained, savePretrained } from '../../src/io/pretrained';
import { ptq } from '../../src/methods/ptq';
import { loadModel, storedTensors } from '../../src/models/load';
import { makePlan } from '../../src/quant/plan';
import { readDump } from '../fixtures/dump';
import { free, tiny, tinyPlan, type Tiny } from '../methods/tiny';

describe('models/gpt2: files', () => {
  let t: Tiny, dir: string;
  before(async () => { t = await tiny('gpt2'); });
  after(() => t.dispose());
  beforeEach(() => { dir = join(mkdtempSync(join(tmpdir(), 'zsaq-gpt2-')), 'model'); });
  afterEach(() => rmSync(join(dir, '..'), { recursive: true }));

  it('every linear weight is [out, in] in memory', () => {
    const { shapes, linears, storedTransposed } = t.teacher.model, stored = readDump('models', 'gpt2', 'model.safetensors');
    assert.deepEqual(linears.map(({ weight }) => weight), [...storedTransposed!]);
    for (const [name, { shape }] of Object.entries(stored)) {
      assert.deepEqual(shapes[name], storedTransposed!.has(name) ? [...shape].reverse() : shape, name);
      assert.deepEqual(t.teacher.params[name].shape, shapes[name], name);
    }
    assert.deepEqual(shapes['transformer.h.0.attn.c_attn.weight'], [48, 16]);
  });

  it('storedTensors writes the very tensors of the file', async () => {
    const { model, params, config } = t.teacher, expected = readDump('models', 'gpt2', 'model.safetensors');
    savePretrained(dir, { config, tensors: storedTensors(model, params) });
    const written = openPretrained(dir);
    assert.deepEqual(written.names.slice().sort(), Object.keys(expected).sort());
    for (const name of written.names) {
      assert.deepEqual(written.info(name).shape, expected[name].shape, name);
      assert.deepEqual(Array.from(written.read(name).data as Float32Array), Array.from(expected[name].data), name);
    }
    written.close();
  });

  it('a packed model reads back bit for bit, square and unquantized weights included', async () => {
    const plan = makePlan(t.teacher.model, { ...tinyPlan, weights: 4, learned: false, rules: { '*.1.attn.c_proj.*': 'full', '*.0.mlp.c_fc.*': 'full' } });
    const result = await ptq.run(t.job({ plan }), ptq.defaults);
    saveQuantized(dir, { ...result, plan, config: t.teacher.config });
    const read = await loadRunnable(dir);
    for (const [name, x] of Object.entries(result.params)) {
      assert.deepEqual(read.params[name].shape, x.shape, name);
      const found = read.params[name].dataSync(), wrong = x.dataSync().findIndex((v, i) => v !== found[i]); // a code has no -0
      assert.equal(wrong, -1, `${name}[${wrong}]`);
    }
    const ids = tf.tensor2d([[5, 9, 33, 2]], undefined, 'int32') as never;
    const [a, b] = [result.params, read.params].map((p) => tf.tidy(() => read.model.forward(p, { ids }, read.hooks).logits));
    assert.deepEqual(Array.from(a.dataSync()), Array.from(b.dataSync()));
    await assert.rejects(loadModel(dir), /is quantized: read it with loadRunnable/, 'a packed folder is no full-precision one');
    tf.dispose([a, b, ids]);
    dispose(read.params);
    free(result);
  });
});
