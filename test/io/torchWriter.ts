import { crc32 } from 'node:zlib';

/** A tensor of float32 for a `.bin` file; `data` is called when its turn comes. */
export interface BinTensor { shape: readonly number[]; data(): Float32Array }

const text = (s: string): Buffer => {
  const bytes = Buffer.from(s, 'utf8'), head = Buffer.alloc(5);
  head[0] = 0x58; // BINUNICODE
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};
const whole = (n: number): Buffer => {
  const bytes = Buffer.alloc(5);
  bytes[0] = 0x4a; // BININT
  bytes.writeInt32LE(n, 1);
  return bytes;
};
const tuple = (...parts: Buffer[]): Buffer => Buffer.concat([Buffer.from('('), ...parts, Buffer.from('t')]);

/** The pickle of a state dict, as `torch.save` writes it: each tensor contiguous in a storage of its own. */
function stateDict(tensors: readonly (readonly [string, BinTensor])[]): Buffer {
  const items = tensors.map(([name, { shape }], key) => {
    const stride = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1)), count = shape.reduce((a, b) => a * b, 1);
    const storage = Buffer.concat([tuple(text('storage'), Buffer.from('ctorch\nFloatStorage\n'), text(String(key)), text('cpu'), whole(count)), Buffer.from('Q')]);
    const args = tuple(storage, whole(0), tuple(...shape.map(whole)), tuple(...stride.map(whole)), Buffer.from([0x89]), Buffer.from('ccollections\nOrderedDict\n)R'));
    return Buffer.concat([text(name), Buffer.from('ctorch._utils\n_rebuild_tensor_v2\n'), args, Buffer.from('R')]);
  });
  return Buffer.concat([Buffer.from([0x80, 2]), Buffer.from('ccollections\nOrderedDict\n)R('), ...items, Buffer.from('u.')]);
}

/** The bytes of a `pytorch_model.bin` in the zip form, for `writeWhole`: one tensor in memory at a time. */
export function* torchBin(tensors: readonly (readonly [string, BinTensor])[]): Generator<Buffer> {
  const directory: Buffer[] = [];
  let at = 0;
  const entry = function* (name: string, content: Buffer): Generator<Buffer> {
    const local = Buffer.alloc(30), central = Buffer.alloc(46), sum = crc32(content);
    local.writeUInt32LE(0x04034b50, 0);
    central.writeUInt32LE(0x02014b50, 0);
    for (const [head, shift] of [[local, 0], [central, 2]] as const) {
      head.writeUInt32LE(sum, 14 + shift);
      head.writeUInt32LE(content.length, 18 + shift);
      head.writeUInt32LE(content.length, 22 + shift);
      head.writeUInt16LE(name.length, 26 + shift);
    }
    central.writeUInt32LE(at, 42);
    directory.push(central, Buffer.from(name));
    at += local.length + name.length + content.length;
    yield local;
    yield Buffer.from(name);
    yield content;
  };
  yield* entry('archive/data.pkl', stateDict(tensors));
  for (const [key, [, { data }]] of tensors.entries()) {
    const values = data();
    yield* entry(`archive/data/${key}`, Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  }
  const listing = Buffer.concat(directory), end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(directory.length / 2, 8);
  end.writeUInt16LE(directory.length / 2, 10);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(at, 16);
  yield listing;
  yield end;
}
