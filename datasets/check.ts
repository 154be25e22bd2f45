import { createHash } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ZsaqError } from '../src/index';
import { readFetched, type Fetched } from './fetched';
import { DATA_FILES, type DataFile } from './registry';

/** `unknown`: the file is there, but the registry has no hash to hold it against. */
export type FileStatus = 'ok' | 'missing' | 'changed' | 'unknown';

/** `sample`: the file that is there is a part of the official set only. */
export interface CheckedFile { file: DataFile; status: FileStatus; detail: string; sample: boolean }

export interface DataReport {
  files: CheckedFile[];
  /** files of which the folder has only a part of the official set */
  samples: DataFile[];
  /** true where every file with a known hash is there and unchanged */
  ok: boolean;
}

/**
 * Verifies bytes, hash, rows and words of every known file in a data folder: against the registry, or where a file came from
 * the hub, against what was written then and the official number of rows.
 *
 * @throws ZsaqError 'missing' where there is no folder
 * @example (await checkData('data')).ok
 */
export async function checkData(dataDir: string, files: readonly DataFile[] = DATA_FILES): Promise<DataReport> {
  if (!existsSync(dataDir) || !statSync(dataDir).isDirectory()) throw new ZsaqError('missing', `there is no data folder ${dataDir}: give one with --data or ZSAQ_DATA`);
  const fetched = readFetched(dataDir), checked: CheckedFile[] = [];
  for (const file of files) checked.push(await checkFile(join(dataDir, file.path), file, fetched[file.path]));
  return {
    files: checked,
    samples: checked.filter((c) => c.sample).map((c) => c.file),
    ok: checked.every((c) => c.status === 'ok' || c.status === 'unknown' || (c.status === 'missing' && c.file.sha256 === undefined)),
  };
}

async function checkFile(path: string, file: DataFile, fetched: Fetched | undefined): Promise<CheckedFile> {
  if (!existsSync(path)) return { file, status: 'missing', detail: file.sha256 ? 'not there' : 'not part of this project\'s data', sample: false };
  const found = await measure(path), rows = found.lines - (hasHeader(file) ? 1 : 0);
  const result = (status: FileStatus, detail: string, sample = false): CheckedFile => ({ file, status, detail, sample });
  const sample = file.sampleOf !== undefined;
  if (file.sha256 !== undefined && found.sha256 === file.sha256) return result('ok', `${rows} rows`, sample);
  const wanted = fetched ? file.sampleOf ?? file.rows : file.rows;
  const kept = sample && !fetched;
  if (rows !== wanted) return result('changed', `${rows} rows instead of ${wanted}`, kept);
  const { bytes, sha256 } = fetched ?? file;
  if (bytes !== undefined && found.bytes !== bytes) return result('changed', `${found.bytes} bytes instead of ${bytes}`, kept);
  if (sha256 !== undefined && found.sha256 !== sha256) return result('changed', `sha256 ${found.sha256} instead of ${sha256}`, kept);
  if (file.words !== undefined && found.words !== file.words) return result('changed', `${found.words} words instead of ${file.words}`, kept);
  if (!fetched) return result('unknown', `${rows} rows${file.words ? ` and ${file.words} words` : ''} as published; no hash to check`, kept);
  return result('ok', `${rows} rows, as fetched from ${fetched.dataset} at ${fetched.commit.slice(0, 12)}`);
}

/** Bytes, hash, line feeds, and words between white space with one more a line. */
async function measure(path: string): Promise<{ bytes: number; sha256: string; lines: number; words: number }> {
  const hash = createHash('sha256');
  let bytes = 0, lines = 0, words = 0, inside = false;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i], space = byte === 32 || (byte >= 9 && byte <= 13);
      if (!space && !inside) words++;
      if (byte === 10) lines++;
      inside = !space;
    }
  }
  return { bytes, sha256: hash.digest('hex'), lines, words: words + lines };
}

function hasHeader(file: DataFile): boolean { return file.path.endsWith('.tsv') && file.task !== 'CoLA'; }

/** The report as lines for a terminal: one a file, then what is only a sample. */
export function formatReport(report: DataReport): string {
  const width = Math.max(...report.files.map((c) => c.file.path.length));
  const rows = report.files.map(({ file, status, detail, sample }) => `${status.padEnd(8)} ${file.path.padEnd(width)}  ${detail}${sample ? `, SAMPLE of ${file.sampleOf}` : ''}`);
  const end = report.ok ? 'all files with a known hash are there and unchanged' : 'some files are missing or changed';
  return [...rows, '', `${end}; ${report.samples.length} are samples of the official sets`].join('\n');
}
