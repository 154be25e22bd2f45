import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

const root = path.resolve(__dirname, '..', '..');
const { closingLine } = require(path.join(root, 'scripts', 'test.cjs'));

describe('npm test', function () {
  this.timeout(120_000);

  it('ends with one line that counts', () => {
    assert.equal(closingLine('pppfsp', 1), '4 passed, 1 failed, 1 skipped');
    assert.equal(closingLine('pp', 0), '2 passed, 0 failed');
    assert.equal(closingLine('pp', 139), '2 passed, 1 failed', 'a process that died is a failure');
    assert.equal(closingLine('', 1), '0 passed, 1 failed');
  });

  const runs: [string, string, number, string][] = [
    ['passes', "it('a', () => {}); it('b', () => {}); it.skip('c', () => {});", 0, '2 passed, 0 failed, 1 skipped'],
    ['fails', "it('a', () => {}); it('b', () => { throw new Error('on purpose'); });", 1, '1 passed, 1 failed'],
    ['dies', "it('a', () => {}); it('b', () => { process.kill(process.pid, 'SIGKILL'); });", 1, '1 passed, 1 failed'],
    ['does not load', "throw new Error('on purpose');", 1, '0 passed, 1 failed'],
  ];
  for (const [name, body, status, line] of runs) {
    it(`tells a run that ${name}`, () => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'zsaq-mocha-'));
      const file = path.join(folder, 'inner.test.ts');
      fs.writeFileSync(file, body);
      const run = spawnSync(process.execPath, [path.join(root, 'scripts', 'test.cjs'), file], { encoding: 'utf8', timeout: 100_000, env: { ...process.env, ZSAQ_TEST_MARKS: '' } });
      fs.rmSync(folder, { recursive: true });
      assert.equal(run.status, status, run.stdout + run.stderr);
      assert.equal(run.stdout.trimEnd().split('\n').pop(), line);
    });
  }
});
