import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ZsaqError } from '../../src/core/error';
import { Stream } from '../../src/core/random';
import { loadCheckpoint, saveCheckpoint } from '../../src/io/checkpoint';
import { float16ToFloat32 } from '../../src/io/half';
import { openPretrained, savePretrained } from '../../src/io/pretrained';
import { openSafetensors } from '../../src/io/safetensors';
import type { HostTensor, TensorFile } from '../../src/io/tensor';
import { openTorchBin } from '../../src/io/torchBin';
import { damage, put } from './damage';
import { FIXTURES, scratch } from './helpers';

/** Runs `action`, which may only return or throw a ZsaqError. */
function survives<T>(action: () => T, seen: { refused: number; accepted: number }, context: string): T | undefined {
  try {
    const value = action();
    seen.accepted++;
    return value;
  } catch (error) {
    assert(error instanceof ZsaqError, `${context}: ${error instanceof Error ? error.stack : String(error)}`);
    assert(!error.message.includes('\n') && error.message.length < 1500, `${context}: ${error.message}`);
    seen.refused++;
    return undefined;
  }
}

function readAll(open: () => TensorFile): void {
  const file = open();
  try {
    for (const name of file.names) {
      const tensor: HostTensor = file.read(name);
      assert.equal(tensor.data.length, tensor.shape.reduce((a, b) => a * b, 1));
    }
  } finally {
    file.close();
  }
}

describe('io on damaged files', () => {
  const at = scratch();
  const SLACK = 128 * 1024;

  before(() => { float16ToFloat32(new Uint16Array(1), new Float32Array(1)); }); // makes its table, which is no part of any file

  for (const [name, open, runs] of [['dtypes.safetensors', openSafetensors, 3000], ['zip.bin', openTorchBin, 3000], ['old.bin', openTorchBin, 3000]] as const) {
    it(`${name}: ${runs} wounds end in a tensor or a ZsaqError, within twice the file's memory`, () => {
      const whole = readFileSync(join(FIXTURES, name)), random = new Stream(name, 1);
      const seen = { refused: 0, accepted: 0 };
      for (let run = 0; run < runs; run++) {
        const bytes = damage(whole, random);
        put(at('x'), bytes);
        const before = process.memoryUsage().arrayBuffers;
        const file = survives(() => open(at('x')), seen, `run ${run}`);
        const taken = process.memoryUsage().arrayBuffers - before;
        assert(taken <= 2 * bytes.length + SLACK, `run ${run} took ${taken} bytes to open ${bytes.length}`);
        for (const tensor of file?.names ?? []) {
          const read = survives(() => file!.read(tensor), { refused: 0, accepted: 0 }, `run ${run}, ${tensor}`);
          assert((read?.data.byteLength ?? 0) <= 2 * bytes.length, `run ${run} made ${read?.data.byteLength} bytes for ${tensor}`);
        }
        file?.close();
      }
      assert(seen.refused > runs / 2, `only ${seen.refused} of ${runs} were refused`); // wounds in the weights themselves cannot be seen
      assert(seen.accepted > 0);
    });
  }

  it('model folders: 2000 wounds in config.json and the index', () => {
    const dir = at('model');
    const data = new Float32Array([1, 2, 3, 4]);
    savePretrained(dir, { config: { model_type: 'bert', hidden_size: 4, names: ['a', 'b'] }, tensors: { a: { dtype: 'F32', shape: [4], data }, b: { dtype: 'F16', shape: [2, 2], data } } });
    const shard = readFileSync(join(dir, 'model.safetensors'));
    const sharded = at('sharded');
    mkdirSync(sharded);
    writeFileSync(join(sharded, 'model-00001-of-00001.safetensors'), shard);
    const index = Buffer.from(JSON.stringify({ metadata: { total_size: 24 }, weight_map: { a: 'model-00001-of-00001.safetensors', b: 'model-00001-of-00001.safetensors' } }, null, 1));
    const config = readFileSync(join(dir, 'config.json'));
    const random = new Stream('folder', 1), seen = { refused: 0, accepted: 0 };
    for (let run = 0; run < 2000; run++) {
      put(join(sharded, 'config.json'), run % 2 ? damage(config, random) : config);
      put(join(sharded, 'model.safetensors.index.json'), run % 2 ? index : damage(index, random));
      survives(() => readAll(() => ({ ...openPretrained(sharded), path: sharded, metadata: {} })), seen, `run ${run}`);
    }
    assert(seen.refused > 1000 && seen.accepted > 0, JSON.stringify(seen));
  });

  it('checkpoints: of 500 wounds in the newest, all are seen and the one before is returned', () => {
    const tensors: Record<string, HostTensor> = { w: { dtype: 'float32', shape: [2, 3], data: Float32Array.of(1, -0, NaN, 1e-40, Infinity, 6) } };
    saveCheckpoint(at('run'), { step: 1, state: { n: 1 }, tensors });
    saveCheckpoint(at('run'), { step: 2, state: { n: 2 }, tensors });
    const file = join(at('run'), 'step-0000000002.safetensors'), whole = readFileSync(file), random = new Stream('checkpoint', 1);
    for (let run = 0; run < 500; run++) {
      const bytes = damage(whole, random);
      put(file, bytes);
      const loaded = loadCheckpoint(at('run'))!;
      // A wound may leave the file as it was, or touch only the spaces that pad its header.
      if (loaded.step === 2) {
        assert.equal(loaded.warning, undefined);
        assert.deepEqual([loaded.state, loaded.tensors], [{ n: 2 }, tensors]);
      } else {
        assert.deepEqual([loaded.step, loaded.state], [1, { n: 1 }]);
        assert.match(loaded.warning!, /step-0000000002.*continuing from step 1$/);
      }
    }
  });
});
