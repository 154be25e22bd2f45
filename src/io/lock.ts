import { closeSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import { join } from 'node:path';
import { ZsaqError } from '../core/error';
import { diskError, makeFolder, removeQuietly } from './disk';

const LOCK_NAME = '.zsaq.lock';

/** A lock whose text is not complete yet belongs to a process that is just writing it, unless it is older than this. */
const WRITING_MS = 3_000;

/** Who holds a folder. `boot` and `started` tell a living process from another that got the same number later. */
interface Holder { pid: number; host: string; boot: string; started: string; since: string }

/**
 * Takes a folder for one run; makes the folder if need be. The lock of a process that no longer lives is taken over.
 *
 * @returns gives the folder back; safe to call twice. The end of the process gives it back too.
 * @throws ZsaqError 'busy' where another living run (or this process itself) holds the folder, 'disk'
 * @example const unlock = lockFolder('runs/first'); try { work() } finally { unlock() }
 */
export function lockFolder(dir: string): () => void {
  const path = join(dir, LOCK_NAME);
  makeFolder(dir);
  const text = JSON.stringify(describe());
  if (!create(path, text)) {
    takeOver(path, dir);
    if (!create(path, text)) throw busy(path, dir);
  }
  const turn = turnOf(path);
  if (isStale(turn, false)) removeQuietly(turn); // of a process that was killed after it had removed a dead one's lock
  let held = true;
  const release = (): void => {
    process.removeListener('exit', release);
    if (held && read(path) === text) removeQuietly(path); // where it cannot be removed, the next run sees that this one is gone
    held = false;
  };
  process.on('exit', release);
  return release;
}

/** Makes the lock file unless it is there; the system guarantees that one of several processes succeeds. */
function create(path: string, text: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw diskError(error, 'write', path);
  }
  try {
    writeSync(fd, text);
    return true;
  } catch (error) {
    removeQuietly(path); // as on a disk that has become read-only
    throw diskError(error, 'write', path);
  } finally {
    closeSync(fd);
  }
}

/**
 * Removes the lock of a dead process. A second lock around this step keeps two processes that both saw the dead one
 * from removing each other's new lock.
 */
function takeOver(path: string, dir: string): void {
  settle(path);
  if (!isStale(path)) throw busy(path, dir);
  const turn = turnOf(path), text = JSON.stringify(describe());
  if (!create(turn, text)) {
    settle(turn);
    if (!isStale(turn)) throw busy(path, dir);
    removeQuietly(turn); // of a process that was killed in this step
    if (!create(turn, text)) throw busy(path, dir);
  }
  try {
    if (isStale(path, false)) rmSync(path, { force: true });
  } catch (error) {
    throw diskError(error, 'remove', path);
  } finally {
    removeQuietly(turn);
  }
}

function turnOf(path: string): string { return `${path}.takeover`; }

/** Waits until a lock that is just being written is complete, or too old for that: its process was killed in between. */
function settle(path: string): void {
  for (let text = read(path); text !== undefined && !parse(text) && age(path) < WRITING_MS; text = read(path)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
}

/** Whether nobody lives who holds it; `gone`: the answer where it has been given back. */
function isStale(path: string, gone = true): boolean {
  const text = read(path);
  if (text === undefined) return gone;
  const holder = parse(text);
  if (!holder) return age(path) >= WRITING_MS;
  if (holder.host !== hostname()) return false; // a shared disk: whether that process lives cannot be seen from here
  if (!sameBoot(holder.boot, bootTime())) return true;
  return !isAlive(holder.pid) || (holder.started !== '' && holder.started !== startOf(holder.pid));
}

function busy(path: string, dir: string): ZsaqError {
  const holder = parse(read(path) ?? '');
  const who = holder ? `process ${holder.pid} on ${holder.host} since ${holder.since}` : 'another run';
  return new ZsaqError('busy', `${dir} is in use by ${who}: wait for it, choose another folder, or remove ${path} if that run is gone`);
}

function describe(): Holder {
  return { pid: process.pid, host: hostname(), boot: bootTime(), started: startOf(process.pid), since: new Date().toISOString() };
}

/** When this machine started: the kernel's own mark on Linux, else the second by the clock. */
function bootTime(): string {
  return read('/proc/sys/kernel/random/boot_id')?.trim() ?? String(Math.round(Date.now() / 1000 - uptime()));
}

/** The clock may be set while a machine runs, so two start times within five minutes count as one. */
function sameBoot(a: string, b: string): boolean {
  return a === b || Math.abs(Number(a) - Number(b)) < 300;
}

/** When a process started, in clock ticks since the machine did (Linux, field 22 of its stat file); '' where it cannot be told. */
function startOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** Whether a process of this machine runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // it lives, but belongs to another user
  }
}

function parse(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Holder | null;
    return value && Number.isInteger(value.pid) && value.pid > 0 ? value : undefined;
  } catch {
    return undefined;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function age(path: string): number {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}
