import { closeSync, existsSync, fstatSync, fsyncSync, mkdirSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ZsaqError } from '../core/error';

/** Bytes moved by one system call: large enough to be fast, small enough not to matter beside a tensor. */
export const CHUNK_BYTES = 4 * 1024 * 1024;

const REASONS: Record<string, string> = {
  ENOSPC: 'no space is left on the disk: free some space or choose another folder',
  EDQUOT: 'the disk quota is used up: free some space or choose another folder',
  EFBIG: 'the file would be larger than this disk or the limit (ulimit -f) allows: choose another folder',
  EROFS: 'the disk is read-only: choose another folder',
  EACCES: 'permission is denied: change the permissions or choose another place',
  EPERM: 'permission is denied: change the permissions or choose another place',
  ENOENT: 'its folder does not exist: make the folder first',
  ENOTDIR: 'a part of its path is a file and not a folder: choose another path',
  EISDIR: 'a folder stands in its place: choose another path',
  EEXIST: 'something else stands in its place: choose another path',
  ENOTEMPTY: 'a folder that is not empty stands in its place: choose another path',
  ENAMETOOLONG: 'its name is too long: choose a shorter one',
  EMFILE: 'too many files are open: raise the limit (ulimit -n)',
};

/**
 * The one sentence for a failed file operation. Errors that are not the system's are handed back unchanged.
 *
 * @param doing what failed, for example 'write' or 'make'
 * @example try { write(path) } catch (error) { throw diskError(error, 'write', path) }
 */
export function diskError(error: unknown, doing: string, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (error instanceof ZsaqError || typeof code !== 'string' || (error as NodeJS.ErrnoException).syscall === undefined) return error;
  return new ZsaqError('disk', `cannot ${doing} ${path}: ${REASONS[code] ?? `the system reports ${code}`}`, { cause: error });
}

/**
 * Makes a folder with those above it, unless it is there. One that vanishes meanwhile is not made again.
 *
 * @throws ZsaqError 'usage' where a file stands in its place, 'disk'
 */
export function makeFolder(dir: string): void {
  const missing: string[] = [];
  // one by one: where a file system refuses (/proc), Node's own recursive form tries for ever
  for (let at = resolve(dir); !existsSync(at); at = dirname(at)) missing.unshift(at);
  try {
    for (const folder of missing) if (!existsSync(folder)) mkdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return makeFolder(dir); // somebody else was faster
    throw diskError(error, 'make', dir);
  }
  if (!statSync(dir).isDirectory()) throw new ZsaqError('usage', `${dir} is a file: give a folder`);
}

/**
 * Opens an ordinary file for reading; anything else (folder, pipe, device) is refused before a read can block.
 *
 * @returns the descriptor, which the caller closes, and the size in bytes
 * @throws ZsaqError 'missing' | 'disk' | 'format'
 */
export function openForReading(path: string): { fd: number; size: number } {
  try {
    if (!statSync(path).isFile()) throw new ZsaqError('format', `${path} is not a file: give the path of a file`);
    const fd = openSync(path, 'r');
    return { fd, size: fstatSync(fd).size };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new ZsaqError('missing', `there is no file ${path}: check the path`);
    throw diskError(error, 'read', path);
  }
}

/**
 * Fills `target` with the bytes from `position` on.
 *
 * @throws ZsaqError 'format' where the file ends before `target` is full, 'disk' where the system fails
 */
export function readInto(fd: number, position: number, target: Uint8Array, path: string): void {
  for (let done = 0; done < target.byteLength;) {
    let got: number;
    try {
      got = readSync(fd, target, done, Math.min(target.byteLength - done, 64 * CHUNK_BYTES), position + done);
    } catch (error) {
      throw diskError(error, 'read', path);
    }
    if (got === 0) throw new ZsaqError('format', `${path} ends at byte ${position + done}, before the data it announces: fetch the file again`);
    done += got;
  }
}

/** Makes a rename in `folder` survive a power cut; file systems that cannot flush a folder are left alone. */
export function syncFolder(folder: string): void {
  let fd = -1;
  try {
    fd = openSync(folder, 'r');
    fsyncSync(fd);
  } catch {
    // Windows and some network file systems refuse this; the rename itself has succeeded.
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

/** Removes a file or folder; a failure to is no second error beside the one that made it superfluous. */
export function removeQuietly(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // It stays, and nothing reads it.
  }
}
