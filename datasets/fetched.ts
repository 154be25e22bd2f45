import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole, ZsaqError } from '../src/index';

/** Where a file of a data folder came from, and what it was then. */
export interface Fetched { dataset: string; revision: string; commit: string; parts: readonly string[]; rows: number; bytes: number; sha256: string }

const RECORD = 'hub.json';

/**
 * What `zsaq data get` wrote into a data folder, by path.
 *
 * @throws ZsaqError 'format' where the record is damaged
 */
export function readFetched(dataDir: string): Record<string, Fetched> {
  const path = join(dataDir, RECORD);
  if (!existsSync(path)) return {};
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw damaged(path, error);
  }
  if (typeof value !== 'object' || value === null || !Object.values(value).every(isFetched)) throw damaged(path);
  return value as Record<string, Fetched>;
}

function damaged(path: string, cause?: unknown): ZsaqError {
  return new ZsaqError('format', `${path} is no record of fetched files: remove it, and the files that came from the hub with it`, { cause });
}

function isFetched(value: unknown): boolean {
  const { dataset, commit, rows, bytes, sha256 } = (value ?? {}) as Record<string, unknown>;
  return [dataset, commit, sha256].every((x) => typeof x === 'string') && [rows, bytes].every((x) => Number.isSafeInteger(x));
}

/** Adds a file to the record of its folder. @throws ZsaqError 'format' | 'disk' */
export function noteFetched(dataDir: string, path: string, fetched: Fetched): void {
  const all = { ...readFetched(dataDir), [path]: fetched };
  const sorted = Object.fromEntries(Object.keys(all).sort().map((key) => [key, all[key]]));
  writeWhole(join(dataDir, RECORD), `${JSON.stringify(sorted, null, 2)}\n`);
}
