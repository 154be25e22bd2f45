import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TextDecoder } from 'node:util';
import { ZsaqError } from '../src/index';

/**
 * The first of several files that exists.
 *
 * @throws ZsaqError 'missing' naming the folder, or the file that was looked for
 */
export function firstExisting(dataDir: string, candidates: readonly string[], what: string): string {
  if (!existsSync(dataDir) || !statSync(dataDir).isDirectory()) {
    throw new ZsaqError('missing', `there is no data folder ${dataDir}: give one with --data or ZSAQ_DATA`);
  }
  const found = candidates.map((c) => join(dataDir, c)).find((path) => existsSync(path) && statSync(path).isFile());
  if (!found) throw new ZsaqError('missing', `no file for ${what} in ${dataDir}: it needs ${candidates.join(' or ')}`);
  return found;
}

/** Lines of a UTF-8 file; only line feeds end a line, and the last empty line is none. @throws ZsaqError 'disk' | 'format' */
export function readLines(path: string): string[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new ZsaqError('disk', `cannot read ${path}: the system reports ${(error as NodeJS.ErrnoException).code ?? 'no reason'}`, { cause: error });
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_STRING_TOO_LONG') throw new ZsaqError('range', `${path} has ${bytes.length} bytes, more than fit one text here (512 Mi characters): give a part of it`, { cause: error });
    throw new ZsaqError('format', `${path} is not UTF-8 text: check that it is the right file or fetch it again`, { cause: error });
  }
  const lines = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  if (lines[lines.length - 1] === '') lines.pop();
  return lines;
}
