import { closeSync } from 'node:fs';
import { ZsaqError } from '../core/error';
import { openForReading, readInto } from './disk';
import { quote } from './quote';
import { checkFooter, checkPages, type HeaderOf } from './parquetPages';
import type { Compressors, FileMetaData } from 'hyparquet';

/** Rows by column name; 64-bit integers come as `bigint`. */
export type ParquetRow = Record<string, unknown>;

/** An open Parquet file of plain columns. */
export interface ParquetFile {
  readonly rows: number;
  /** Names of the columns in their order. */
  readonly columns: readonly string[];
  /** The rows of these columns, one row group at a time. @throws ZsaqError 'missing' | 'format' */
  read(columns: readonly string[]): AsyncGenerator<ParquetRow[]>;
  close(): void;
}

/** More rows than any data set of text has: a damaged file must not make us build lists of billions. */
const MAX_ROWS = 100_000_000;

/**
 * Opens a Parquet file, the form in which the hub keeps its data sets (Snappy or no compression). Only the row group
 * that is read is in memory.
 *
 * @throws ZsaqError 'missing' | 'disk', 'format' for a damaged file
 * @example const file = await openParquet(path); for await (const rows of file.read(['text'])) rows.forEach(use)
 */
export async function openParquet(path: string): Promise<ParquetFile> {
  const { fd, size } = openForReading(path);
  let open = true;
  const close = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  const file = {
    byteLength: size,
    slice(start: number, end = size): ArrayBuffer {
      if (!(start >= 0 && start <= end && end <= size)) throw new Error(`bytes ${start} to ${end} of ${size}`);
      const bytes = new Uint8Array(end - start);
      readInto(fd, start, bytes, path);
      return bytes.buffer;
    },
  };
  try {
    // An ES module: `require` loads it on the supported versions of Node, and only the few who fetch data need it.
    const { parquetMetadataAsync, parquetReadObjects, snappyUncompress } = await import('hyparquet');
    const compressors: Compressors = { SNAPPY: (input, bytes) => unpacked(input, bytes, snappyUncompress) };
    const metadata = await guarded(path, async () => { checkFooter(file); return parquetMetadataAsync(file); });
    const { groups, columns } = await guarded(path, () => Promise.resolve(layoutOf(metadata)));
    const { parquetHeader } = await import('hyparquet/src/column.js' as string) as { parquetHeader: HeaderOf };
    const read = async function* (wanted: readonly string[]): AsyncGenerator<ParquetRow[]> {
      const absent = wanted.find((name) => !columns.includes(name));
      if (absent !== undefined) throw new ZsaqError('missing', `${path} has no column ${quote(absent)} but ${columns.map(quote).join(', ')}: check that it is the right data set`);
      let rowStart = 0;
      for (const [i, count] of groups.entries()) {
        const rowEnd = rowStart + count;
        const rows = await guarded(path, async () => {
          checkPages(file, metadata, i, wanted, { headerOf: parquetHeader, compressors });
          return parquetReadObjects({ file, metadata, columns: [...wanted], rowStart, rowEnd, compressors });
        });
        if (rows.length !== count) throw damaged(path, `a row group has ${rows.length} rows instead of ${count}`);
        yield rows;
        rowStart = rowEnd;
      }
    };
    return { rows: groups.reduce((sum, n) => sum + n, 0), columns, read, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Rows of each row group and the names of the columns. */
function layoutOf({ row_groups: groups, schema, num_rows: total }: FileMetaData): { groups: number[]; columns: string[] } {
  const counts = groups.map((group) => Number(group.num_rows));
  const sum = counts.reduce((a, b) => a + b, 0);
  if (!counts.every((n) => Number.isSafeInteger(n) && n >= 0) || sum !== Number(total) || sum > MAX_ROWS) throw new Error('its row groups do not add up');
  const columns = schema.slice(1);
  if (columns.some((column) => column.num_children)) throw new Error('its columns are nested');
  return { groups: counts, columns: columns.map((column) => column.name) };
}

/** A page of a row group; the size that a damaged header announces is not believed before Snappy could reach it: 64 bytes of every 3. */
function unpacked(input: Uint8Array, bytes: number, uncompress: (input: Uint8Array, output: Uint8Array) => void): Uint8Array {
  if (!(bytes >= 0 && bytes <= 22 * input.length)) throw new Error(`a page of ${input.length} bytes announces ${bytes}`);
  const page = new Uint8Array(bytes);
  uncompress(input, page);
  return page;
}

/** What the Parquet reader throws, as a sentence. */
async function guarded<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof ZsaqError) throw error;
    throw damaged(path, String((error as Error | null)?.message ?? error).replace(/\s+/g, ' ').slice(0, 200), error);
  }
}

function damaged(path: string, what: string, cause?: unknown): ZsaqError {
  return new ZsaqError('format', `${path} is not a whole Parquet file (${what}): remove it and fetch it again`, { cause });
}
