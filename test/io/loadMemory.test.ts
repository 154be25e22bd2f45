import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pocketModelPath } from '../../datasets';
import { isNative, ready } from '../../src/core/backend';
import { writeWhole } from '../../src/io/file';
import { writeSafetensors } from '../../src/io/safetensors';
import { modelFromConfig } from '../../src/models/registry';
import { torchBin } from './torchWriter';

const MB = 1e6;

/** An OPT of about `layers * 12.6 + vocabulary * 0.002` MB. */
function config(layers: number, vocabulary: number): Record<string, unknown> {
  return {
    model_type: 'opt', architectures: ['OPTForCausalLM'], vocab_size: vocabulary, hidden_size: 512, word_embed_proj_dim: 512, ffn_dim: 2048, num_hidden_layers: layers,
    num_attention_heads: 8, max_position_embeddings: 512, do_layer_norm_before: true, activation_function: 'relu', pad_token_id: 1,
  };
}

/** Tensor `k` holds its number, so that a mix-up shows. */
function tensorsOf(settings: Record<string, unknown>): (readonly [string, { shape: number[]; data(): Float32Array }])[] {
  const { paramNames, shapes } = modelFromConfig(settings);
  return paramNames.map((name, k) => [name, { shape: [...shapes[name]], data: () => new Float32Array(shapes[name].reduce((a, b) => a * b, 1)).fill(k) }]);
}

describe('memory of loading', () => {
  let dir = '';
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'zsaq-load-'));
    await ready();
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  const load = (folder: string): { tensors: number; grown: number; sample: number[] } => {
    const output = execFileSync(process.execPath, ['-r', 'tsx/cjs', join(__dirname, 'loadMemory.ts'), folder, pocketModelPath('pocket-opt')], {
      cwd: join(__dirname, '..', '..'), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'],
    });
    return JSON.parse(output.trimEnd().split('\n').at(-1)!) as { tensors: number; grown: number; sample: number[] };
  };

  it('in four shards of safetensors, 200 MB: no more than the tensors and one shard', function () {
    if (!isNative() || process.platform !== 'linux') { console.log('      skipped: needs native TensorFlow on Linux'); this.skip(); }
    this.timeout(60_000);
    const folder = join(dir, 'sharded'), settings = config(12, 24_000), tensors = tensorsOf(settings), map: Record<string, string> = {};
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.json'), JSON.stringify(settings));
    const sizes = [0, 1, 2, 3].map((shard) => {
      const name = `model-0000${shard + 1}-of-00004.safetensors`, part = tensors.filter((_, k) => Math.floor(k * 4 / tensors.length) === shard);
      writeSafetensors(join(folder, name), part.map(([key, { shape, data }]) => [key, { dtype: 'F32', shape, data }]));
      for (const [key] of part) map[key] = name;
      return statSync(join(folder, name)).size;
    });
    writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
    const { tensors: bytes, grown, sample } = load(folder), shard = Math.max(...sizes);
    assert(bytes > 190 * MB, `${bytes}`);
    assert.deepEqual(sample, tensors.map((_, k) => k));
    assert(grown <= bytes + shard, `loading ${bytes / MB} MB in shards of at most ${shard / MB} MB took ${grown / MB} MB`);
  });

  it('of a .bin of 100 MB: no more than the tensors and a quarter', function () {
    if (!isNative() || process.platform !== 'linux') { console.log('      skipped: needs native TensorFlow on Linux'); this.skip(); }
    this.timeout(60_000);
    const folder = join(dir, 'bin'), settings = config(6, 12_000), tensors = tensorsOf(settings);
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.json'), JSON.stringify(settings));
    writeWhole(join(folder, 'pytorch_model.bin'), torchBin(tensors));
    const { tensors: bytes, grown, sample } = load(folder);
    assert(bytes > 95 * MB, `${bytes}`);
    assert.deepEqual(sample, tensors.map((_, k) => k));
    assert(grown <= 1.25 * bytes, `loading ${bytes / MB} MB took ${grown / MB} MB`);
  });
});
