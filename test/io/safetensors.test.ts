import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { openSafetensors, writeSafetensors, type WritableTensor } from '../../src/io/safetensors';
import { bytesOf, expectedTensors, FIXTURES, refuses, scratch } from './helpers';

/** A safetensors file from any header, to make wrong ones. */
function craft(header: unknown, data = 0, length?: bigint): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(text.length));
  return Buffer.concat([prefix, text, Buffer.alloc(data)]);
}

describe('io/safetensors', () => {
  const at = scratch();
  const opening = (bytes: Buffer) => () => {
    writeFileSync(at('x.safetensors'), bytes);
    openSafetensors(at('x.safetensors')).close();
  };

  it('reads every dtype as Python does', () => {
    const file = openSafetensors(join(FIXTURES, 'dtypes.safetensors'));
    const expected = expectedTensors();
    assert.deepEqual(file.metadata, { format: 'pt' });
    assert.equal(file.names.length, 14);
    for (const name of file.names) {
      const tensor = file.read(name), { shape, bytes } = expected.get(name)!;
      assert.deepEqual(tensor.shape, shape, name);
      assert(bytesOf(tensor).equals(bytes), name);
      assert.equal(tensor.dtype, name === 'bool' ? 'bool' : name === 'u8' ? 'uint8' : /^i\d/.test(name) ? 'int32' : 'float32');
    }
    assert.deepEqual(file.info('f16'), { dtype: 'F16', shape: [5], bytes: 10 });
    refuses(() => file.read('none'), 'missing', /has no tensor "none" among its 14/);
    file.close();
    file.close();
    refuses(() => file.read('f32'), 'usage', /is closed/);
  });

  it('writes, from any order, the bytes that Python wrote', () => {
    const python = openSafetensors(join(FIXTURES, 'dtypes.safetensors'));
    // written-dtypes.safetensors is Python's file of the same tensors, less the dtypes that zsaq does not write.
    const stored = new Set(['F32', 'F16', 'BF16', 'I32', 'U8', 'BOOL']);
    const names = python.names.filter((name) => stored.has(python.info(name).dtype));
    const tensors = names.reverse().map((name): [string, WritableTensor] => {
      const { shape, data } = python.read(name);
      return [name, { dtype: python.info(name).dtype as WritableTensor['dtype'], shape, data: () => data }];
    });
    python.close();
    writeSafetensors(at('a'), tensors, { format: 'pt' });
    assert(readFileSync(at('a')).equals(readFileSync(join(FIXTURES, 'written-dtypes.safetensors'))));
  });

  it('reads back any tensors it wrote, bit for bit', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((n) => !['__proto__', 'constructor', '__metadata__'].includes(n));
    const shape = fc.array(fc.nat(4), { maxLength: 4 });
    const tensor = fc.tuple(shape, fc.constantFrom('F32', 'I32', 'U8', 'BOOL'), fc.infiniteStream(fc.integer())).map(([shape, dtype, stream]): WritableTensor => {
      const count = shape.reduce((a, b) => a * b, 1);
      const bits = Uint32Array.from({ length: count }, () => stream.next().value as number);
      const data = dtype === 'F32' ? new Float32Array(bits.buffer) : dtype === 'I32' ? new Int32Array(bits.buffer) : Uint8Array.from(bits, (b) => dtype === 'BOOL' ? b & 1 : b);
      return { dtype: dtype as 'F32', shape, data };
    });
    const metadata = fc.dictionary(name, fc.string({ unit: 'grapheme' }), { maxKeys: 3 });
    fc.assert(fc.property(fc.uniqueArray(fc.tuple(name, tensor), { selector: ([n]) => n, maxLength: 8 }), metadata, (tensors, metadata) => {
      writeSafetensors(at('x'), tensors, metadata);
      const file = openSafetensors(at('x'));
      assert.deepEqual(file.metadata, { ...metadata });
      assert.deepEqual([...file.names].sort(), tensors.map(([n]) => n).sort());
      for (const [n, { shape, data }] of tensors) {
        const back = file.read(n);
        assert.deepEqual(back.shape, shape);
        assert(bytesOf(back).equals(bytesOf({ ...back, data: data as Float32Array })), n);
      }
      file.close();
    }), { numRuns: 150 });
  });

  it('reads large tensors across the chunks of its conversions', () => {
    const count = (1 << 20) + 3;
    const data = Float32Array.from({ length: count }, (_, i) => (i % 2048) - 1024); // exact in float16
    const whole = Int32Array.from(data), doubles = Float64Array.from(data), longs = BigInt64Array.from(data, BigInt);
    for (const dtype of ['F32', 'F16'] as const) {
      writeSafetensors(at('x'), [['w', { dtype, shape: [count], data }]]);
      const file = openSafetensors(at('x'));
      assert.deepEqual(file.read('w').data, data);
      file.close();
    }
    for (const [dtype, array, expected] of [['F64', doubles, data], ['I64', longs, whole]] as const) {
      writeFileSync(at('x'), Buffer.concat([craft({ w: { dtype, shape: [count], data_offsets: [0, count * 8] } }), Buffer.from(array.buffer)]));
      const file = openSafetensors(at('x'));
      assert.deepEqual(file.read('w').data, expected);
      file.close();
    }
  });

  it('refuses integers beyond 32 bits, naming the element', () => {
    const read = (dtype: string, bytes: ArrayBufferView): unknown => {
      writeFileSync(at('x'), Buffer.concat([craft({ n: { dtype, shape: [2], data_offsets: [0, bytes.byteLength] } }), Buffer.from(bytes.buffer)]));
      const file = openSafetensors(at('x'));
      try { return Array.from(file.read('n').data); } finally { file.close(); }
    };
    assert.deepEqual(read('I64', BigInt64Array.of(-(2n ** 31n), 2n ** 31n - 1n)), [-(2 ** 31), 2 ** 31 - 1]);
    assert.deepEqual(read('U16', Uint16Array.of(65535, 1)), [65535, 1]);
    assert.deepEqual(read('U64', BigUint64Array.of(0n, 2n ** 31n - 1n)), [0, 2 ** 31 - 1]);
    refuses(() => read('I64', BigInt64Array.of(0n, 2n ** 31n)), 'range', /tensor "n" in .* beyond 32 bits at element 1/);
    refuses(() => read('I64', BigInt64Array.of(-(2n ** 31n) - 1n, 0n)), 'range', /at element 0/);
    refuses(() => read('U64', BigUint64Array.of(0n, 2n ** 31n)), 'range', /at element 1/);
    refuses(() => read('U32', Uint32Array.of(2 ** 31, 0)), 'range', /at element 0/);
    refuses(() => read('F8_E4M3', new Uint8Array(2)), 'unsupported', /dtype F8_E4M3/);
    refuses(() => read('C64', new Uint8Array(16)), 'unsupported', /dtype C64/);
  });

  it('refuses wrong headers, each with its reason', () => {
    const t = (shape: unknown, from: unknown, to: unknown, dtype = 'F32'): object => ({ dtype, shape, data_offsets: [from, to] });
    const wrong: [Buffer, RegExp][] = [
      [Buffer.alloc(3), /only 3 bytes/],
      [craft({}, 0, 1n << 60n), /header claims/],
      [craft({}, 0, 3n), /header claims 3 bytes/],
      [Buffer.from('version https://git-lfs.github.com/spec/v1\n'), /Git LFS pointer/],
      [craft('[]'), /does not begin with '\{'/],
      [craft(' {}'), /does not begin with '\{'/],
      [craft('{"a":{"dtype":"F32"'), /line 1, column 20/],
      [craft('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4), /"a" is given twice/],
      [craft('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4), /"__proto__" is not allowed/],
      [craft({ a: 3 }), /no description of "a"/],
      [craft({ a: {} }), /does not describe "a"/],
      [craft({ __metadata__: { a: 1 } }), /metadata "a" is not text/],
      [craft({ a: t([2], 0, 4) }, 4), /"a" has 4 bytes, which is not its shape \[2\] in F32/],
      [craft({ a: t([1], 0, 8) }, 4), /"a" lies outside/],
      [craft({ a: t([1], 4, 0) }, 4), /"a" lies outside/],
      [craft({ a: t([1], -4, 0) }, 4), /"a" lies outside/],
      [craft({ a: t([1], 0.5, 4.5) }, 8), /"a" lies outside/],
      [craft({ a: t([1], '0', 4) }, 4), /"a" lies outside/],
      [craft({ a: t([-1], 0, 4) }, 4), /impossible side "-1"/],
      [craft({ a: t([1.5], 0, 4) }, 4), /impossible side "1.5"/],
      [craft({ a: t([2 ** 30, 2 ** 30], 0, 0) }), /more elements than any memory holds/],
      [craft({ a: t([2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52, 0], 0, 0) }), /more elements than any memory holds/],
      [craft({ a: t([1], 0, 4), b: t([1], 0, 4) }, 4), /"b" overlaps/],
      [craft({ a: t([1], 0, 4), b: t([1], 8, 12) }, 12), /"b" leaves a gap/],
      [craft({ a: t([1], 4, 8) }, 8), /"a" leaves a gap/],
      [craft({ a: t([1], 0, 4) }, 5), /tensors end at byte .* and the file at/],
    ];
    for (const [bytes, reason] of wrong) refuses(opening(bytes), 'format', reason);
    refuses(opening(craft({ a: t([1], 0, 4, 'F31') }, 4)), 'unsupported', /"a" in .* unknown dtype "F31"/);
    refuses(opening(craft({ a: t([1], 0, 4, 'toString') }, 4)), 'unsupported', /unknown dtype "toString"/);
    refuses(() => openSafetensors(at('none')), 'missing', /there is no file/);
    refuses(() => openSafetensors(at('.')), 'format', /is not a file/);
  });

  it('says so when the file shrinks while it is open', () => {
    writeSafetensors(at('x'), [['w', { dtype: 'F32', shape: [1000], data: new Float32Array(1000) }]]);
    const file = openSafetensors(at('x'));
    writeFileSync(at('x'), readFileSync(at('x')).subarray(0, 2000)); // same inode
    refuses(() => file.read('w'), 'format', /ends at byte 2000/);
    file.close();
  });

  it('refuses to write what does not fit, and leaves no file', () => {
    const write = (tensors: [string, WritableTensor][]) => () => writeSafetensors(at('y'), tensors);
    const data = new Float32Array(2);
    refuses(write([['a', { dtype: 'F32', shape: [3], data }]]), 'mismatch', /"a" .* has 2 elements and its shape wants 3/);
    refuses(write([['a', { dtype: 'I32', shape: [2], data }]]), 'mismatch', /stored as I32, which takes Int32Array/);
    refuses(write([['a', { dtype: 'F32', shape: [2], data: () => new Float32Array(1) }]]), 'mismatch', /has 1 elements/);
    refuses(write([['a', { dtype: 'F32', shape: [2], data }], ['a', { dtype: 'F32', shape: [2], data }]]), 'mismatch', /given twice/);
    refuses(write([['__metadata__', { dtype: 'F32', shape: [2], data }]]), 'mismatch', /reserved name/);
    refuses(write([['a', { dtype: 'F16', shape: [2], data: new Float32Array([1, 70000]) }]]), 'range', /holds 70000 at element 1/);
    assert(!existsSync(at('y')));
    assert.deepEqual(readdirSync(at('.')), []);
  });
});
