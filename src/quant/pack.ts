import { ZsaqError } from '../core/error';
import type { Bits } from './spec';

/**
 * Codes 0 ... 2^b - 1 as one stream of bits: code i takes the bits b i ... b i + b - 1, least significant first, whatever
 * the width, so that 3 bits take 3 bits.
 *
 * @returns ceil(b n / 8) bytes
 */
export function packBits(codes: ArrayLike<number>, bits: Bits): Uint8Array {
  const out = new Uint8Array(Math.ceil((codes.length * bits) / 8)), limit = 2 ** bits;
  for (let i = 0, at = 0; i < codes.length; i++, at += bits) {
    const code = codes[i];
    if (!(code >= 0 && code < limit && Number.isInteger(code))) throw new ZsaqError('range', `code ${code} at ${i} does not fit ${bits} bits`);
    const byte = at >> 3, shifted = code << (at & 7);
    out[byte] |= shifted & 255;
    if (shifted > 255) out[byte + 1] |= shifted >> 8;
  }
  return out;
}

/** The n codes of a packed stream. @throws ZsaqError if the stream has another length */
export function unpackBits(packed: Uint8Array, bits: Bits, n: number): Uint8Array {
  const expected = Math.ceil((n * bits) / 8), mask = 2 ** bits - 1;
  if (packed.length !== expected) throw new ZsaqError('format', `${packed.length} packed bytes for ${n} codes of ${bits} bits: ${expected} are needed`);
  const out = new Uint8Array(n);
  for (let i = 0, at = 0; i < n; i++, at += bits) {
    const byte = at >> 3;
    out[i] = ((packed[byte] | ((packed[byte + 1] ?? 0) << 8)) >> (at & 7)) & mask;
  }
  return out;
}
