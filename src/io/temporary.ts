import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { removeQuietly } from './disk';
import { isAlive } from './lock';

/** Tells machines apart that share a disk: each sweeps up after its own processes only. */
const MACHINE = createHash('sha256').update(hostname()).digest('hex').slice(0, 4);

/** A hidden name beside `path` for what will take its place: of this process and no other. @example temporaryBeside('a/b.json', 'tmp') // such as 'a/.b.json.4711.1f0c9d2e.tmp' */
export function temporaryBeside(path: string, ending: 'tmp' | 'old' | 'link'): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.${MACHINE}${randomBytes(2).toString('hex')}.${ending}`);
}

/** Removes what processes of this machine left beside `path` that were killed while they wrote it. */
export function sweepBeside(path: string): void {
  const start = `.${basename(path)}.`;
  for (const name of readdirSync(dirname(path))) {
    const [, pid, machine] = (name.startsWith(start) && /^(\d+)\.([0-9a-f]{4})[0-9a-f]{4}\.(?:tmp|old|link)$/.exec(name.slice(start.length))) || [];
    if (machine === MACHINE && !isAlive(Number(pid))) removeQuietly(join(dirname(path), name));
  }
}
