import { closeSync } from 'node:fs';
import { ZsaqError } from '../core/error';
import { openForReading, readInto } from './disk';
import { decodeUtf8, parseJson, writeWhole } from './file';
import { float32ToBfloat16, float32ToFloat16 } from './half';
import { quote, sides } from './quote';
import { DTYPE_BITS, elementCount, tensorFile, type HostTensor, type StoredDtype, type TensorFile, type TensorInfo } from './tensor';

export type { HostTensor, TensorInfo } from './tensor';

/** An open safetensors file. */
export type SafetensorsFile = TensorFile;

/** What the reference reader allows too: headers of real files have some hundred kilobytes. */
const MAX_HEADER_BYTES = 100_000_000;

const METADATA = '__metadata__';

interface Entry extends TensorInfo { start: number }

/**
 * Opens a safetensors file and checks all of its header before any tensor is read: sizes, dtypes, bounds, and that the
 * tensors fill the file without gap or overlap. Tensors are read one at a time, straight from their place in the file.
 *
 * @throws ZsaqError 'missing' | 'disk' | 'format' | 'unsupported'
 * @example const file = openSafetensors('model.safetensors'); const w = file.read(file.names[0]); file.close()
 * @see github.com/huggingface/safetensors, "Format"
 */
export function openSafetensors(path: string): SafetensorsFile {
  const { fd, size } = openForReading(path);
  try {
    const { entries, metadata, dataStart } = readHeader(fd, size, path);
    return tensorFile({ path, fd, metadata }, entries, (entry) => entry,
      ({ start }) => (offset, target) => readInto(fd, dataStart + start + offset, target, path));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function readHeader(fd: number, size: number, path: string): { entries: Map<string, Entry>; metadata: Record<string, string>; dataStart: number } {
  const bad = (what: string): never => {
    throw new ZsaqError('format', `${path} is not a whole safetensors file: ${what}; fetch the file again`);
  };
  if (size < 8) return bad(`it has only ${size} bytes`);
  const prefix = new Uint8Array(8);
  readInto(fd, 0, prefix, path);
  const length = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || length > size - 8) {
    if (Buffer.from(prefix).toString('latin1') === 'version ') return bad('it is a Git LFS pointer, not the weights (git lfs pull fetches them)');
    return bad(`its header claims ${length} bytes and the file has ${size}`);
  }
  const bytes = new Uint8Array(length);
  readInto(fd, 8, bytes, path);
  if (bytes[0] !== 0x7b) return bad("its header does not begin with '{'");
  const header = parseJson(decodeUtf8(bytes, `the header of ${path}`), `the header of ${path}`) as Record<string, unknown>;

  const metadata: Record<string, string> = {};
  const entries = new Map<string, Entry>();
  const dataStart = 8 + length, dataSize = size - dataStart;
  for (const [name, value] of Object.entries(header)) {
    if (!isRecord(value)) return bad(`its header has no description of ${quote(name)}`);
    if (name === METADATA) {
      for (const [key, text] of Object.entries(value)) {
        if (typeof text !== 'string') return bad(`its metadata ${quote(key)} is not text`);
        metadata[key] = text;
      }
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = value;
    if (typeof dtype !== 'string' || !Array.isArray(shape) || !Array.isArray(offsets) || offsets.length !== 2) return bad(`its header does not describe ${quote(name)} in full`);
    if (!Object.hasOwn(DTYPE_BITS, dtype)) {
      throw new ZsaqError('unsupported',
        `tensor ${quote(name)} in ${path} has the unknown dtype ${quote(dtype)}: store it as F32, F16 or BF16`);
    }
    const [start, end] = offsets as [unknown, unknown];
    if (!isOffset(start) || !isOffset(end) || start > end || end > dataSize) return bad(`tensor ${quote(name)} lies outside of the file`);
    const bits = elementCount(shape, `tensor ${quote(name)} in ${path}`) * DTYPE_BITS[dtype as StoredDtype];
    if (bits !== (end - start) * 8) return bad(`tensor ${quote(name)} has ${end - start} bytes, which is not its shape ${sides(shape)} in ${dtype}`);
    entries.set(name, { dtype: dtype as StoredDtype, shape, bytes: end - start, start });
  }

  let filled = 0;
  for (const [name, { start, bytes: length }] of [...entries].sort(([, a], [, b]) => a.start - b.start || a.bytes - b.bytes)) {
    if (start !== filled) return bad(`tensor ${quote(name)} ${start < filled ? 'overlaps' : 'leaves a gap after'} the one before it`);
    filled += length;
  }
  if (filled !== dataSize) return bad(`its tensors end at byte ${dataStart + filled} and the file at ${size}`);
  return { entries, metadata, dataStart };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The dtypes that zsaq writes, with the array that holds each: float values may be narrowed on the way to the file. */
const HOLDERS = { F32: Float32Array, F16: Float32Array, BF16: Float32Array, I64: BigInt64Array, I32: Int32Array, U8: Uint8Array, BOOL: Uint8Array } as const;

type HostData = HostTensor['data'] | BigInt64Array;

/** A tensor to be written. `data` may be a function, called when its turn comes, so that only one tensor is in memory at a time. */
export interface WritableTensor {
  dtype: keyof typeof HOLDERS;
  shape: readonly number[];
  data: HostData | (() => HostData);
}

/**
 * Writes a safetensors file, whole or not at all, byte for byte as the Python library lays it out: wider dtypes first,
 * then by name, the header padded to 8 bytes; metadata keys are sorted (the Python library leaves their order to chance).
 *
 * @throws ZsaqError 'mismatch' where data and shape or dtype differ, 'range' where F16 or BF16 cannot hold a value, 'disk'
 * @example writeSafetensors('out.safetensors', [['w', { dtype: 'F16', shape: [2, 2], data: new Float32Array(4) }]], { format: 'pt' })
 */
export function writeSafetensors(path: string, tensors: Iterable<readonly [string, WritableTensor]>, metadata: Readonly<Record<string, string>> = {}): void {
  const RANKS = Object.keys(DTYPE_BITS);
  const sorted = [...tensors]
    .map(([name, tensor]) => ({ name, key: Buffer.from(name, 'utf8'), rank: RANKS.indexOf(tensor.dtype), ...tensor }))
    .sort((a, b) => b.rank - a.rank || Buffer.compare(a.key, b.key));

  const parts: string[] = [];
  const keys = Object.keys(metadata).sort();
  if (keys.length) parts.push(`"${METADATA}":{${keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`).join(',')}}`);
  const seen = new Set([METADATA, '__proto__', 'constructor']); // names that no reader of ours accepts
  let end = 0;
  for (const { name, dtype, shape, data } of sorted) {
    const where = `tensor ${quote(name)} for ${path}`;
    if (seen.has(name)) throw new ZsaqError('mismatch', `${where} is given twice or has a reserved name: give each tensor its own name`);
    seen.add(name);
    const count = elementCount(shape, where);
    if (typeof data !== 'function') checkData(data, dtype, count, where);
    const start = end;
    end += count * DTYPE_BITS[dtype] / 8;
    parts.push(`${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(',')}],"data_offsets":[${start},${end}]}`);
  }
  const header = Buffer.from(`{${parts.join(',')}}`, 'utf8');
  const padded = Math.ceil(header.length / 8) * 8;
  if (padded > MAX_HEADER_BYTES) {
    throw new ZsaqError('range',
      `the header of ${path} would have ${padded} bytes, more than any reader accepts: write fewer tensors or less metadata`);
  }
  const prefix = Buffer.alloc(8 + padded, 0x20);
  prefix.writeBigUInt64LE(BigInt(padded));
  header.copy(prefix, 8);

  writeWhole(path, (function* () {
    yield prefix;
    for (const { name, dtype, shape, data } of sorted) {
      const where = `tensor ${quote(name)} for ${path}`;
      const values = typeof data === 'function' ? data() : data;
      checkData(values, dtype, elementCount(shape, where), where);
      yield* encode(values, dtype, where);
    }
  })());
}

function checkData(data: HostData, dtype: WritableTensor['dtype'], count: number, where: string): void {
  const holder = HOLDERS[dtype];
  // By tag, because a notebook cell's typed arrays may come from another realm than the library's, and a Buffer is a Uint8Array.
  if (Object.prototype.toString.call(data) !== `[object ${holder.name}]`) {
    throw new ZsaqError('mismatch',
      `${where} is to be stored as ${dtype}, which takes ${holder.name}: convert it first`);
  }
  if (data.length !== count) throw new ZsaqError('mismatch', `${where} has ${data.length} elements and its shape wants ${count}: correct the shape`);
}

function* encode(data: HostData, dtype: WritableTensor['dtype'], where: string): Iterable<Uint8Array> {
  const STEP = 1 << 20;
  const narrow = dtype === 'F16' ? float32ToFloat16 : dtype === 'BF16' ? float32ToBfloat16 : undefined;
  for (let at = 0; at < data.length; at += STEP) {
    const part = data.subarray(at, at + STEP);
    const stored = narrow ? narrow(part as Float32Array, where, at) : part;
    yield new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
  }
}
