import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { loadCheckpoint, saveCheckpoint } from '../../src/io/checkpoint';
import type { HostTensor } from '../../src/io/tensor';
import { bytesOf, refuses, scratch } from './helpers';

const file = (step: number): string => `step-${String(step).padStart(10, '0')}.safetensors`;

describe('io/checkpoint', () => {
  const at = scratch();
  const save = (step: number, tensors: Record<string, HostTensor> = {}): void => saveCheckpoint(at('run'), { step, state: { step }, tensors });

  it('returns every bit of tensors and state, in the same order', () => {
    const words = fc.array(fc.integer(), { maxLength: 20 }).map((list) => Int32Array.from(list));
    const tensor = fc.tuple(words, fc.constantFrom('float32', 'int32', 'uint8', 'bool')).map(([words, dtype]): HostTensor => {
      const data = dtype === 'int32' ? words : dtype === 'float32' ? new Float32Array(words.buffer) : Uint8Array.from(words, (w) => dtype === 'bool' ? w & 1 : w);
      return { dtype: dtype as 'float32', shape: [data.length], data };
    });
    const name = fc.stringMatching(/^[a-z]{1,3}(\/[a-z.]{1,4})?$/);
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(fc.property(fc.dictionary(name, tensor, { maxKeys: 6 }), fc.dictionary(name, fc.array(number)), fc.nat(), (tensors, state, step) => {
      saveCheckpoint(at('run'), { step, state, tensors });
      const loaded = loadCheckpoint(at('run'))!;
      assert.equal(loaded.warning, undefined);
      assert.equal(loaded.step, step);
      assert.deepStrictEqual(loaded.state, { ...state });
      assert.deepEqual(Object.keys(loaded.tensors), Object.keys(tensors));
      for (const [n, t] of Object.entries(tensors)) {
        assert.deepEqual([loaded.tensors[n].dtype, loaded.tensors[n].shape], [t.dtype, t.shape]);
        assert(bytesOf(loaded.tensors[n]).equals(bytesOf(t)), n);
      }
    }), { numRuns: 60 });
  });

  it('is null before the first, keeps two, and forgets a future that was taken back', () => {
    assert.equal(loadCheckpoint(at('run')), null);
    for (const step of [1, 2, 10]) save(step);
    assert.deepEqual(readdirSync(at('run')).sort(), [file(2), file(10)]);
    assert.equal(loadCheckpoint(at('run'))!.step, 10);
    save(3); // a run that began again
    assert.deepEqual(readdirSync(at('run')).sort(), [file(2), file(3)]);
    assert.equal(loadCheckpoint(at('run'))!.step, 3);
  });

  it('falls back to the one before a damaged one, and says so', () => {
    save(1);
    save(2, { w: { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) } });
    const bytes = readFileSync(join(at('run'), file(2)));
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(join(at('run'), file(2)), bytes);
    const loaded = loadCheckpoint(at('run'))!;
    assert.deepEqual(loaded.state, { step: 1 });
    assert.match(loaded.warning!, /step-0000000002\.safetensors has another SHA-256 than was recorded; continuing from step 1/);
    truncateSync(join(at('run'), file(2)), 100);
    assert.match(loadCheckpoint(at('run'))!.warning!, /step-0000000002\.safetensors is not a whole safetensors file/);
    truncateSync(join(at('run'), file(1)), 0);
    refuses(() => loadCheckpoint(at('run')), 'format', /every checkpoint in .* is damaged .*remove them to start/);
  });

  it('refuses a NaN in the state and an impossible step, and leaves what is there', () => {
    save(1);
    refuses(() => saveCheckpoint(at('run'), { step: 2, state: { loss: NaN }, tensors: {} }), 'nonFinite', /value\.loss is NaN/);
    refuses(() => save(-1), 'range', /step -1/);
    refuses(() => save(1.5), 'range', /step 1.5/);
    assert.deepEqual(readdirSync(at('run')), [file(1)]);
    writeFileSync(at('plain'), '');
    refuses(() => saveCheckpoint(at('plain'), { step: 1, state: 0, tensors: {} }), 'usage', /plain is a file/);
  });

  it('survives being killed at any moment of a save, and cleans up after it', async () => {
    const script = `const { saveCheckpoint } = require(${JSON.stringify(require.resolve('../../src/io/checkpoint.ts'))});
      const data = new Float32Array(400000);
      for (let step = 1; ; step++) { data.fill(step); saveCheckpoint(process.argv[1], { step, state: step, tensors: { w: { dtype: 'float32', shape: [data.length], data } } }); if (step === 2) console.log('two'); }`;
    let last = 0;
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, ['--require', 'tsx/cjs', '-e', script, at('run')], { stdio: ['ignore', 'pipe', 'inherit'] });
      await new Promise((done) => child.stdout.once('data', done));
      await new Promise((done) => setTimeout(done, 7 * round + 3));
      child.kill('SIGKILL');
      await new Promise((done) => child.once('exit', done));
      const { step, state, tensors: { w }, warning } = loadCheckpoint(at('run'))!;
      assert.equal(warning, undefined);
      assert(step >= 2 && state === step && w.data.every((x) => x === step), `round ${round}: step ${step}`);
      last = step;
    }
    save(last + 1);
    assert.deepEqual(readdirSync(at('run')).sort(), [file(last), file(last + 1)]);
  });
});
