// What a Parquet file announces, walked through before hyparquet reads it: it makes lists as long as headers say and repeats a value as often as
// a run says, so that a few damaged bytes take gigabytes or end the process.
import { endOfStruct, varint } from './thrift';
import type { Compressors, DataReader, FileMetaData, PageHeader } from 'hyparquet';

export interface Bytes { byteLength: number; slice(start: number, end?: number): ArrayBuffer }
export type HeaderOf = (reader: DataReader) => PageHeader;

/** The footer, before anything is made from it: its length and magic are the last eight bytes. @throws Error */
export function checkFooter(file: Bytes): void {
  const { byteLength: size } = file, length = size < 12 ? 0 : new DataView(file.slice(size - 8)).getUint32(0, true);
  if (length > 0 && length <= size - 12) endOfStruct(new DataView(file.slice(size - 8 - length, size - 8)), 0); // else the reader refuses it
}

/**
 * The pages of these columns of a row group: they have no more values than the group has rows, a dictionary no more words than bits, and no
 * run repeats its value more often than the page has values.
 *
 * @throws Error
 */
export function checkPages(file: Bytes, { row_groups: groups, schema }: FileMetaData, group: number, wanted: readonly string[], { headerOf, compressors }: { headerOf: HeaderOf; compressors: Compressors }): void {
  const { columns, num_rows: rows } = groups[group];
  for (const { meta_data: chunk } of columns) {
    const name = chunk?.path_in_schema.join('.'), element = schema.find((e) => e.name === name);
    if (!chunk || !element || !wanted.includes(name!)) continue;
    const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset), view = new DataView(file.slice(start, start + Number(chunk.total_compressed_size)));
    let values = 0;
    for (const reader = { view, offset: 0 }; reader.offset < view.byteLength - 1;) {
      endOfStruct(view, reader.offset);
      const page = headerOf(reader), v1 = page.data_page_header, v2 = page.data_page_header_v2, words = page.dictionary_page_header?.num_values ?? 0, more = v1?.num_values ?? v2?.num_values ?? 0;
      values += more;
      if (!(more >= 0 && values <= rows && words >= 0 && words <= 8 * page.uncompressed_page_size && page.compressed_page_size >= 0)) throw new Error(`a page announces ${more || words} values`);
      const packed = new Uint8Array(view.buffer, reader.offset, Math.min(page.compressed_page_size, view.byteLength - reader.offset)), nullable = element.repetition_type !== 'REQUIRED';
      const unpack = (input: Uint8Array, size: number): DataView => viewOf(chunk.codec === 'UNCOMPRESSED' ? input : compressors[chunk.codec]?.(input, size) ?? input);
      if (v1) {
        const data = unpack(packed, page.uncompressed_page_size), at = nullable ? 4 + data.getUint32(0, true) : 0;
        if (nullable) checkRuns(data, 4, 1, more);
        checkIndices(data, at, v1.encoding, element.type, more);
      } else if (v2) {
        const levels = v2.repetition_levels_byte_length + v2.definition_levels_byte_length;
        if (nullable) checkRuns(viewOf(packed), v2.repetition_levels_byte_length, 1, more);
        const rest = packed.subarray(levels);
        checkIndices(v2.is_compressed === false ? viewOf(rest) : unpack(rest, page.uncompressed_page_size - levels), 0, v2.encoding, element.type, more);
      }
      reader.offset += page.compressed_page_size;
    }
  }
}

/** Numbers of words of a dictionary, or truth values: runs of so many bits as the first byte says, or of one. */
function checkIndices(data: DataView, at: number, encoding: string, type: string | undefined, values: number): void {
  if (!/DICTIONARY$|^RLE$/.test(encoding) || at >= data.byteLength) return;
  if (type === 'BOOLEAN') checkRuns(data, at + 4, 1, values);
  else checkRuns(data, at + 1, data.getUint8(at), values);
}

/** A header of 2 n repeats one value n times; one of 2 n + 1 is followed by 8 n values of so many bits. */
function checkRuns(data: DataView, at: number, width: number, values: number): void {
  for (let seen = 0; width > 0 && seen < values && at < data.byteLength;) {
    const { value: header, end } = varint(data, at), repeats = header % 2 === 0, count = repeats ? header / 2 : 8 * Math.floor(header / 2);
    if (header >= 2 ** 32 || (repeats && count > values - seen)) throw new Error(`a run of ${count} in a page of ${values} values`);
    at = end + (repeats ? Math.ceil(width / 8) : (width * count) / 8);
    seen += count;
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView { return new DataView(buffer, byteOffset, byteLength); }
