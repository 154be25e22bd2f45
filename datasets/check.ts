import { createHash } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ZsaqError } from '../src/index';
import { DATA_FILES, type DataFile } from './registry';

/** `unknown`: the file is there, but the registry has no hash to hold it against. */
export type FileStatus = 'ok' | 'missing' | 'changed' | 'unknown';

export interface CheckedFile { file: DataFile; status: FileStatus; detail: string }

export interface DataReport {
  files: CheckedFile[];
  /** files of which the folder has only a part of the official set */
  samples: DataFile[];
  /** true where every file with a known hash is there and unchanged */
  ok: boolean;
}

/**
 * Verifies bytes, hash and number of rows of every known file in a data folder.
 *
 * @throws ZsaqError 'missing' where there is no folder
 * @example (await checkData('data')).ok
 */
export async function checkData(dataDir: string, files: readonly DataFile[] = DATA_FILES): Promise<DataReport> {
  if (!existsSync(dataDir) || !statSync(dataDir).isDirectory()) throw new ZsaqError('missing', `there is no data folder ${dataDir}: give one with --data or ZSAQ_DATA`);
  const checked: CheckedFile[] = [];
  for (const file of files) checked.push(await checkFile(join(dataDir, file.path), file));
  return {
    files: checked,
    samples: checked.filter((c) => c.status !== 'missing' && c.file.sampleOf !== undefined).map((c) => c.file),
    ok: checked.every((c) => c.status === 'ok' || c.status === 'unknown' || (c.status === 'missing' && c.file.sha256 === undefined)),
  };
}

async function checkFile(path: string, file: DataFile): Promise<CheckedFile> {
  if (!existsSync(path)) return { file, status: 'missing', detail: file.sha256 ? 'not there' : 'not part of this project\'s data' };
  const hash = createHash('sha256');
  let bytes = 0, lines = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
  }
  const rows = lines - (hasHeader(file) ? 1 : 0);
  if (rows !== file.rows) return { file, status: 'changed', detail: `${rows} rows instead of ${file.rows}` };
  if (file.sha256 === undefined) return { file, status: 'unknown', detail: `${rows} rows as published; no hash to check` };
  if (bytes !== file.bytes) return { file, status: 'changed', detail: `${bytes} bytes instead of ${file.bytes}` };
  const digest = hash.digest('hex');
  if (digest !== file.sha256) return { file, status: 'changed', detail: `sha256 ${digest} instead of ${file.sha256}` };
  return { file, status: 'ok', detail: `${rows} rows` };
}

function hasHeader(file: DataFile): boolean { return file.path.endsWith('.tsv') && file.task !== 'CoLA'; }

/** The report as lines for a terminal: one a file, then what is only a sample. */
export function formatReport(report: DataReport): string {
  const width = Math.max(...report.files.map((c) => c.file.path.length));
  const rows = report.files.map(({ file, status, detail }) => {
    const sample = file.sampleOf !== undefined && status !== 'missing' ? `, SAMPLE of ${file.sampleOf}` : '';
    return `${status.padEnd(8)} ${file.path.padEnd(width)}  ${detail}${sample}`;
  });
  const end = report.ok ? 'all files with a known hash are there and unchanged' : 'some files are missing or changed';
  return [...rows, '', `${end}; ${report.samples.length} are samples of the official sets`].join('\n');
}
