import { ZsaqError } from '../core/error';
import { decodeUtf8 } from './file';
import { readInto } from './disk';
import { quote } from './quote';

/** Where an entry's bytes lie in its archive. */
export interface ZipEntry { start: number; size: number }

const END = 0x06054b50, END64 = 0x06064b50, END64_LOCATOR = 0x07064b50, CENTRAL = 0x02014b50, LOCAL = 0x04034b50;

/**
 * Lists the entries of a zip archive that stores its files uncompressed, as PyTorch writes them (zip64 included).
 * Every place is checked against the archive's size before it is used.
 *
 * @throws ZsaqError 'format' for a damaged archive, 'unsupported' for compressed or encrypted entries
 * @see PKWARE, APPNOTE.TXT, sections 4.3.6 to 4.3.16
 */
export function readZipEntries(fd: number, size: number, path: string): Map<string, ZipEntry> {
  const bad = (what: string): never => {
    throw new ZsaqError('format', `${path} is not a whole zip archive: ${what}; fetch the file again`);
  };
  const view = (position: number, length: number, what: string): DataView => {
    if (!Number.isSafeInteger(position) || position < 0 || length > size || position > size - length) bad(`${what} lies outside of the file`);
    const bytes = new Uint8Array(length);
    readInto(fd, position, bytes, path);
    return new DataView(bytes.buffer);
  };

  const directory = findDirectory();
  const listing = view(directory.start, directory.size, 'its directory');
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let n = 0; n < directory.count; n++) {
    if (at + 46 > listing.byteLength || listing.getUint32(at, true) !== CENTRAL) bad('its directory is damaged');
    const flags = listing.getUint16(at + 8, true), method = listing.getUint16(at + 10, true);
    const nameLength = listing.getUint16(at + 28, true), extraLength = listing.getUint16(at + 30, true), commentLength = listing.getUint16(at + 32, true);
    const next = at + 46 + nameLength + extraLength + commentLength;
    if (next > listing.byteLength) bad('its directory is damaged');
    const name = decodeUtf8(new Uint8Array(listing.buffer, at + 46, nameLength), `an entry name in ${path}`);
    if (flags & 1 || method !== 0) {
      throw new ZsaqError('unsupported',
        `the entry ${quote(name)} of ${path} is ${flags & 1 ? 'encrypted' : 'compressed'}: save the file with torch.save, which does neither`);
    }
    const [stored, whole, local] = sizes(at, nameLength, extraLength);
    if (stored !== whole) bad(`the entry ${quote(name)} has two sizes`);
    const head = view(local, 30, `the entry ${quote(name)}`);
    if (head.getUint32(0, true) !== LOCAL) bad(`the entry ${quote(name)} does not begin where the directory says`);
    const start = local + 30 + head.getUint16(26, true) + head.getUint16(28, true);
    if (whole > size || start > size - whole) bad(`the entry ${quote(name)} lies outside of the file`);
    if (entries.has(name)) bad(`the entry ${quote(name)} is listed twice`);
    entries.set(name, { start, size: whole });
    at = next;
  }
  return entries;

  /** The record at the end of the archive, before a comment of at most 65,535 bytes. */
  function findDirectory(): { start: number; size: number; count: number } {
    const tailSize = Math.min(size, 22 + 0xffff);
    const tail = view(size - tailSize, tailSize, 'its end');
    for (let i = tailSize - 22; i >= 0; i--) {
      if (tail.getUint32(i, true) !== END) continue;
      const found = { count: tail.getUint16(i + 10, true), size: tail.getUint32(i + 12, true), start: tail.getUint32(i + 16, true) };
      if (found.count !== 0xffff && found.size !== 0xffffffff && found.start !== 0xffffffff) return found;
      const locator = view(size - tailSize + i - 20, 20, 'its zip64 locator');
      if (locator.getUint32(0, true) !== END64_LOCATOR) return found; // a directory that just has these numbers
      const end = view(Number(locator.getBigUint64(8, true)), 56, 'its zip64 record');
      if (end.getUint32(0, true) !== END64) bad('its zip64 record is damaged');
      return { count: Number(end.getBigUint64(32, true)), size: Number(end.getBigUint64(40, true)), start: Number(end.getBigUint64(48, true)) };
    }
    return bad('it has no end record');
  }

  /** Stored size, whole size and place of the local header; values of all ones stand in the zip64 field, in this order of need. */
  function sizes(entry: number, nameLength: number, extraLength: number): [number, number, number] {
    let whole = listing.getUint32(entry + 24, true), stored = listing.getUint32(entry + 20, true), local = listing.getUint32(entry + 42, true);
    const end = entry + 46 + nameLength + extraLength;
    for (let field = entry + 46 + nameLength; field + 4 <= end;) {
      const length = listing.getUint16(field + 2, true);
      if (listing.getUint16(field, true) === 1) {
        let value = field + 4;
        const limit = Math.min(end, value + length);
        const long = (): number => {
          value += 8;
          return value > limit ? bad('a zip64 field is cut short') : Number(listing.getBigUint64(value - 8, true));
        };
        if (whole === 0xffffffff) whole = long();
        if (stored === 0xffffffff) stored = long();
        if (local === 0xffffffff) local = long();
      }
      field += 4 + length;
    }
    return [stored, whole, local];
  }
}
