import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from '../../src/io/half';
import { refuses } from './helpers';

/** The value of float16 or bfloat16 bits by the definition of the formats (IEEE 754, section 3.4). */
function value(bits: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits, bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits >>> 15 ? -1 : 1, exponent = (bits >>> fractionBits) & (2 ** exponentBits - 1), fraction = bits & (2 ** fractionBits - 1);
  if (exponent === 2 ** exponentBits - 1) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias - fractionBits) : sign * (1 + fraction * 2 ** -fractionBits) * 2 ** (exponent - bias);
}

const ALL = Uint16Array.from({ length: 65536 }, (_, i) => i);

const FORMATS = [
  { name: 'float16', exponentBits: 5, widen: float16ToFloat32, narrow: float32ToFloat16, largest: 0x7bff },
  { name: 'bfloat16', exponentBits: 8, widen: bfloat16ToFloat32, narrow: float32ToBfloat16, largest: 0x7f7f },
];

for (const { name, exponentBits, widen, narrow, largest } of FORMATS) {
  describe(`io/half ${name}`, () => {
    it('widens all 65,536 values as the format defines them, in place too', () => {
      const apart = widen(ALL, new Float32Array(65536));
      const inPlace = new Float32Array(65536);
      const tail = new Uint16Array(inPlace.buffer, 131072);
      tail.set(ALL);
      widen(tail, inPlace);
      for (let i = 0; i < 65536; i++) {
        assert(Object.is(apart[i], value(i, exponentBits)), `${i}: ${apart[i]}`);
        assert(Object.is(inPlace[i], apart[i]), `in place ${i}: ${inPlace[i]}`);
      }
    });

    it('narrows each of them back to itself (NaN to the quiet one)', () => {
      const back = narrow(widen(ALL, new Float32Array(65536)), 'x');
      for (let i = 0; i < 65536; i++) {
        if (Number.isNaN(value(i, exponentBits))) assert(Number.isNaN(value(back[i], exponentBits)));
        else assert.equal(back[i], i);
      }
    });

    it('narrows any float32 to the nearest value, ties to even', () => {
      const limit = value(largest, exponentBits);
      const near = fc.tuple(fc.nat(largest - 1), fc.constantFrom(0, 0.25, 0.5, 0.75), fc.integer({ min: -2, max: 2 }), fc.boolean()).map(([h, part, nudge, negative]) => {
        const bits = new Uint32Array(1), float = new Float32Array(bits.buffer);
        float[0] = value(h, exponentBits) + part * (value(h + 1, exponentBits) - value(h, exponentBits));
        bits[0] = Math.max(0, bits[0] + nudge);
        return negative ? -float[0] : float[0];
      });
      fc.assert(fc.property(fc.oneof(near, fc.float({ noNaN: true, noDefaultInfinity: true, max: Math.fround(limit), min: -Math.fround(limit) })), (x) => {
        if (Math.abs(x) > limit) return;
        const [h] = narrow(new Float32Array([x]), 'x');
        const error = Math.abs(value(h, exponentBits) - x);
        assert.equal(h >>> 15, Object.is(x, -0) || x < 0 ? 1 : 0, 'sign');
        for (const other of [h - 1, h + 1]) {
          if ((other & 0x7fff) > largest || (other ^ h) & 0x8000) continue;
          const otherError = Math.abs(value(other, exponentBits) - x);
          assert(error < otherError || (error === otherError && h % 2 === 0), `${x}: ${value(h, exponentBits)} or ${value(other, exponentBits)}`);
        }
      }), { numRuns: 20000 });
    });

    it('keeps infinities and refuses finite values that would become infinite', () => {
      assert.deepEqual(narrow(new Float32Array([Infinity, -Infinity]), 'x').map((h) => h & 0x7fff), new Uint16Array(2).fill(largest + 1));
      const top = value(largest, exponentBits), step = top - value(largest - 1, exponentBits);
      const edge = Math.fround(top + step / 2); // rounds to even, that is to infinity
      const below = new Float32Array([edge]);
      new Uint32Array(below.buffer)[0] -= 1;
      assert.equal(narrow(below, 'x')[0], largest);
      refuses(() => narrow(new Float32Array([1, -edge]), 'tensor "w"', 10), 'range', /tensor "w" holds -\S+ at element 11, more than B?F16 can hold/);
    });
  });
}
