// How cells that run at the same time divide the cores.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { coreList, keptOn, ownCores, sharesOf } from '../../reproductions/runner/cores';

describe('cores of cells', () => {
  it('reads the list of the system', () => {
    assert.deepEqual(coreList('0-2,5'), [0, 1, 2, 5]);
    assert.deepEqual(coreList('7'), [7]);
    assert.deepEqual(coreList(''), []);
  });

  it('gives every core to one worker, none to two while there are enough', () => {
    for (const workers of [1, 2, 3, 4, 7]) {
      const shares = sharesOf([4, 5, 6, 7, 8, 9, 10], workers), sizes = shares.map((s) => s.length);
      assert.deepEqual(shares.flat(), [4, 5, 6, 7, 8, 9, 10]);
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `${sizes}`);
    }
    assert.deepEqual(sharesOf([3, 4], 3), [[3], [4], [3]]);
    assert.deepEqual(sharesOf([], 2), [[], []]);
  });

  it('a program is kept on its share, and left alone without one', function () {
    const own = ownCores(), count = ['-p', 'require("node:os").availableParallelism()'];
    if (!own.length || spawnSync('taskset', ['--version']).status !== 0) return this.skip();
    assert.equal(own.length, availableParallelism());
    const run = ([command, args]: [string, string[]]) => spawnSync(command, args, { encoding: 'utf8' }).stdout.trim();
    assert.equal(run(keptOn([own[0]], process.execPath, count)), '1');
    assert.equal(run(keptOn([], process.execPath, count)), `${own.length}`);
  });
});
