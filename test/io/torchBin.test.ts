import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unpickle, type PickleHost } from '../../src/io/pickle';
import { openTorchBin } from '../../src/io/torchBin';
import { bytesOf, expectedTensors, FIXTURES, refuses, scratch } from './helpers';

const fixture = (name: string): string => join(FIXTURES, name);

/** The older form of a PyTorch file with one storage, from the opcodes that make its state dict. */
function oldForm(state: string, count: number, data: Uint8Array): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigInt64LE(BigInt(count));
  const pickles = ['\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.', 'M\xe9\x03.', `}${text('little_endian')}\x88s.`, `${state}.`, `]${text('0')}a.`];
  return Buffer.concat([Buffer.from(pickles.map((p) => `\x80\x02${p}`).join(''), 'latin1'), size, data]);
}

function text(value: string): string { return `X${int(value.length)}${value}`; }
function int(value: number): string { return Buffer.from(Int32Array.of(value).buffer).toString('latin1'); }

/** Opcodes of one tensor; `shape` and `stride` are opcodes of tuples or lists of integers. */
function tensor(storage: string, count: number, shape: string, stride: string, offset = 0): string {
  return `ctorch._utils\n_rebuild_tensor_v2\n((${text('storage')}ctorch\n${storage}\n${text('0')}${text('cpu')}J${int(count)}NtQJ${int(offset)}${shape}${stride}\x89NtR`;
}

function ints(...values: number[]): string { return `(${values.map((v) => `J${int(v)}`).join('')}t`; }

