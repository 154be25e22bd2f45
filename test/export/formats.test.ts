// Folders of exports: sizes, hashes, the model card, compressed-tensors in Python, and integers in place of floats.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { pocketModelPath } from '../../datasets';
import { ready, tf } from '../../src/core/backend';
import { modelCard } from '../../src/export/card';
import { integerHooks, integerLinear, integerWeight } from '../../src/export/integer';
import { checkExport, type ExportFormat } from '../../src/export/manifest';
import { loadSource } from '../../src/export/source';
import { writeExport } from '../../src/export/write';
import { quantizeTokens } from '../../src/quant/activations';
import { hasPython, python, rowsFor, saveRounded, SKIPPED } from './helpers';

const FACTS = { base: 'pocket', licence: 'Apache-2.0', method: 'round to nearest', bits: 'W4A8', seed: 0, trainedOn: [] };

describe('export: folders', () => {
  const work = mkdtempSync(join(tmpdir(), 'zsaq-export-')), at = (...parts: string[]) => join(work, ...parts);
  const made = async (name: string, bits: 2 | 3 | 4 | 8, options = {}, model: 'pocket-bert' | 'pocket-opt' = 'pocket-bert') => {
    if (!existsSync(at(name))) await saveRounded(at(name), pocketModelPath(model), bits, options);
    return loadSource(at(name));
  };
  before(ready);
  after(() => rmSync(work, { recursive: true, force: true }));

  it('packed and compressed-tensors take at most 5% more than the sum of their parts', async () => {
    for (const bits of [2, 3, 4, 8] as const) {
      const source = await made(`size${bits}`, bits, { grid: 'symmetric' });
      for (const format of ['packed', 'compressed-tensors'] as const) {
        const { sizes } = writeExport(source, { format, out: at('sized'), facts: FACTS });
        assert.ok(sizes.weights >= sizes.theory && sizes.weights <= 1.05 * sizes.theory, `${format} at ${bits} bits: ${sizes.weights} for ${sizes.theory}`);
        assert.ok(sizes.bitsPerParameter > bits && sizes.linearFull / sizes.linear > 0.9 * (32 / bits) - 1);
      }
    }
  });

  it('compressed-tensors in Python: weights equal bit for bit, logits close', async function () {
    this.timeout(240_000);
    if (!hasPython) return void console.log(SKIPPED);
    const cases: [string, 2 | 3 | 4 | 8, object, 'pocket-bert' | 'pocket-opt'][] = [
      ['ct2', 2, { grid: 'symmetric' }, 'pocket-bert'], ['ct3', 3, {}, 'pocket-opt'], ['ct4', 4, { grid: 'asymmetric', granularity: { group: 32 } }, 'pocket-bert'], ['ct8', 8, { grid: 'asymmetric' }, 'pocket-opt'],
    ];
    const dirs: string[] = [];
    for (const [name, bits, options, model] of cases) {
      const source = await made(name, bits, options, model), out = at(`${name}-out`);
      writeExport(source, { format: 'compressed-tensors', out, facts: FACTS });
      mkdirSync(at(`${name}-values`));
      for (const weight of Object.keys(source.packed)) writeFileSync(at(`${name}-values`, weight), Buffer.from(source.values(weight).slice().buffer));
      dirs.push(out, at(`${name}-values`));
    }
    const said = execFileSync(python, [join(__dirname, '../fixtures/check_compressed.py'), ...dirs], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } });
    const found = said.trim().split('\n').map((line) => JSON.parse(line) as { equal: number; relative: number });
    assert.equal(found.length, cases.length);
    for (const { equal, relative } of found) assert.ok(equal === 25 && relative < 0.1, said);
  });

  it('a zero point of one and a half is refused with the reason', async () => {
    const source = await made('half', 2);
    assert.throws(() => writeExport(source, { format: 'compressed-tensors', out: at('never'), facts: FACTS }), /stretched grid at 2 bits has the zero point 1\.5.*plan\.grid=symmetric/);
    assert.ok(!existsSync(at('never')));
  });

  it('a damaged, truncated or foreign export is refused in one sentence', async () => {
    const source = await made('size4', 4, { grid: 'symmetric' }), out = at('whole');
    writeExport(source, { format: 'onnx-exact', out, facts: FACTS });
    assert.equal(checkExport(out).format, 'onnx-exact');
    const broken = (name: string, change: (dir: string) => void) => { cpSync(out, at(name), { recursive: true }); change(at(name)); return () => checkExport(at(name)); };
    assert.throws(broken('cut', (d) => truncateSync(join(d, 'model.onnx'), 1000)), /"model\.onnx" in .* has 1000 bytes and zsaq-export\.json says \d+/);
    assert.throws(broken('longer', (d) => appendFileSync(join(d, 'README.md'), 'x')), /"README\.md".* bytes/);
    assert.throws(broken('bit', (d) => { const bytes = readFileSync(join(d, 'model.onnx')); bytes[5000] ^= 1; writeFileSync(join(d, 'model.onnx'), bytes); }), /"model\.onnx" in .* is damaged or of another export/);
    assert.throws(broken('less', (d) => rmSync(join(d, 'config.json'))), /"config\.json" is missing/);
    assert.throws(broken('bare', (d) => rmSync(join(d, 'zsaq-export.json'))), /there is no zsaq-export\.json/);
    assert.throws(broken('text', (d) => writeFileSync(join(d, 'zsaq-export.json'), '{"files":3}')), /is not what zsaq export writes/);
    assert.throws(() => writeExport(source, { format: 'packed', out: work, facts: FACTS }), /holds files of something else/);
  });

  it('the model card of an ONNX file feeds what the graph has and asks for what it gives', () => {
    const sizes = { weights: 1, theory: 1, linear: 1, linearFull: 8, bitsPerParameter: 4 }, card = (head: string, segments: boolean) => modelCard('onnx-exact', { ...FACTS, base: 'b', licence: 'unknown', plan: [], head, segments }, sizes, { tolerance: null, noise: 0 }, 'model.onnx');
    assert.match(card('classification', true), /run\(\["logits"\], \{"input_ids": ids, "attention_mask": mask, "token_type_ids": types\}\)/);
    assert.match(card('none', false), /run\(\["last_hidden_state"\], \{"input_ids": ids, "attention_mask": mask\}\)/);
  });

  it('the model card escapes what it is told', () => {
    const sizes = { weights: 1, theory: 1, linear: 1, linearFull: 8, bitsPerParameter: 4 }, base = 'evil"\n---\n# x <script>alert(1)</script> | [a](javascript:b)';
    for (const format of ['packed', 'compressed-tensors', 'onnx-exact', 'onnx-fast', 'transformers-js'] as ExportFormat[]) {
      const card = modelCard(format, { ...FACTS, base, licence: 'unknown', plan: ['`x`'], head: 'classification', segments: true }, sizes, { tolerance: null, noise: 0 }, 'model.onnx');
      assert.doesNotMatch(card.replace(/^---\n[\s\S]*?\n---\n/, ''), /(?<!\\)<script|(?<!\\)\]\(javascript|^# x/m);
      assert.equal(card.split('\n---\n').length, 2);
      assert.match(card, /look at the base model before you pass this on/);
    }
  });

  it('integers: a product of codes with int32 sums is the fake-quantized product but for the rounding of its sum', async () => {
    for (const [name, bits, options] of [['int2', 2, {}], ['int3', 3, { grid: 'symmetric' }], ['int4', 4, { grid: 'asymmetric', granularity: { group: 32 } }], ['int8', 8, { granularity: 'tensor' }]] as const) {
      const source = await made(name, bits, options), weight = source.model.linears[0].weight, w = integerWeight(source.packed[weight]);
      fc.assert(fc.property(fc.array(fc.float({ noNaN: true, min: -100, max: 100 }), { minLength: w.columns, maxLength: w.columns }), (row) => {
        const x = Float32Array.from(row), [fake, size] = tf.tidy(() => {
          const q = quantizeTokens(tf.tensor2d(x, [1, w.columns])), table = source.params[weight];
          return [tf.matMul(q, table, false, true).dataSync(), tf.matMul(tf.abs(q), tf.abs(table), false, true).dataSync()];
        });
        const whole = integerLinear(x, w, undefined);
        // a float32 sum of n products is off by at most n 2^-24 of the sum of their sizes
        whole.forEach((v, i) => assert.ok(Math.abs(v - fake[i]) <= w.columns * 2 ** -24 * size[i] + 1e-30, `${name}: ${v} and ${fake[i]}`));
      }), { numRuns: 20 });
    }
  });

  it('integers: whole models compute what the fake-quantized ones do', async () => {
    for (const [model, bits] of [['pocket-bert', 4], ['pocket-opt', 2]] as const) {
      const source = await made(`whole-${model}`, bits, {}, model), rows = rowsFor(source.model, 2, 6), input = (x: Int32Array) => tf.tensor2d(x, [rows.batch, rows.seq], 'int32');
      const run = (hooks: object) => tf.tidy(() => source.model.forward(source.params, { ids: input(rows.ids), mask: input(rows.mask) }, hooks).logits.dataSync() as Float32Array);
      const fake = run(source.hooks), whole = run(integerHooks(source)), differences = fake.map((v, i) => Math.abs(v - whole[i])).sort();
      // a last bit may move an activation over a border of its grid: one step there, so a loose bound on the largest and a tight one on the middle
      assert.ok(differences[differences.length >> 1] < 2e-3 && differences.at(-1)! < 0.1, `${model}: ${differences[differences.length >> 1]}, ${differences.at(-1)}`);
    }
  });
});
