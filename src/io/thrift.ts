// The form of Thrift's compact protocol, in which Parquet keeps its headers. A reader of it makes lists as long as they say before it reads
// their elements, and one of a hundred million ends the process: so the form is walked through first, which makes nothing.

const BYTE = 3, I16 = 4, I64 = 6, DOUBLE = 7, BINARY = 8, LIST = 9, SET = 10, STRUCT = 12;

/**
 * Where the struct at a place ends.
 *
 * @throws Error for a list that is longer than the bytes that are left, or what is no struct
 * @example endOfStruct(new DataView(Uint8Array.of(0x15, 2, 0).buffer), 0) // 3
 */
export function endOfStruct(view: DataView, at: number): number {
  for (;;) {
    const byte = view.getUint8(at++), type = byte & 15;
    if (type === 0) return at;
    if (byte >> 4 === 0) at = varint(view, at).end; // the number of the field, where it is not told by its distance
    if (type > 2) at = endOfValue(view, at, type); // true and false are their own type
  }
}

function endOfValue(view: DataView, at: number, type: number): number {
  if (type === BYTE) return at + 1;
  if (type >= I16 && type <= I64) return varint(view, at).end;
  if (type === DOUBLE) return at + 8;
  if (type === STRUCT) return endOfStruct(view, at);
  if (type === BINARY) {
    const { value, end } = varint(view, at);
    return within(view, end, value) + value;
  }
  if (type !== LIST && type !== SET) throw new Error(`a header holds a value of type ${type}`);
  const head = view.getUint8(at++), element = head & 15, { value: count, end } = head >> 4 === 15 ? varint(view, at) : { value: head >> 4, end: at };
  at = within(view, end, count);
  for (let i = 0; i < count; i++) at = element <= 2 ? at + 1 : endOfValue(view, at, element);
  return at;
}

/** The place, if so many more bytes are there: each element has one at least. */
function within(view: DataView, at: number, count: number): number {
  if (count > view.byteLength - at) throw new Error(`a header announces ${count} values, and ${view.byteLength - at} bytes are left`);
  return at;
}

/** A number of 7 bits a byte, the lowest first, and where it ends. */
export function varint(view: DataView, at: number): { value: number; end: number } {
  let value = 0, shift = 1;
  for (;;) {
    const byte = view.getUint8(at++);
    value += (byte & 127) * shift;
    if (byte < 128) return { value, end: at };
    shift *= 128;
    if (shift > 2 ** 70) throw new Error('a header holds a number without end');
  }
}
