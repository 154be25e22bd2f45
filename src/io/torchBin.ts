import { closeSync } from 'node:fs';
import { ZsaqError } from '../core/error';
import { openForReading, readInto } from './disk';
import { decodeUtf8 } from './file';
import { Global, unpickle, type PickleHost } from './pickle';
import { quote, sides } from './quote';
import { DTYPE_BITS, elementCount, tensorFile, type Fill, type StoredDtype, type TensorFile } from './tensor';
import { readZipEntries } from './zip';

/** A pickle of tensors takes about 200 bytes a tensor; a larger one is refused before it is read. */
const MAX_PICKLE_BYTES = 16 * 1024 * 1024;

const STORAGES: Record<string, StoredDtype> = {
  'torch.FloatStorage': 'F32', 'torch.HalfStorage': 'F16', 'torch.BFloat16Storage': 'BF16', 'torch.DoubleStorage': 'F64', 'torch.LongStorage': 'I64',
  'torch.IntStorage': 'I32', 'torch.ShortStorage': 'I16', 'torch.CharStorage': 'I8', 'torch.ByteStorage': 'U8', 'torch.BoolStorage': 'BOOL',
};

const REBUILD = 'torch._utils._rebuild_tensor_v2', PARAMETER = 'torch._utils._rebuild_parameter', ORDERED = 'collections.OrderedDict', SIZE = 'torch.Size';

const GLOBALS = new Set([...Object.keys(STORAGES), REBUILD, PARAMETER, ORDERED, SIZE]);

/** A one-dimensional block of elements that tensors look into; `place` is known once the file's layout is. */
class Storage { place = -1; constructor(readonly key: string, readonly dtype: StoredDtype, readonly count: number) {} }

/** A view of a storage: element (i, j, ...) lies at `offset + i * stride[0] + j * stride[1] + ...`. */
class Tensor { constructor(readonly storage: Storage, readonly offset: number, readonly shape: number[], readonly stride: number[]) {} }

/**
 * Opens a PyTorch `.bin` or `.pt` file that holds a state dict, without Python and without running anything in it: the
 * pickle may name tensors, storages and ordered dicts, and nothing else. Both the zip form (PyTorch 1.6 and later) and
 * the older one are read. Strides and shared storages are honoured; tensors are read one at a time.
 *
 * @throws ZsaqError 'unsupported' for any other pickle opcode or Python object, by name; 'missing' | 'disk' | 'format'
 * @example const file = openTorchBin('pytorch_model.bin'); const w = file.read('bert.pooler.dense.weight'); file.close()
 * @see PyTorch's torch/serialization.py
 */
