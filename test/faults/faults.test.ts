// The short form of `npm run test:faults`: the writers killed, the faults that need no TensorFlow, every reader with a few hundred inputs.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { injectAll } from './faults/faults';
import { fuzzAll } from './fuzz/fuzz';
import { guarded, Fence } from './fuzz/guard';
import { killAll } from './kills/kills';
import { difference, madeIn } from './made';
import { sufferScript } from './suffer';
import { closingLine, Tally } from './tally';

const nothingWrong = (tally: Tally): void => assert.deepEqual([...tally.lost, ...tally.failures], []);

describe('faults, in short', function () {
  this.timeout(300_000);

  it('killed at random operations on the disk, the writers, a download and the set-up end as if undisturbed', async () => {
    const tally = new Tally();
    await killAll(tally, { seed: 1, kills: 12, heavy: false });
    nothingWrong(tally);
    assert.ok(tally.kills >= 10, `${tally.kills} kills`);
  });

  it('faults of disk, network and process end in one sentence, and nothing is lost', async () => {
    const tally = new Tally();
    await injectAll(tally, { heavy: false });
    nothingWrong(tally);
    assert.ok(tally.kinds.size >= 20, `${tally.kinds.size} kinds`);
  });

  it('every reader refuses or reads what it gets, within its folder, time and memory', async () => {
    const tally = new Tally();
    await fuzzAll(tally, { seed: 1, inputs: 3000 });
    nothingWrong(tally);
    assert.ok(tally.inputs >= 2900, `${tally.inputs} inputs`);
  });
});

describe('faults: the checks themselves', () => {
  const dir = mkdtempSync(join(tmpdir(), 'zsaq-checks-'));
  after(() => rmSync(dir, { recursive: true, force: true }));

  it('the guard sees a crash, a changed prototype, a file outside of the folder, and memory', async () => {
    const fence = new Fence([dir]), fs = require('node:fs') as typeof import('node:fs');
    assert.equal(await guarded(() => { fs.writeFileSync(join(dir, 'x'), ''); }, 0, fence), undefined);
    assert.match((await guarded(() => { throw new TypeError('oh'); }, 0, fence))!, /it throws TypeError: oh/);
    assert.match((await guarded(() => { fs.readFileSync(__filename); }, 0, fence))!, /it left its folder: .*faults\.test\.ts/);
    assert.match((await guarded(() => { kept.push(Buffer.alloc(200 * 2 ** 20)); }, 10, fence))!, /bytes for 10/);
    assert.match((await guarded(() => { (Object.prototype as Record<string, unknown>).polluted = 1; }, 0, fence))!, /prototype/);
    delete (Object.prototype as Record<string, unknown>).polluted;
    kept.length = 0;
  });
  const kept: Buffer[] = [];

  it('the hook kills at the operation that it is told, and a half-written file is a difference', async () => {
    const root = join(dir, 'run'), run = (fault: object) => sufferScript(join(__dirname, 'kills', 'writer.ts'), ['model', root], { roots: [root], ...fault });
    const killed = await run({ act: 'kill', at: 4, when: 'middle' });
    assert.equal(killed.signal, 'SIGKILL');
    const whole = await run({}), made = madeIn(root);
    assert.equal(whole.code, 0, whole.stderr);
    assert.ok(whole.operations > whole.turns && whole.turns > 10);
    assert.equal(difference(madeIn(root), made), undefined);
    writeFileSync(join(root, 'model', 'config.json'), '{');
    writeFileSync(join(root, 'litter.tmp'), '');
    assert.equal(difference(madeIn(root), made), 'model/config.json differ; left behind litter.tmp');
    assert.equal(difference({}, { a: '1' }), 'lacks a');
  });

  it('closes with one line', () => assert.equal(closingLine({ kills: 300, faults: 25, inputs: 100_000, lost: 0, failures: 0 }), '300 kills survived, 25 kinds of faults injected, 100000 inputs read, 0 times something lost, 0 failures'));
});
