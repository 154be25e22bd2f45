// What disks do: full, read-only, gone, failing, and files that are damaged or change while they are read.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { lockFolder } from '../../../src/io/file';
import { inPlace, undisturbed, unlikeSentence, type FaultCase, type Place } from './place';
import type { Fault } from '../suffer';

/** Lets every operation from some moment on fail with a code; then the disk is well again and the run goes on. */
function failing(kind: string, code: string, pattern: RegExp, more: Partial<Fault> = {}, moments = [2, 9, 33, 55]): FaultCase {
  return {
    kind,
    inject: () => inPlace(async (p) => {
      for (const at of moments) {
        p.clear();
        const wrong = unlikeSentence(await p.run({ act: 'error', code, at, from: true, ...more }), pattern);
        if (wrong) return `at operation ${at} ${wrong}`;
      }
      return p.goesOn(await undisturbed());
    }),
  };
}

/** A run of which two checkpoints are there. */
async function halfDone(p: Place): Promise<void> {
  await p.run({ act: 'kill', at: 45, when: 'after' });
}

/** Half a run, a wound, and a run that goes on from what is whole. */
function mended(kind: string, wound: (p: Place) => void): FaultCase {
  return { kind, inject: () => inPlace(async (p) => { await halfDone(p); wound(p); return p.goesOn(await undisturbed()); }) };
}

const newest = (p: Place): string => p.dir('checkpoints', readdirSync(p.dir('checkpoints')).filter((name) => name.startsWith('step-')).sort().at(-1)!);

export const DISK: readonly FaultCase[] = [
  {
    kind: 'full disk',
    inject: () => inPlace(async (p) => {
      mkdirSync(p.dir());
      if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=28k', 'tmpfs', p.dir()]).status !== 0) return failing('full disk', 'ENOSPC', /no space is left/).inject(); // mounting needs rights
      try {
        const wrong = unlikeSentence(await p.run(), /no space is left on the disk/);
        if (wrong) return wrong;
        spawnSync('mount', ['-o', 'remount,size=4m', p.dir()]);
        return await p.goesOn(await undisturbed());
      } finally {
        spawnSync('umount', [p.dir()]);
      }
    }),
  },
  failing('no space at any moment', 'ENOSPC', /no space is left/),
  failing('quota used up', 'EDQUOT', /quota is used up/),
  failing('read-only disk', 'EROFS', /read-only/),
  failing('permission denied', 'EACCES', /permission is denied/),
  failing('flush that fails', 'EIO', /EIO/, { ops: ['fsyncSync'], path: '.tmp' }, [1, 3, 5]),
  failing('rename that fails', 'EXDEV', /EXDEV/, { ops: ['renameSync'] }, [1, 3, 5]),
  failing('too many open files', 'EMFILE', /too many files are open/, { ops: ['openSync'] }, [2, 5, 9]),
  {
    kind: 'vanished folder',
    inject: () => inPlace(async (p) => {
      for (const at of [4, 20, 40]) {
        p.clear();
        const wrong = unlikeSentence(await p.run({ act: 'remove', at, target: p.dir() }), /was removed while the run worked in it|its folder does not exist/);
        if (wrong) return `at operation ${at} ${wrong}`;
      }
      return p.goesOn(await undisturbed());
    }),
  },
  {
    kind: 'two runs in one folder',
    inject: () => inPlace(async (p) => {
      await halfDone(p);
      const release = lockFolder(p.dir()), wrong = unlikeSentence(await p.run(), /is in use by process \d+/);
      release();
      return wrong ?? p.goesOn(await undisturbed());
    }),
  },
  {
    kind: 'read error',
    inject: () => inPlace(async (p) => {
      await halfDone(p);
      return unlikeSentence(await p.run({ act: 'error', code: 'EIO', ops: ['readSync'], path: 'checkpoints', at: 1, from: true }), /cannot read .*EIO/) ?? p.goesOn(await undisturbed());
    }),
  },
  {
    kind: 'file cut while it is read',
    inject: () => inPlace(async (p) => {
      await p.run();
      return unlikeSentence(await p.run({ act: 'truncate', ops: ['readSync'], path: 'model.safetensors', at: 2 }, 'read'), /ends at byte \d+/);
    }),
  },
  mended('damaged checkpoint', (p) => {
    const bytes = readFileSync(newest(p));
    bytes[bytes.length - 5] ^= 1;
    writeFileSync(newest(p), bytes);
  }),
  mended('checkpoint cut off', (p) => writeFileSync(newest(p), readFileSync(newest(p)).subarray(0, 700))),
  mended('lock of a dead run', (p) => writeFileSync(join(p.dir(), '.zsaq.lock'), JSON.stringify({ pid: 2 ** 22 - 1, host: hostname(), boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(), started: '1', since: '2020-01-01T00:00:00.000Z' }))),
  { kind: 'settings cut off', inject: () => inPlace(async (p) => {
    await halfDone(p);
    const path = p.dir('config.json'), whole = readFileSync(path);
    writeFileSync(path, whole.subarray(0, 5));
    const wrong = unlikeSentence(await p.run(), /config\.json is not valid JSON/);
    writeFileSync(path, whole);
    return wrong ?? p.goesOn(await undisturbed());
  }) },
];
