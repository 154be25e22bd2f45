import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { readJson, sha256File, writeWhole, writeWholeAsync } from '../../src/io/file';
import { refuses, scratch } from './helpers';

describe('io/file', () => {
  const at = scratch();

  it('writes text, bytes and streams, and leaves nothing else behind', () => {
    writeWhole(at('a.txt'), 'é\n');
    writeWhole(at('b.bin'), new Uint8Array([1, 2, 3]).subarray(1));
    writeWhole(at('c.bin'), (function* () { yield new Uint8Array([1]); yield new Uint8Array(0); yield new Uint8Array([2, 3]); })());
    assert.equal(readFileSync(at('a.txt'), 'utf8'), 'é\n');
    assert.deepEqual([...readFileSync(at('b.bin'))], [2, 3]);
    assert.deepEqual([...readFileSync(at('c.bin'))], [1, 2, 3]);
    assert.deepEqual(readdirSync(at('.')).sort(), ['a.txt', 'b.bin', 'c.bin']);
  });

  it('keeps the old file when the new content fails half-way, and passes the error on', () => {
    writeWhole(at('a'), 'old');
    const oops = new Error('oops');
    assert.throws(() => writeWhole(at('a'), (function* () { yield new Uint8Array(100); throw oops; })()), oops);
    assert.equal(readFileSync(at('a'), 'utf8'), 'old');
    assert.deepEqual(readdirSync(at('.')), ['a']);
  });

  it('does the same for chunks that have to be waited for', async () => {
    await writeWholeAsync(at('a'), (async function* () { yield new Uint8Array([1]); await Promise.resolve(); yield new Uint8Array([2, 3]); })());
    await writeWholeAsync(at('none'), (async function* () { /* nothing comes */ })());
    const oops = new Error('oops');
    await assert.rejects(writeWholeAsync(at('a'), (async function* () { yield new Uint8Array(100); throw oops; })()), oops);
    assert.deepEqual([[...readFileSync(at('a'))], readFileSync(at('none')).length, readdirSync(at('.')).sort()], [[1, 2, 3], 0, ['a', 'none']]);
    await assert.rejects(writeWholeAsync(at('no/such/a'), (async function* () { yield new Uint8Array(1); })()), /its folder does not exist/);
  });

  it('says in one sentence what the disk refuses', function () {
    refuses(() => writeWhole(at('no/such/a'), 'x'), 'disk', /its folder does not exist/);
    mkdirSync(at('folder'));
    refuses(() => writeWhole(at('folder'), 'x'), 'disk', /folder stands in its place/);
    writeFileSync(at('file'), '');
    refuses(() => writeWhole(at('file/a'), 'x'), 'disk', /part of its path is a file/);
    refuses(() => writeWhole(at('n'.repeat(300)), 'x'), 'disk', /name is too long/);
    assert.deepEqual(readdirSync(at('.')).sort(), ['file', 'folder']);
    if (process.getuid?.() !== 0) {
      chmodSync(at('folder'), 0o500);
      refuses(() => writeWhole(at('folder/a'), 'x'), 'disk', /permission is denied/);
    }
  });

  it('leaves the old file when the disk is full', function () {
    // A file-size limit stands in for a full disk: the system cuts the write in the same place (EFBIG instead of ENOSPC).
    if (process.platform !== 'linux') return this.skip();
    writeWhole(at('a'), 'old');
    const script = `process.on('SIGXFSZ', () => {}); const { writeWhole } = require(${JSON.stringify(require.resolve('../../src/io/file.ts'))});
      try { writeWhole(process.argv[1], new Uint8Array(1 << 20)); } catch (e) { console.log(e.code + ' ' + e.message); }`;
    const said = execFileSync('bash', ['-c', 'ulimit -f 100; exec "$0" --require tsx/cjs -e "$1" "$2"', process.execPath, script, at('a')], { encoding: 'utf8' });
    assert.match(said, /^disk cannot write .*: the file would be larger than/);
    assert.equal(readFileSync(at('a'), 'utf8'), 'old');
    assert.deepEqual(readdirSync(at('.')), ['a']);
  });

  it('never shows a reader a part of a file while it is replaced', () => {
    const script = `const { writeWhole } = require(${JSON.stringify(require.resolve('../../src/io/file.ts'))});
      for (let i = 0; i < 60; i++) writeWhole(process.argv[1], String(i % 10).repeat(300000));
      process.kill(process.pid, 'SIGKILL');`;
    writeFileSync(at('a'), '0'.repeat(300000));
    const child = spawn(process.execPath, ['--require', 'tsx/cjs', '-e', script, at('a')], { stdio: 'inherit' });
    return new Promise<void>((done, fail) => {
      const look = setInterval(() => {
        try {
          const text = readFileSync(at('a'), 'utf8');
          assert(text.length === 300000 && text === text[0].repeat(300000), 'a torn file was seen');
        } catch (error) { clearInterval(look); child.kill('SIGKILL'); fail(error); }
      }, 1);
      child.on('exit', (_, signal) => { clearInterval(look); signal === 'SIGKILL' ? done() : fail(new Error(`the writer ended with ${signal}`)); });
    });
  });

  it('reads JSON and refuses the rest by name', () => {
    writeFileSync(at('a.json'), '{"a": [1]}');
    assert.deepEqual(readJson(at('a.json')), { a: [1] });
    refuses(() => readJson(at('none.json')), 'missing', /there is no file .*none\.json/);
    refuses(() => readJson(dirname(at('a.json'))), 'format', /is not a file/);
    writeFileSync(at('b.json'), Buffer.from([0x22, 0xff, 0x22]));
    refuses(() => readJson(at('b.json')), 'format', /not UTF-8/);
    writeFileSync(at('c.json'), '');
    refuses(() => readJson(at('c.json')), 'format', /ends too early/);
    symlinkSync('nowhere', at('d.json'));
    refuses(() => readJson(at('d.json')), 'missing', /there is no file/);
    refuses(() => readJson('/dev/zero'), 'format', /is not a file/);
  });

  it('hashes files of any size', () => {
    for (const size of [0, 1, 4 * 1024 * 1024, 9 * 1024 * 1024 + 5]) {
      const bytes = Buffer.alloc(size, 'zsaq');
      writeFileSync(at('a'), bytes);
      assert.equal(sha256File(at('a')), createHash('sha256').update(bytes).digest('hex'));
    }
    writeFileSync(at('a'), 'abc'); // FIPS 180-2, appendix B.1
    assert.equal(sha256File(at('a')), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});
