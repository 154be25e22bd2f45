import { closeSync } from 'node:fs';
import { ZsaqError } from '../core/error';
import { float16ToFloat32, bfloat16ToFloat32 } from './half';
import { quote } from './quote';

/** A tensor in plain memory, row-major: Float32Array for float32, Int32Array for int32, Uint8Array for uint8 and bool (0 and 1). */
export interface HostTensor {
  dtype: 'float32' | 'int32' | 'uint8' | 'bool';
  shape: number[];
  data: Float32Array | Int32Array | Uint8Array;
}

/** What a file says about a tensor before it is read: its stored dtype (`F16`, `I64`, ...) and its bytes in the file. */
export interface TensorInfo { dtype: StoredDtype; shape: number[]; bytes: number }

/** Tensors by name in one file or folder, read one at a time. `close` is safe to call twice. */
export interface TensorFile {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly names: string[];
  /** @throws ZsaqError 'missing' for a name that is not in the file */
  info(name: string): TensorInfo;
  /** @throws ZsaqError 'missing' | 'unsupported' | 'range' | 'format' | 'disk' */
  read(name: string): HostTensor;
  close(): void;
}

/** Bits of one element for each dtype that safetensors knows, in the order in which its writer sorts tensors (last first). */
export const DTYPE_BITS = {
  BOOL: 8, F4: 4, F6_E2M3: 6, F6_E3M2: 6, U8: 8, I8: 8, F8_E5M2: 8, F8_E4M3: 8, F8_E8M0: 8, I16: 16, U16: 16, F16: 16,
  BF16: 16, I32: 32, U32: 32, F32: 32, C64: 64, F64: 64, I64: 64, U64: 64,
} as const;

/** Name of an element type in a safetensors header. */
export type StoredDtype = keyof typeof DTYPE_BITS;

/**
 * The readers' common part: looks up names, refuses what is not there or closed, and closes the file.
 *
 * @param describe dtype, shape and bytes of an entry
 * @param source how to get at the stored bytes of an entry
 */
