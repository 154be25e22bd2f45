import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkData, formatReport } from '../../datasets/check';
import { DATA_FILES, type DataFile } from '../../datasets/registry';
import { ZsaqError } from '../../src/index';

describe('data check', () => {
  const text = 'sentence\tlabel\ngood\t1\nbad\t0\n';
  const file: DataFile = {
    path: 'dev.tsv', task: 'SST-2', split: 'dev', rows: 2, bytes: text.length, sampleOf: 872,
    sha256: createHash('sha256').update(text).digest('hex'), licence: '-', source: '-',
  };
  let dir = '';
  beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'zsaq-check-')); });
  afterEach(() => rmSync(dir, { recursive: true }));
  const check = async () => (await checkData(dir, [file])).files[0];

  it('accepts the very file and reports that it is a sample', async () => {
    writeFileSync(join(dir, 'dev.tsv'), text);
    const report = await checkData(dir, [file]);
    assert.equal(report.ok, true);
    assert.deepEqual(report.samples, [file]);
    assert.match(formatReport(report), /ok +dev\.tsv +2 rows, SAMPLE of 872/);
  });
  it('notices one changed byte, a lost row and a lost file', async () => {
    writeFileSync(join(dir, 'dev.tsv'), text.replace('good', 'food'));
    assert.deepEqual([(await check()).status, /sha256/.test((await check()).detail)], ['changed', true]);
    writeFileSync(join(dir, 'dev.tsv'), text.replace('bad\t0\n', ''));
    assert.match((await check()).detail, /1 rows instead of 2/);
    rmSync(join(dir, 'dev.tsv'));
    assert.equal((await check()).status, 'missing');
    assert.equal((await checkData(dir, [file])).ok, false);
  });
  it('says that it knows no hash where it knows none', async () => {
    writeFileSync(join(dir, 'dev.tsv'), text);
    const report = await checkData(dir, [{ ...file, sha256: undefined, bytes: undefined }]);
    assert.equal(report.files[0].status, 'unknown');
    assert.equal(report.ok, true);
  });
  it('counts words where they are published, and takes what came from the hub as it came', async () => {
    const words: DataFile = { ...file, path: 'x.txt', rows: 3, words: 8, bytes: undefined, sha256: undefined, sampleOf: undefined };
    const one = async (f: DataFile) => (await checkData(dir, [f])).files[0];
    writeFileSync(join(dir, 'x.txt'), ' = a <unk> \n \n\tb c \n'); // three, none and two words, and three line ends
    assert.deepEqual([(await one(words)).status, (await one(words)).detail], ['unknown', '3 rows and 8 words as published; no hash to check']);
    assert.match((await one({ ...words, words: 9 })).detail, /8 words instead of 9/);
    writeFileSync(join(dir, 'dev.tsv'), text);
    const hub = { dataset: 'org/x', revision: 'main', commit: 'c0ffee', parts: ['p'], rows: 2, bytes: text.length, sha256: file.sha256 };
    const other = { ...file, sha256: '0'.repeat(64) };
    writeFileSync(join(dir, 'hub.json'), JSON.stringify({ 'dev.tsv': hub }));
    assert.match((await one(other)).detail, /2 rows instead of 872/, 'what comes from the hub must be whole');
    assert.deepEqual(await one({ ...other, sampleOf: 2 }), { file: { ...other, sampleOf: 2 }, status: 'ok', detail: '2 rows, as fetched from org/x at c0ffee', sample: false });
    writeFileSync(join(dir, 'dev.tsv'), text.replace('good', 'food'));
    assert.match((await one({ ...other, sampleOf: 2 })).detail, /sha256/);
  });
  it('refuses a folder that is not there', async () => {
    await assert.rejects(checkData(join(dir, 'nowhere')), (e) => e instanceof ZsaqError && e.code === 'missing');
  });

  it('verifies all files of the real data and names the seven samples', async function () {
    const data = process.env.ZSAQ_DATA;
    if (!data) { console.log('      skipped: set ZSAQ_DATA'); this.skip(); }
    const report = await checkData(data);
    assert.deepEqual([...new Set(report.files.filter((f) => f.status !== 'ok').map((f) => f.file.task))], ['wikitext-103', 'wikitext-2-raw', 'wikitext-103-raw']);
    assert.equal(report.ok, true);
    assert.deepEqual(report.samples.map((f) => f.path), [
      'glue/SST-2/train.tsv', 'glue/QQP/train.tsv', 'glue/QQP/dev.tsv', 'glue/MNLI/train.tsv', 'glue/MNLI/dev_matched.tsv', 'glue/MNLI/dev_mismatched.tsv', 'glue/QNLI/train.tsv',
    ]);
  });
  it('lists each file once, with licence and source', () => {
    assert.equal(new Set(DATA_FILES.map((f) => f.path)).size, DATA_FILES.length);
    for (const f of DATA_FILES) assert.ok(f.licence && f.source && f.rows > 0, f.path);
  });
});