describe('io/torchBin', () => {
  const at = scratch();
  const opened = (bytes: Buffer) => {
    writeFileSync(at('x.bin'), bytes);
    return openTorchBin(at('x.bin'));
  };

  for (const form of ['zip.bin', 'old.bin']) {
    it(`reads ${form} as PyTorch does: dtypes, strides, shared storages, parameters`, () => {
      const file = openTorchBin(fixture(form));
      const expected = expectedTensors();
      assert.deepEqual(file.names, [...expected.keys()]);
      for (const [name, { shape, bytes }] of expected) {
        const tensor = file.read(name);
        assert.deepEqual(tensor.shape, shape, name);
        assert.deepEqual(file.info(name).shape, shape, name);
        assert(bytesOf(tensor).equals(bytes), name);
      }
      assert.deepEqual(file.info('doubles'), { dtype: 'F64', shape: [3, 2], bytes: 48 });
      refuses(() => file.read('none'), 'missing', /has no tensor "none"/);
      file.close();
      file.close();
      refuses(() => file.read('f32'), 'usage', /is closed/);
    });
  }

  it('reads a state dict with attributes (module versions)', () => {
    const file = openTorchBin(fixture('module-state.bin')), whole = expectedTensors();
    assert.deepEqual(file.names, ['weight', 'bias']);
    for (const name of file.names) assert(bytesOf(file.read(name)).equals(whole.get(`linear.${name}`)!.bytes));
    file.close();
  });

  it('gathers transposed tensors across the chunks of a conversion', () => {
    const rows = 70000, stored = BigInt64Array.from({ length: 2 * rows }, (_, i) => BigInt(i < rows ? i : rows - i));
    const file = opened(oldForm(`}${text('w')}${tensor('LongStorage', 2 * rows, ints(rows, 2), ints(1, rows))}s`, 2 * rows, new Uint8Array(stored.buffer)));
    const { shape, data } = file.read('w');
    assert.deepEqual(shape, [rows, 2]);
    for (let i = 0; i < rows; i++) assert(data[2 * i] === i && data[2 * i + 1] === 0 - i, `row ${i}`);
    file.close();
  });

  it('refuses views that leave or outgrow their storage', () => {
    const four = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
    const read = (shape: string, stride: string, offset = 0, count = 4) => () => {
      const file = opened(oldForm(`}${text('w')}${tensor('FloatStorage', count, shape, stride, offset)}s`, count, four));
      try { return Array.from(file.read('w').data); } finally { file.close(); }
    };
    assert.deepEqual(read(ints(2), ints(2), 1)(), [2, 4]);
    assert.deepEqual(read(ints(0, 9), ints(9, 1), 4)(), []);
    refuses(read(ints(2), ints(3), 1), 'format', /shape \[2\] lies outside of storage "0"/);
    refuses(read(ints(5), ints(1)), 'format', /lies outside/);
    refuses(read(ints(1), ints(1), 4), 'format', /lies outside/);
    refuses(read(ints(1), ints(1), -1), 'format', /not described in full/);
    refuses(read(ints(2), ints(-1), 1), 'format', /not described in full/);
    refuses(read(ints(2), ints(1, 1)), 'format', /not described in full/);
    refuses(read(ints(-2), ints(1)), 'format', /impossible side "-2"/);
    refuses(read(ints(2 ** 30, 2 ** 30), ints(0, 0)), 'format', /more elements than any memory holds/);
    refuses(read(ints(2 ** 30), ints(0)), 'unsupported', /expanded tensor/);
    refuses(read(ints(1), ints(1), 0, 2 ** 30), 'format', /does not have its 1073741824 elements/);
  });

  it('checks a view after copying it, so that a later opcode cannot change it', () => {
    // The shape is a list [1] that is put into the memo and grown to [1, 1000000] after the tensor was made.
    const shape = `]q\x05K\x01a`, grow = `h\x05J${int(1_000_000)}a`;
    const file = opened(oldForm(`}${text('w')}${tensor('FloatStorage', 1, shape, ints(1))}s${text('z')}${grow}s`, 1, new Uint8Array(4)));
    assert.deepEqual(file.read('w').shape, [1]);
    file.close();
  });

  it('refuses a hostile pickle by name and runs nothing', () => {
    refuses(() => openTorchBin(fixture('hostile.bin')), 'unsupported', /the Python object "posix\.system"/);
    assert(!existsSync('HOSTILE_PICKLE_RAN') && !existsSync(fixture('HOSTILE_PICKLE_RAN')));
  });

  it('refuses what is no plain state dict, each with its reason', () => {
    refuses(() => openTorchBin(fixture('whole-module.bin')), 'unsupported', /the Python object "torch\.nn\.modules\.linear\.Linear"/);
    refuses(() => openTorchBin(fixture('nested.bin')), 'unsupported', /no tensors by name at its top, but dicts called "state_dict"/);
    refuses(() => openTorchBin(fixture('protocol4.bin')), 'unsupported', /pickle protocol 4/);
    refuses(() => openTorchBin(fixture('expanded.bin')), 'unsupported', /expanded tensor of shape \[1000\] over 1 stored/);
    refuses(() => openTorchBin(fixture('compressed.bin')), 'unsupported', /is compressed/);
    refuses(() => openTorchBin(fixture('dtypes.safetensors')), 'format', /is no PyTorch file/);
    writeFileSync(at('lfs.bin'), 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n');
    refuses(() => openTorchBin(at('lfs.bin')), 'format', /Git LFS pointer/);
    writeFileSync(at('empty.bin'), '');
    refuses(() => openTorchBin(at('empty.bin')), 'format', /is no PyTorch file/);
    refuses(() => openTorchBin(at('none.bin')), 'missing', /there is no file/);
  });

  it('refuses every cut of both forms', () => {
    for (const form of ['zip.bin', 'old.bin']) {
      const whole = readFileSync(fixture(form));
      for (let length = 0; length < whole.length; length += 41) {
        writeFileSync(at('cut.bin'), whole.subarray(0, length));
        refuses(() => openTorchBin(at('cut.bin')), 'format', /./);
      }
    }
  });
});

describe('io/pickle', () => {
  const HOST: PickleHost = { globals: new Set(['a.B']), call: (name, args) => [name, args], persistent: (id) => ({ id }) };
  const run = (...parts: (string | number[])[]): unknown => {
    const bytes = Buffer.concat([Buffer.from([0x80, 2]), ...parts.map((part) => typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))]);
    return unpickle(bytes, 0, HOST, 'x.bin').value;
  };

  it('makes numbers, texts, lists, tuples, dicts and calls', () => {
    assert.equal(run('J\xff\xff\xff\xff.'), -1);
    assert.equal(run('M\x01\x02.'), 0x201);
    assert.equal(run('\x8a\x00.'), 0);
    assert.equal(run('\x8a\x02\x00\x80.'), -32768);
    assert.equal(run('\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00.'), 2n ** 64n - 1n);
    assert.equal(run('G\x3f\xf8\x00\x00\x00\x00\x00\x00.'), 1.5);
    assert.equal(run('X\x02\x00\x00\x00\xc3\xa9.'), 'é');
    assert.deepEqual(run('](K\x01K\x02eK\x03a.'), [1, 2, 3]);
    assert.deepEqual(run('K\x01N\x88\x87q\x00\x85h\x00\x86.'), [[[1, null, true]], [1, null, true]]);
    assert.deepEqual(run('}(K\x01\x89K\x02]uX\x01\x00\x00\x00a)s.'), new Map<unknown, unknown>([[1, false], [2, []], ['a', []]]));
    assert.deepEqual(run('ca\nB\n(K\x07tR.'), ['a.B', [7]]);
    assert.deepEqual(run('K\x07Q.'), { id: 7 });
  });

  it('refuses every opcode that a state dict does not need, by name', () => {
    const refused: [string, RegExp][] = [
      ['\x81', /NEWOBJ/], ['\x93', /STACK_GLOBAL/], ['i', /INST/], ['o', /OBJ/], ['\x82', /EXT1/], ['P', /PERSID/], ['I', /INT/], ['S', /STRING/], ['2', /DUP/],
      ['0', /POP/], ['\x94', /MEMOIZE/], ['\x95', /FRAME/], ['B', /BINBYTES/], ['\x90', /ADDITEMS/], ['\xff', /0xff/], ['\x00', /0x00/],
    ];
    for (const [code, name] of refused) refuses(() => run(code), 'unsupported', new RegExp(`x\\.bin holds the pickle opcode ${name.source}`));
    refuses(() => run('cos\nsystem\n'), 'unsupported', /the Python object "os\.system"/);
    refuses(() => run('c__builtin__\neval\n'), 'unsupported', /"__builtin__\.eval"/);
    refuses(() => run('K\x01}b.'), 'unsupported', /opcode BUILD/);
    refuses(() => run('}K\x01\x85K\x01s.'), 'unsupported', /dict key/);
  });

  it('refuses damage: empty stacks, missing marks, unknown memos, left-over objects', () => {
    for (const text of ['.', 'a.', 's.', '(.', 't.', 'h\x00.', 'R.', 'K\x01(a.', 'K\x01K\x02.', 'X\xff\xff\xff\xffa.', 'J\x00', 'ca', 'K\x01)R.', '}(K\x01u.', 'K\x01(K\x01e.', '(K\x01.', '(\x85.']) {
      refuses(() => run(text), 'format', /the pickle in x\.bin is damaged at byte/);
    }
  });
});
