import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { lockFolder } from '../../src/io/file';
import { refuses, scratch } from './helpers';

const HOLD = `const { lockFolder } = require(${JSON.stringify(require.resolve('../../src/io/file.ts'))});
  try { lockFolder(process.argv[1]); console.log('held'); setTimeout(() => {}, 60000); } catch (e) { console.log(e.code); }`;

function start(dir: string): { child: ChildProcess; said: Promise<string>; ended: Promise<void> } {
  const child = spawn(process.execPath, ['--require', 'tsx/cjs', '-e', HOLD, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  return {
    child,
    said: new Promise((done) => child.stdout!.once('data', (data) => done(String(data).trim()))),
    ended: new Promise((done) => child.once('exit', () => done())),
  };
}

describe('io/lock', () => {
  const at = scratch();
  const lockFile = (): string => at('run/.zsaq.lock');

  it('is held once, even within one process, and can be given back twice', () => {
    const release = lockFolder(at('run'));
    refuses(() => lockFolder(at('run')), 'busy', new RegExp(`is in use by process ${process.pid} on .*: wait for it`));
    release();
    const again = lockFolder(at('run'));
    release(); // the old handle must not open the new lock
    assert(existsSync(lockFile()));
    again();
    assert.deepEqual(readdirSync(at('run')), []);
  });

  it('keeps a second process out until the first ends, killed or not', async () => {
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const { child, said, ended } = start(at('run'));
      assert.equal(await said, 'held');
      refuses(() => lockFolder(at('run')), 'busy', new RegExp(`process ${child.pid} `));
      child.kill(signal);
      await ended;
      lockFolder(at('run'))();
    }
  });

  it('lets one of several through where all see the lock of a dead process', async () => {
    const first = start(at('run'));
    assert.equal(await first.said, 'held');
    first.child.kill('SIGKILL');
    await first.ended;
    assert(existsSync(lockFile()));
    const rivals = Array.from({ length: 4 }, () => start(at('run')));
    try {
      assert.deepEqual((await Promise.all(rivals.map(({ said }) => said))).sort(), ['busy', 'busy', 'busy', 'held']);
    } finally {
      for (const { child } of rivals) child.kill('SIGKILL');
      await Promise.all(rivals.map(({ ended }) => ended));
    }
  });

  it('tells a living process from another that got its number, and from one before a restart', () => {
    lockFolder(at('run'))();
    const release = lockFolder(at('run'));
    const mine = JSON.parse(readFileSync(lockFile(), 'utf8')) as Record<string, unknown>;
    release();
    const stands = (change: object): void => writeFileSync(lockFile(), JSON.stringify({ ...mine, ...change }));
    stands({ boot: 'another start of the machine' });
    lockFolder(at('run'))();
    if (mine.started !== '') {
      stands({ started: '1' });
      lockFolder(at('run'))();
    }
    stands({ host: 'elsewhere', pid: 1 }); // a process on another machine cannot be looked at
    refuses(() => lockFolder(at('run')), 'busy', /process 1 on elsewhere since .*remove .*\.zsaq\.lock if that run is gone/);
  });

  it('leaves nothing of a process that was killed after it had removed a dead one\'s lock', async () => {
    const { child, said, ended } = start(at('run'));
    assert.equal(await said, 'held');
    child.kill('SIGKILL');
    await ended;
    renameSync(lockFile(), `${lockFile()}.takeover`);
    lockFolder(at('run'))();
    assert.deepEqual(readdirSync(at('run')), []);
  });

  it('waits for a lock that is just being written, and takes over one that was cut short, of a takeover too', () => {
    lockFolder(at('run'))();
    const began = Date.now(), shortly = began / 1000 - 2.6;
    for (const name of [lockFile(), `${lockFile()}.takeover`]) {
      writeFileSync(name, '{"pid": 12');
      utimesSync(name, shortly, shortly);
    }
    lockFolder(at('run'))();
    assert(Date.now() - began >= 300, 'it did not wait');
    assert.deepEqual(readdirSync(at('run')), []);
  });

  it('says when the folder cannot be made', () => {
    writeFileSync(at('file'), '');
    refuses(() => lockFolder(at('file')), 'usage', /is a file/);
    if (process.platform === 'linux') refuses(() => lockFolder('/proc/zsaq/run'), 'disk', /cannot make/);
  });
});