export function openTorchBin(path: string): TensorFile {
  const { fd, size } = openForReading(path);
  try {
    return tensorFile({ path, fd, metadata: {} }, readState(fd, size, path),
      ({ storage: { dtype }, shape }) => ({ dtype, shape, bytes: elementCount(shape, path) * DTYPE_BITS[dtype] / 8 }),
      (tensor) => source(tensor, fd, path));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function readState(fd: number, size: number, path: string): Map<string, Tensor> {
  const first = new Uint8Array(Math.min(size, 4));
  readInto(fd, 0, first, path);
  const magic = Buffer.from(first).toString('latin1');
  if (magic === 'PK\x03\x04') return readZipState(fd, size, path);
  if (magic === '\x80\x02\x8a\x0a') return readOldState(fd, size, path);
  const what = magic === 'vers' ? 'a Git LFS pointer, not the weights (git lfs pull fetches them)' : 'no PyTorch file (neither the zip form nor the older one)';
  throw new ZsaqError('format', `${path} is ${what}: fetch the file again or convert it to safetensors`);
}

/** The zip form: `NAME/data.pkl` describes the tensors, `NAME/data/KEY` holds the bytes of each storage. */
function readZipState(fd: number, size: number, path: string): Map<string, Tensor> {
  const entries = readZipEntries(fd, size, path);
  const pickles = [...entries.keys()].filter((name) => name.endsWith('/data.pkl'));
  if (pickles.length !== 1) throw new ZsaqError('format', `${path} holds ${pickles.length} tensor lists (data.pkl) instead of one: save it with torch.save`);
  const root = pickles[0].slice(0, -'data.pkl'.length);
  const load = (name: string, limit: number): Uint8Array => {
    const entry = entries.get(name)!;
    if (entry.size > limit) {
      throw new ZsaqError('unsupported',
        `the entry ${quote(name)} of ${path} has ${entry.size} bytes, more than a list of tensors needs: convert the file to safetensors`);
    }
    const bytes = new Uint8Array(entry.size);
    readInto(fd, entry.start, bytes, path);
    return bytes;
  };
  if (entries.has(`${root}byteorder`) && decodeUtf8(load(`${root}byteorder`, 100), path) !== 'little') {
    throw new ZsaqError('unsupported', `${path} was written on a big-endian machine: convert it to safetensors`);
  }
  const storages = new Map<string, Storage>();
  const { value } = unpickle(load(pickles[0], MAX_PICKLE_BYTES), 0, host(storages, path), path);
  for (const storage of storages.values()) {
    const entry = entries.get(`${root}data/${storage.key}`);
    if (!entry || entry.size !== byteLength(storage)) throw damaged(path, `storage ${quote(storage.key)} has ${entry?.size ?? 'no'} bytes instead of ${byteLength(storage)}`);
    storage.place = entry.start;
  }
  return collect(value, path);
}

/** The older form: five pickles (magic, version, machine, tensors, storage keys), then per storage its count and its bytes. */
function readOldState(fd: number, size: number, path: string): Map<string, Tensor> {
  const bytes = new Uint8Array(Math.min(size, MAX_PICKLE_BYTES));
  readInto(fd, 0, bytes, path);
  const storages = new Map<string, Storage>();
  const allowed = host(storages, path);
  let at = 0;
  const next = (): unknown => {
    const { value, end } = unpickle(bytes, at, allowed, path);
    at = end;
    return value;
  };
  if (next() !== 0x1950a86a20f9469cfc6cn || next() !== 1001) throw damaged(path, 'its magic number or version is another');
  const machine = next();
  if (!(machine instanceof Map) || machine.get('little_endian') !== true) {
    throw new ZsaqError('unsupported',
      `${path} was not written on a little-endian machine: convert it to safetensors`);
  }
  const value = next(), keys = next();
  if (!Array.isArray(keys)) throw damaged(path, 'its list of storages is missing');
  for (const key of keys) {
    const storage = storages.get(key);
    if (!storage || storage.place >= 0) throw damaged(path, 'its list of storages is not that of its tensors');
    const count = new DataView(new ArrayBuffer(8));
    readInto(fd, at, new Uint8Array(count.buffer), path);
    if (Number(count.getBigInt64(0, true)) !== storage.count || byteLength(storage) > size - at - 8) throw damaged(path, `storage ${quote(storage.key)} does not have its ${storage.count} elements`);
    storage.place = at + 8;
    at += 8 + byteLength(storage);
  }
  for (const storage of storages.values()) if (storage.place < 0) throw damaged(path, `storage ${quote(storage.key)} is missing`);
  return collect(value, path);
}

function host(storages: Map<string, Storage>, path: string): PickleHost {
  return {
    globals: GLOBALS,
    call(name, args) {
      if (name === REBUILD) return rebuild(args, path);
      if (name === PARAMETER && args[0] instanceof Tensor) return args[0];
      if (name === SIZE && args.length === 1 && Array.isArray(args[0])) return args[0];
      if (name === ORDERED && args.length === 0) return new Map();
      throw damaged(path, `a call of ${name} with other arguments than a tensor needs`);
    },
    persistent(id) {
      if (!Array.isArray(id) || id[0] !== 'storage') {
        throw new ZsaqError('unsupported',
          `${path} holds a whole Python object instead of a state dict, and was not read: save model.state_dict()`);
      }
      const [, type, key, , count, view] = id as unknown[];
      const dtype = type instanceof Global ? STORAGES[type.name] : undefined;
      if (!dtype || typeof key !== 'string' || !Number.isSafeInteger(count) || (count as number) < 0) throw damaged(path, 'a storage is not described in full');
      if (view !== undefined && view !== null) {
        throw new ZsaqError('unsupported',
          `${path} holds a view of a storage, as only PyTorch before 0.4 wrote them: convert it to safetensors`);
      }
      const known = storages.get(key);
      if (known && (known.dtype !== dtype || known.count !== count)) throw damaged(path, `storage ${quote(key)} is described in two ways`);
      const storage = known ?? new Storage(key, dtype, count as number);
      storages.set(key, storage);
      return storage;
    },
  };
}

/** Checks a tensor's view against its storage, so that reading it cannot leave the storage or outgrow it. */
function rebuild(args: unknown[], path: string): Tensor {
  const [storage, offset, , , , , extras] = args;
  // Copies, because the rest of a hostile pickle could still change its lists after they are checked here.
  const shape = Array.isArray(args[2]) ? [...args[2]] : undefined, stride = Array.isArray(args[3]) ? [...args[3]] : undefined;
  const isPlace = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (!(storage instanceof Storage) || !isPlace(offset) || !shape || !stride || shape.length !== stride.length || !stride.every(isPlace)) {
    throw damaged(path, 'a tensor is not described in full');
  }
  if (extras instanceof Map && extras.size) {
    throw new ZsaqError('unsupported',
      `${path} holds a tensor with the marks ${[...extras.keys()].slice(0, 5).map(quote).join(', ')} (negated or conjugated): save it after .clone()`);
  }
  const count = elementCount(shape, `a tensor in ${path}`);
  const last = shape.reduce<number>((sum, side, axis) => sum + (side - 1) * stride[axis], offset);
  if (count > 0 && !(last < storage.count)) throw damaged(path, `a tensor of shape ${sides(shape)} lies outside of storage ${quote(storage.key)}`);
  if (count > storage.count) {
    throw new ZsaqError('unsupported',
      `${path} holds an expanded tensor of shape ${sides(shape)} over ${storage.count} stored elements: save it after .contiguous()`);
  }
  return new Tensor(storage, offset, shape, stride);
}

/** The tensors of a state dict. Numbers and text beside them (as training scripts add) are left out. */
function collect(value: unknown, path: string): Map<string, Tensor> {
  if (!(value instanceof Map)) throw new ZsaqError('unsupported', `${path} does not hold a state dict: save model.state_dict()`);
  const tensors = new Map<string, Tensor>();
  for (const [name, item] of value) {
    if (typeof name !== 'string' || !(item instanceof Tensor)) continue;
    if (name === '__proto__' || name === 'constructor') throw damaged(path, `a tensor is called ${name}`);
    tensors.set(name, item);
  }
  if (tensors.size) return tensors;
  const inner = [...value].filter(([, item]) => item instanceof Map).slice(0, 5).map(([name]) => quote(name));
  throw new ZsaqError('unsupported',
    `${path} holds no tensors by name${inner.length ? ` at its top, but dicts called ${inner.join(', ')}` : ''}: save the state dict alone`);
}

function source({ storage, offset, shape, stride }: Tensor, fd: number, path: string): Fill {
  const size = DTYPE_BITS[storage.dtype] / 8;
  const begin = storage.place + offset * size;
  let dense = 1, contiguous = true;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] > 1 && stride[axis] !== dense) contiguous = false;
    dense *= shape[axis];
  }
  if (contiguous || dense === 0) return (from, target) => readInto(fd, begin + from, target, path);

  const span = new Uint8Array((shape.reduce((sum, side, axis) => sum + (side - 1) * stride[axis], 0) + 1) * size);
  readInto(fd, begin, span, path);
  const Word = size === 1 ? Uint8Array : size === 2 ? Uint16Array : Uint32Array; // 8-byte elements move as two words
  const words = size / Word.BYTES_PER_ELEMENT;
  const stored = new Word(span.buffer);
  return (from, target) => {
    const result = new Word(target.buffer as ArrayBuffer, target.byteOffset, target.byteLength / Word.BYTES_PER_ELEMENT);
    const index: number[] = [];
    let rest = from / size;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    let at = index.reduce((sum, i, axis) => sum + i * stride[axis], 0);
    for (let i = 0; i < result.length; i += words) {
      for (let w = 0; w < words; w++) result[i + w] = stored[at * words + w];
      for (let axis = shape.length - 1; axis >= 0; axis--) { // the next element in row-major order
        at += stride[axis];
        if (++index[axis] < shape[axis]) break;
        at -= stride[axis] * shape[axis];
        index[axis] = 0;
      }
    }
  };
}

function byteLength(storage: Storage): number {
  return storage.count * DTYPE_BITS[storage.dtype] / 8;
}

function damaged(path: string, what: string): ZsaqError {
  return new ZsaqError('format', `${path} is a damaged PyTorch file (${what}): fetch the file again`);
}