export function tensorFile<E>(
  { path, fd, metadata }: { path: string; fd: number; metadata: Record<string, string> },
  entries: Map<string, E>, describe: (entry: E) => TensorInfo, source: (entry: E) => Fill,
): TensorFile {
  let open = true;
  const find = (name: string): E => {
    const entry = entries.get(name);
    if (entry === undefined) throw new ZsaqError('missing', `${path} has no tensor ${quote(name)} among its ${entries.size}: check the name or the file`);
    return entry;
  };
  const info = (name: string): TensorInfo => {
    const { dtype, shape, bytes } = describe(find(name));
    return { dtype, shape: [...shape], bytes };
  };
  return {
    path, metadata, info, names: [...entries.keys()],
    read: (name) => {
      const { dtype, shape } = info(name), where = `tensor ${quote(name)} in ${path}`;
      if (!open) throw new ZsaqError('usage', `${path} is closed: read ${quote(name)} before closing it`);
      return decodeTensor(dtype, shape, elementCount(shape, where), source(find(name)), where);
    },
    close: () => {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

/** Copies the stored bytes from `offset` (counted from the tensor's first byte) into `target`. */
export type Fill = (offset: number, target: Uint8Array) => void;

/** Elements converted at a time where the stored form is wider than the result. */
const CHUNK_ELEMENTS = 1 << 17;

/**
 * Number of elements of a shape. @throws ZsaqError 'format' unless every side is a whole number of at least 0 and the product is exact
 */
export function elementCount(shape: readonly unknown[], where: string): number {
  let count = 1;
  for (const side of shape) {
    if (!Number.isSafeInteger(side) || (side as number) < 0) {
      throw new ZsaqError('format',
        `${where} has the impossible side ${quote(side)} in its shape: fetch the file again`);
    }
    count *= side as number;
  }
  // An empty tensor may have any other sides, but 0 * Infinity must not pass as a count.
  if (!Number.isSafeInteger(count)) throw new ZsaqError('format', `${where} claims more elements than any memory holds: fetch the file again`);
  return count;
}

/**
 * Reads `count` stored elements and converts them: F32, F16, BF16, F64 to float32; I64, I32, I16, I8, U64, U32, U16 to int32;
 * U8 and BOOL stay bytes. Narrower types are read into the end of the result and widened in place, so that one tensor
 * never needs more memory than its result.
 *
 * @throws ZsaqError 'unsupported' for other dtypes, 'range' for integers beyond 32 bits
 */
export function decodeTensor(dtype: StoredDtype, shape: number[], count: number, fill: Fill, where: string): HostTensor {
  switch (dtype) {
    case 'F32': {
      const data = new Float32Array(count);
      fill(0, new Uint8Array(data.buffer));
      return { dtype: 'float32', shape, data };
    }
    case 'F16': return { dtype: 'float32', shape, data: float16ToFloat32(...tail(new Float32Array(count), 2, fill)) };
    case 'BF16': return { dtype: 'float32', shape, data: bfloat16ToFloat32(...tail(new Float32Array(count), 2, fill)) };
    case 'F64': return { dtype: 'float32', shape, data: narrowDoubles(count, fill) };
    case 'I32': {
      const data = new Int32Array(count);
      fill(0, new Uint8Array(data.buffer));
      return { dtype: 'int32', shape, data };
    }
    case 'I16': return { dtype: 'int32', shape, data: widen(count, Int16Array, fill) };
    case 'U16': return { dtype: 'int32', shape, data: widen(count, Uint16Array, fill) };
    case 'I8': return { dtype: 'int32', shape, data: widen(count, Int8Array, fill) };
    case 'I64': case 'U64': case 'U32': return { dtype: 'int32', shape, data: narrowIntegers(dtype, count, fill, where) };
    case 'U8': case 'BOOL': {
      const data = new Uint8Array(count);
      fill(0, data);
      if (dtype === 'U8') return { dtype: 'uint8', shape, data };
      for (let i = 0; i < count; i++) if (data[i] > 1) data[i] = 1;
      return { dtype: 'bool', shape, data };
    }
    default:
      throw new ZsaqError('unsupported', `${where} has dtype ${dtype}, which zsaq does not compute with: store it as F32, F16 or BF16`);
  }
}

/** Fills the last `size * count` bytes of a 4-byte-per-element result. Widening from the front then never overtakes its source. */
function tail<T extends Float32Array | Int32Array>(result: T, size: 2, fill: Fill): [Uint16Array, T] {
  const start = result.byteLength - result.length * size;
  fill(0, new Uint8Array(result.buffer, start));
  return [new Uint16Array(result.buffer, start, result.length), result];
}

type Narrow = Int16ArrayConstructor | Uint16ArrayConstructor | Int8ArrayConstructor;

function widen(count: number, type: Narrow, fill: Fill): Int32Array {
  const result = new Int32Array(count);
  const start = count * (4 - type.BYTES_PER_ELEMENT);
  fill(0, new Uint8Array(result.buffer, start));
  const source = new type(result.buffer, start, count);
  for (let i = 0; i < count; i++) result[i] = source[i];
  return result;
}

function narrowDoubles(count: number, fill: Fill): Float32Array {
  const result = new Float32Array(count);
  const chunk = new Float64Array(Math.min(count, CHUNK_ELEMENTS));
  for (let at = 0; at < count; at += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, count - at));
    fill(at * 8, new Uint8Array(part.buffer, 0, part.byteLength));
    result.set(part, at);
  }
  return result;
}

function narrowIntegers(dtype: 'I64' | 'U64' | 'U32', count: number, fill: Fill, where: string): Int32Array {
  const words = dtype === 'U32' ? 1 : 2;
  const result = new Int32Array(count);
  const chunk = new Int32Array(Math.min(count, CHUNK_ELEMENTS) * words);
  for (let at = 0; at < count; at += CHUNK_ELEMENTS) {
    const n = Math.min(CHUNK_ELEMENTS, count - at);
    fill(at * 4 * words, new Uint8Array(chunk.buffer, 0, n * 4 * words));
    for (let i = 0; i < n; i++) {
      const low = chunk[i * words];
      // The upper word of a 64-bit value that fits is the sign of the lower one.
      const fits = dtype === 'U32' ? low >= 0 : chunk[i * 2 + 1] === low >> 31 && (dtype === 'I64' || low >= 0);
      if (!fits) throw new ZsaqError('range', `${where} holds an integer beyond 32 bits at element ${at + i}: store it as I32 or as a float`);
      result[at + i] = low;
    }
  }
  return result;
}
