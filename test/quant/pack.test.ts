import assert from 'node:assert/strict';
import fc from 'fast-check';
import { packBits, unpackBits } from '../../src/quant/pack';
import type { Bits } from '../../src/quant/spec';

describe('packed codes', () => {
  it('come back exactly at 2, 3, 4 and 8 bits, in ceil(b n / 8) bytes', () => {
    fc.assert(fc.property(fc.constantFrom<Bits>(2, 3, 4, 8), fc.array(fc.nat(255), { maxLength: 70 }), (bits, raw) => {
      const codes = raw.map((c) => c % 2 ** bits), packed = packBits(codes, bits);
      assert.equal(packed.length, Math.ceil((codes.length * bits) / 8));
      assert.deepEqual([...unpackBits(packed, bits, codes.length)], codes);
    }));
  });

  it('lie least significant bit first', () => {
    assert.deepEqual([...packBits([1, 2, 3, 0], 2)], [0b00_11_10_01]);
    assert.deepEqual([...packBits([5, 3, 7], 3)], [0b11_011_101, 0b1]);
  });

  it('refuse codes that do not fit and streams of another length', () => {
    assert.throws(() => packBits([0, 4], 2), /code 4 at 1 does not fit 2 bits/);
    assert.throws(() => packBits([0.5], 4), /does not fit/);
    assert.throws(() => unpackBits(new Uint8Array(3), 4, 8), /4 are needed/);
  });
});
