import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPretrained, savePretrained } from '../../src/io/pretrained';
import { writeSafetensors, type WritableTensor } from '../../src/io/safetensors';
import { bytesOf, expectedTensors, FIXTURES, refuses, scratch } from './helpers';

const floats = (...values: number[]): WritableTensor => ({ dtype: 'F32', shape: [values.length], data: Float32Array.from(values) });

describe('io/pretrained', () => {
  const at = scratch();
  const folder = (files: Record<string, string>): string => {
    mkdirSync(at('m'), { recursive: true });
    for (const [name, content] of Object.entries(files)) writeFileSync(join(at('m'), name), content);
    return at('m');
  };
  const sharded = (map: unknown): string => {
    const dir = folder({ 'config.json': '{"model_type":"opt"}', 'model.safetensors.index.json': JSON.stringify({ weight_map: map }) });
    writeSafetensors(join(dir, 'model-1.safetensors'), [['a', floats(1)], ['b', floats(2, 3)]]);
    writeSafetensors(join(dir, 'model-2.safetensors'), [['c', floats(4)], ['d', floats(5)]]);
    return dir;
  };
  const MAP = { a: 'model-1.safetensors', b: 'model-1.safetensors', c: 'model-2.safetensors' };

  it('saves a folder that opens again with all its parts', () => {
    writeFileSync(join(folder({ 'vocab.txt': '[PAD]\n', 'tokenizer_config.json': '{}', 'other.txt': '' }), 'merges.txt'), '#');
    const card = { trainedOn: ['wikitext-2/train'] };
    savePretrained(at('out'), { config: { b: 1, a: [2.5] }, tensors: { x: floats(1, -2), h: { dtype: 'F16', shape: [1, 2], data: Float32Array.of(0.5, 65504) } }, copyFrom: at('m'), card });
    const model = openPretrained(at('out'));
    assert.deepEqual(model.config, { a: [2.5], b: 1 });
    assert.deepEqual(model.card, card);
    assert.deepEqual(model.files, Object.fromEntries(['tokenizer_config.json', 'vocab.txt', 'merges.txt'].map((name) => [name, join(at('out'), name)])));
    assert.deepEqual(model.names, ['x', 'h']);
    assert.deepEqual(model.info('h'), { dtype: 'F16', shape: [1, 2], bytes: 4 });
    assert.deepEqual(model.read('h'), { dtype: 'float32', shape: [1, 2], data: Float32Array.of(0.5, 65504) });
    refuses(() => model.read('y'), 'missing', /has no tensor "y" among its 2: check that its config\.json and weights belong together/);
    model.close();
    assert.deepEqual(readdirSync(at('.')).sort(), ['m', 'out']);
  });

  it('replaces a model folder, keeps the old one when the new one fails, and never removes other files', () => {
    const save = (value: number) => savePretrained(at('out'), { config: {}, tensors: { x: { dtype: 'F16', shape: [1], data: Float32Array.of(value) } } });
    const now = (): number => { const m = openPretrained(at('out')); try { return m.read('x').data[0]; } finally { m.close(); } };
    save(1);
    writeFileSync(join(at('out'), 'vocab.txt'), 'old');
    save(2);
    assert.equal(now(), 2);
    assert(!existsSync(join(at('out'), 'vocab.txt')));
    refuses(() => save(1e6), 'range', /holds 1000000/);
    refuses(() => savePretrained(at('out'), { config: { a: NaN }, tensors: {} }), 'nonFinite', /value\.a/);
    assert.equal(now(), 2);
    writeFileSync(join(at('out'), 'thesis.tex'), '');
    refuses(() => save(3), 'usage', /files that are not a model's \(thesis\.tex\)/);
    assert.equal(now(), 2);
    writeFileSync(at('plain'), '');
    refuses(() => savePretrained(at('plain'), { config: {}, tensors: {} }), 'usage', /is a file/);
    assert.deepEqual(readdirSync(at('.')).sort(), ['out', 'plain']);
  });

  it('reads shards through their index, links and links stored as text', () => {
    const dir = sharded(MAP);
    const check = (): void => {
      const model = openPretrained(dir);
      assert.deepEqual(model.names, ['a', 'b', 'c']); // the index decides; d is not in it
      assert.deepEqual(model.read('b').data, Float32Array.of(2, 3));
      assert.deepEqual(model.read('c').data, Float32Array.of(4));
      refuses(() => model.read('d'), 'missing', /no tensor "d"/);
      model.close();
    };
    check();
    mkdirSync(at('shared'));
    renameSync(join(dir, 'model-2.safetensors'), join(at('shared'), 'w.safetensors'));
    symlinkSync('../shared/w.safetensors', join(dir, 'model-2.safetensors'));
    check();
    rmSync(join(dir, 'model-2.safetensors'));
    writeFileSync(join(dir, 'model-2.safetensors'), '../shared/w.safetensors'); // what git leaves without symbolic links
    check();
    rmSync(join(at('shared'), 'w.safetensors'));
    refuses(check, 'format', /model-2\.safetensors is not a whole safetensors file/);
  });

  it('reads pytorch_model.bin, whole and in shards, after safetensors', () => {
    const dir = folder({ 'config.json': '{}' });
    copyFileSync(join(FIXTURES, 'zip.bin'), join(dir, 'pytorch_model.bin'));
    const model = openPretrained(dir), expected = expectedTensors();
    assert.deepEqual(model.names, [...expected.keys()]);
    assert(bytesOf(model.read('rows')).equals(expected.get('rows')!.bytes));
    model.close();
    renameSync(join(dir, 'pytorch_model.bin'), join(dir, 'p-1.bin'));
    copyFileSync(join(FIXTURES, 'module-state.bin'), join(dir, 'p-2.bin'));
    writeFileSync(join(dir, 'pytorch_model.bin.index.json'), JSON.stringify({ weight_map: { halves: 'p-1.bin', weight: 'p-2.bin' } }));
    const shards = openPretrained(dir);
    assert(bytesOf(shards.read('halves')).equals(expected.get('halves')!.bytes));
    assert(bytesOf(shards.read('weight')).equals(expected.get('linear.weight')!.bytes));
    shards.close();
    writeSafetensors(join(dir, 'model.safetensors'), [['only', floats(1)]]);
    const preferred = openPretrained(dir);
    assert.deepEqual(preferred.names, ['only']);
    preferred.close();
  });

  it('says in one sentence what is missing', () => {
    refuses(() => openPretrained(at('none')), 'missing', /none is not there: give a folder/);
    writeFileSync(at('plain'), '');
    refuses(() => openPretrained(at('plain')), 'missing', /plain is no folder/);
    refuses(() => openPretrained(folder({})), 'missing', /there is no config\.json in /);
    refuses(() => openPretrained(folder({ 'config.json': '{}' })), 'missing', /there are no weights in .*model\.safetensors or pytorch_model\.bin/);
    symlinkSync('gone', join(at('m'), 'model.safetensors'));
    refuses(() => openPretrained(at('m')), 'missing', /model\.safetensors in .* is a link to a file that is not there/);
    rmSync(at('m'), { recursive: true });
    refuses(() => openPretrained(sharded({ a: 'model-9.safetensors' })), 'missing', /the shard "model-9\.safetensors" .* is not there/);
    refuses(() => openPretrained(sharded({ ...MAP, z: 'model-2.safetensors' })), 'missing', /shard "model-2\.safetensors" in .* does not hold the tensor "z"/);
  });

  it('refuses a wrong config or index, and shards outside of the folder', () => {
    refuses(() => openPretrained(folder({ 'config.json': '[1]' })), 'format', /config\.json does not hold a JSON object/);
    refuses(() => openPretrained(folder({ 'config.json': '{"a": }' })), 'format', /config\.json is not valid JSON at line 1, column 7/);
    for (const map of [undefined, [], {}, 'x']) refuses(() => openPretrained(sharded(map)), 'format', /no "weight_map"/);
    for (const shard of ['../m/model-1.safetensors', '/etc/passwd', 'sub/model-1.safetensors', '..\\m', 'config.json', 'model-1.bin', 7, null]) {
      refuses(() => openPretrained(sharded({ a: shard })), 'format', /places the tensor "a" in .*, which is not a \.safetensors file beside it/);
    }
  });

  it('does not follow a text link in circles or to another kind of file', () => {
    const dir = folder({ 'config.json': '{}', 'model.safetensors': './model.safetensors' });
    refuses(() => openPretrained(dir), 'format', /not a whole safetensors file/);
    writeFileSync(join(dir, 'model.safetensors'), 'config.json');
    refuses(() => openPretrained(dir), 'format', /model\.safetensors is not a whole safetensors file/);
  });

  it('opens every model folder of ZSAQ_MODELS, all tensors finite', function () {
    const models = process.env.ZSAQ_MODELS;
    if (!models) {
      console.log('      skipped: set ZSAQ_MODELS to the folder with the shared models');
      return this.skip();
    }
    const dirs = readdirSync(models).filter((name) => existsSync(join(models, name, 'config.json')));
    assert(dirs.length > 0);
    for (const name of dirs) {
      const model = openPretrained(join(models, name));
      let elements = 0;
      for (const tensor of model.names) {
        const { dtype, shape, data } = model.read(tensor);
        assert.equal(data.length, shape.reduce((a, b) => a * b, 1));
        if (dtype === 'float32') for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) assert.fail(`${name} ${tensor}[${i}] is ${data[i]}`);
        elements += data.length;
      }
      const index = join(models, name, 'model.safetensors.index.json');
      if (existsSync(index)) assert.equal(elements * 2, (JSON.parse(readFileSync(index, 'utf8')) as { metadata: { total_size: number } }).metadata.total_size, name);
      else assert(elements > 1e6, `${name} has ${elements} elements`);
      model.close();
    }
  });
});
