import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { noteFetched, readFetched, type Fetched } from '../../datasets/fetched';
import type { HubFile } from '../../datasets/hub';
import { ZsaqError } from '../core/error';
import { makeFolder } from '../io/disk';
import { lockFolder, sha256File, writeWholeAsync } from '../io/file';
import { downloadFile, type CachedFile } from '../io/hub';
import { openParquet, type ParquetFile } from '../io/parquet';
import { Progress } from '../report/progress';
import { downloadBars } from './modelFolder';

export interface GetOptions {
  /** the data folder */
  out: string;
  /** another repository of the same layout */
  dataset?: string;
  revision?: string;
  signal: AbortSignal;
  onNote(note: string): void;
}

/**
 * Fetches data sets from the hub into its cache and writes them into a data folder in their official layout, each file whole
 * or not at all. Files that came from the hub before and have not changed are left as they are.
 *
 * @throws ZsaqError 'usage' where another file stands in the place of one, 'network' | 'missing' | 'format' | 'disk' | 'cancelled' | 'busy'
 */
export async function getData(wanted: readonly HubFile[], options: GetOptions): Promise<void> {
  const { out, onNote } = options;
  const unlock = lockFolder(out);
  try {
    const known = readFetched(out), missing = wanted.filter(({ file }) => !isThere(join(out, file.path), known[file.path], options));
    for (const { file } of wanted) if (!missing.some((m) => m.file === file)) onNote(`${file.path} is there already`);
    for (const one of missing) {
      const source = { ...one, dataset: options.dataset ?? one.dataset, revision: options.revision ?? one.revision };
      noteFetched(out, one.file.path, await getFile(source, options));
    }
  } finally {
    unlock();
  }
}

/** Whether a file is the one that was fetched; anything else in its place is the user's. */
function isThere(path: string, fetched: Fetched | undefined, { dataset, revision }: GetOptions): boolean {
  if (!existsSync(path)) return false;
  if (fetched && ((dataset ?? fetched.dataset) !== fetched.dataset || (revision ?? fetched.revision) !== fetched.revision)) {
    throw new ZsaqError('usage', `${path} came from ${fetched.dataset} at ${fetched.revision}, and another source is asked for: remove it, or give another folder with --out`);
  }
  if (fetched && sha256File(path) === fetched.sha256) return true;
  throw new ZsaqError('usage', `${path} is there and ${fetched ? 'was changed after it came' : 'did not come'} from the hub: remove it, or give another folder with --out`);
}

async function getFile(source: HubFile, { out, signal, onNote }: GetOptions): Promise<Fetched> {
  const { file, dataset, revision, parts, form } = source;
  const bars = downloadBars(), cached: CachedFile[] = [];
  try {
    for (const part of parts) {
      // all parts of a file are of one commit, whatever happens to the branch in the meantime
      const pinned = cached[0]?.commit ?? revision;
      cached.push(await downloadFile(dataset, part, { type: 'dataset', revision: pinned, signal, onNote, onProgress: bars.onProgress }));
    }
  } finally {
    bars.end();
  }
  const path = join(out, file.path), hash = createHash('sha256');
  let rows = 0, bytes = 0;
  makeFolder(dirname(path));
  await writeWholeAsync(path, (async function* () {
    if (form.header) yield noted(`${form.header}\n`);
    const open: ParquetFile[] = [];
    let bar: Progress | undefined;
    try {
      for (const part of cached) open.push(await openParquet(part.path));
      bar = new Progress(`writing ${file.path}`, open.reduce((n, parquet) => n + parquet.rows, 0));
      for (const parquet of open) for await (const lines of linesOf(parquet, source)) {
        await setImmediate(); // lets Ctrl-C through
        if (signal.aborted) throw new ZsaqError('cancelled', 'stopped: run the command again, it goes on with the first file that is missing');
        yield noted(lines.join(''));
        bar.update(rows += lines.length);
      }
    } finally {
      bar?.end();
      for (const parquet of open) parquet.close();
    }
  })());
  return { dataset, revision, commit: cached[0].commit, parts, rows, bytes, sha256: hash.digest('hex') };

  function noted(text: string): Uint8Array {
    const chunk = Buffer.from(text, 'utf8');
    hash.update(chunk);
    bytes += chunk.length;
    return chunk;
  }
}

/** The lines of a part, a row group at a time. */
async function* linesOf(parquet: ParquetFile, { form, dataset }: HubFile): AsyncGenerator<string[]> {
  for await (const rows of parquet.read(form.columns)) {
    try {
      yield rows.map((row) => `${form.line(row)}\n`);
    } catch (error) {
      if (error instanceof ZsaqError) throw new ZsaqError(error.code, `${dataset}: ${error.message}`, { cause: error });
      throw error;
    }
  }
}
