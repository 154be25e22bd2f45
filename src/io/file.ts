import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { TextDecoder } from 'node:util';
import { ZsaqError } from '../core/error';
import { CHUNK_BYTES, diskError, openForReading, readInto, removeQuietly, syncFolder } from './disk';
import { parseJson } from './json';
import { sweepBeside, temporaryBeside } from './temporary';

export { canonicalJson, finiteJson, parseJson } from './json';
export { lockFolder } from './lock';

/** No configuration, index or tokenizer file comes near this; a larger one is refused before it is read. */
const MAX_JSON_BYTES = 100 * 1024 * 1024;

/**
 * Writes a file whole or not at all: a temporary file in the same folder, flushed to the disk, then renamed over `path`.
 * A crash at any moment leaves the old file or the new one. If `data` throws, its error is passed on and nothing remains.
 *
 * @throws ZsaqError 'disk'
 * @example writeWhole('run/metrics.json', canonicalJson(metrics, 2) + '\n')
 */
export function writeWhole(path: string, data: string | Uint8Array | Iterable<Uint8Array>): void {
  const file = new WholeFile(path);
  try {
    const chunks = typeof data === 'string' ? [Buffer.from(data, 'utf8')] : ArrayBuffer.isView(data) ? [data] : data;
    for (const chunk of chunks) file.write(chunk);
    file.commit();
  } catch (error) {
    throw file.abandon(error);
  }
}

/** `writeWhole` for chunks that have to be waited for. @throws ZsaqError 'disk', and whatever `data` throws */
export async function writeWholeAsync(path: string, data: AsyncIterable<Uint8Array>): Promise<void> {
  const file = new WholeFile(path);
  try {
    for await (const chunk of data) file.write(chunk);
    file.commit();
  } catch (error) {
    throw file.abandon(error);
  }
}

/** A file that appears under its name when it is complete. */
class WholeFile {
  private readonly temporary: string;
  private fd = -1;
  private made = false;

  constructor(private readonly path: string) {
    this.temporary = temporaryBeside(path, 'tmp');
  }

  write(bytes: Uint8Array): void {
    this.open();
    writeAll(this.fd, bytes);
  }

  commit(): void {
    this.open(); // a file without bytes is a file
    fsyncSync(this.fd);
    closeSync(this.fd);
    this.fd = -1;
    renameSync(this.temporary, this.path);
    syncFolder(dirname(this.path));
    sweepBeside(this.path);
  }

  /** Removes what was written; returns the error to throw. */
  abandon(error: unknown): unknown {
    if (this.fd >= 0) closeSync(this.fd);
    if (this.made) removeQuietly(this.temporary);
    return diskError(error, 'write', this.path);
  }

  private open(): void {
    if (this.made) return;
    this.fd = openSync(this.temporary, 'wx', 0o666);
    this.made = true;
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength;) {
    done += writeSync(fd, bytes, done, Math.min(bytes.byteLength - done, CHUNK_BYTES));
  }
}

/**
 * Reads a JSON file, strictly (see `parseJson`).
 *
 * @throws ZsaqError 'missing' | 'disk' | 'format', with line and column where the text is wrong
 */
export function readJson(path: string): unknown {
  const { fd, size } = openForReading(path);
  try {
    if (size > MAX_JSON_BYTES) throw new ZsaqError('format', `${path} has ${size} bytes, too many for a JSON file: check that it is the right file`);
    const bytes = new Uint8Array(size);
    readInto(fd, 0, bytes, path);
    return parseJson(decodeUtf8(bytes, path), path);
  } finally {
    closeSync(fd);
  }
}

/** Text from UTF-8 bytes. @throws ZsaqError 'format' where the bytes are not UTF-8 */
export function decodeUtf8(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new ZsaqError('format', `${where} is not UTF-8 text: check that it is the right file or fetch it again`);
  }
}

/** SHA-256 of a file's bytes as 64 hexadecimal digits, read in chunks. @throws ZsaqError 'missing' | 'disk' | 'format' */
export function sha256File(path: string): string {
  const { fd, size } = openForReading(path);
  try {
    const hash = createHash('sha256');
    const chunk = new Uint8Array(Math.min(size, CHUNK_BYTES));
    for (let at = 0; at < size; at += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, size - at));
      readInto(fd, at, part, path);
      hash.update(part);
    }
    return hash.digest('hex');
  } finally {
    closeSync(fd);
  }
}
