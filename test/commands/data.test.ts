import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { DATA_FILES } from '../../datasets/registry';
import { parse, type Command } from '../../src/commands/command';
import { lastJson, scratch, zsaq } from './helpers';

interface Checked { path: string; status: string; detail: string; sampleOf: number | null }

describe('zsaq data', () => {
  const s = scratch(), before = process.env.ZSAQ_DATA;
  beforeEach(() => { delete process.env.ZSAQ_DATA; });
  after(() => {
    if (before !== undefined) process.env.ZSAQ_DATA = before;
    s.remove();
  });

  it('list names every file with its licence, what is a sample, and that two sets share their text', async () => {
    const ended = await zsaq('data', 'list');
    assert.equal(ended.code, 0, ended.stderr);
    for (const f of DATA_FILES) assert.match(ended.stdout, new RegExp(`${f.path.replace(/[.]/g, '\\.')} .*${f.licence.replace(/[.()]/g, '\\$&')}`));
    assert.match(ended.stdout, /glue\/QQP\/dev\.tsv +1000 +40430 /);
    assert.match(ended.stdout, /WikiText-103 is that of WikiText-2/);
    const json = lastJson(await zsaq('data', 'list', '--json'));
    assert.equal((json.files as unknown[]).length, DATA_FILES.length);
    assert.ok((json.bundled as string[]).includes('pocket-tales'));
  });

  it('check says of each file what is wrong with it, and ends with 1', async () => {
    mkdirSync(s.path('data', 'ptb'), { recursive: true });
    writeFileSync(s.path('data', 'ptb', 'test.txt'), 'a line\n'.repeat(3761)); // as many rows, other text
    writeFileSync(s.path('data', 'ptb', 'valid.txt'), 'a line\n');
    const ended = await zsaq('data', 'check', '--data', s.path('data'), '--json'), json = lastJson(ended), files = json.files as Checked[];
    assert.equal(ended.code, 1);
    assert.equal(json.ok, false);
    const status = (path: string) => files.find((f) => f.path === path)!;
    assert.deepEqual([status('ptb/test.txt').status, status('ptb/valid.txt').status, status('ptb/train.txt').status], ['changed', 'changed', 'missing']);
    assert.match(status('ptb/test.txt').detail, /bytes instead of 449945/);
    assert.match(status('ptb/valid.txt').detail, /1 rows instead of 3370/);
    assert.match(ended.stderr, /changed +ptb\/test\.txt/, 'with --json the lines for people go to standard error');
    assert.match((await zsaq('data', 'check', '--data', s.path('data'))).stdout, /some files are missing or changed/);
  });

  it('check takes the folder from ZSAQ_DATA; all of the real data is whole', async function () {
    process.env.ZSAQ_DATA = s.path('nowhere');
    const missing = await zsaq('data', 'check');
    assert.deepEqual([missing.code, missing.stdout], [1, '']);
    assert.match(missing.stderr, /^zsaq: there is no data folder .*nowhere.*\n$/);
    if (before === undefined) { console.log('      skipped: set ZSAQ_DATA'); this.skip(); }
    process.env.ZSAQ_DATA = before;
    const ended = await zsaq('data', 'check', '--json'), json = lastJson(ended);
    assert.deepEqual([ended.code, json.ok, json.folder, (json.samples as string[]).length], [0, true, before, 7]);
    assert.match(ended.stderr, /SAMPLE of 67349/);
  });

  it('a mistake is one sentence', async () => {
    const cases: [string[], RegExp, number][] = [
      [['data'], /say what to do, list or check or get/, 2], [['data', 'fetch'], /"fetch" is none of its actions, list or check or get/, 2],
      [['data', 'get'], /say which SET to get/, 2], [['data', 'get', 'RTE', 'CoLA'], /unexpected "CoLA"/, 2],
      [['data', 'list', 'ptb'], /unexpected "ptb"/, 2], [['data', 'check'], /--data is missing.*ZSAQ_DATA/, 2], [['data', 'check', '--dir', 'x'], /--dir/, 2],
    ];
    for (const [args, sentence, code] of cases) {
      const ended = await zsaq(...args);
      assert.match(ended.stderr, sentence);
      assert.match(ended.stderr, /^zsaq: [^\n]+\n$/);
      assert.deepEqual([ended.code, ended.stdout], [code, '']);
    }
    assert.match((await zsaq('data', '--help')).stdout, /zsaq data check/);
  });

  it('a command without actions takes no further words', () => {
    const command = { name: 'plain', options: {} } as unknown as Command;
    assert.throws(() => parse(command, ['word']), /plain: unexpected "word"/);
    assert.deepEqual({ ...parse(command, ['--json']) }, { json: true });
    assert.deepEqual({ ...parse({ ...command, actions: ['go'] }, ['--json', 'go']) }, { json: true, action: 'go' });
    const taking = { ...command, actions: ['go', 'take'], operand: { action: 'take', name: 'THING' } };
    assert.deepEqual({ ...parse(taking, ['take', 'it']) }, { action: 'take', operand: 'it' });
    assert.throws(() => parse(taking, ['take']), /plain: say which THING to take/);
    assert.throws(() => parse(taking, ['go', 'it']), /unexpected "it"/);
  });
});
