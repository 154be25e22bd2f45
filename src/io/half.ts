import { ZsaqError } from '../core/error';

/** The float32 bits of every float16, made on first use: 256 KB that stay in the processor's cache. */
let float16Table: Uint32Array | undefined;

function makeFloat16Table(): Uint32Array {
  const table = new Uint32Array(65536);
  for (let h = 0; h < 32768; h++) {
    const exponent = h >> 10;
    let fraction = h & 0x3ff, bits: number;
    if (exponent === 31) bits = 0x7f800000 | (fraction << 13);
    else if (exponent > 0) bits = ((exponent + 112) << 23) | (fraction << 13);
    else if (fraction === 0) bits = 0;
    else { // subnormal: normal in float32
      const shift = Math.clz32(fraction) - 21;
      fraction = (fraction << shift) & 0x3ff;
      bits = ((113 - shift) << 23) | (fraction << 13);
    }
    table[h] = bits;
    table[h + 32768] = (bits | 0x80000000) >>> 0;
  }
  return table;
}

/**
 * float16 bits to float32, exactly. `source` may be the last half of `target`'s own memory.
 *
 * @returns `target`
 */
export function float16ToFloat32(source: Uint16Array, target: Float32Array): Float32Array {
  const table = (float16Table ??= makeFloat16Table());
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < source.length; i++) bits[i] = table[source[i]];
  return target;
}

/** bfloat16 bits to float32, exactly: they are its upper half. `source` may be the last half of `target`'s own memory. */
export function bfloat16ToFloat32(source: Uint16Array, target: Float32Array): Float32Array {
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < source.length; i++) bits[i] = source[i] << 16;
  return target;
}

/**
 * float32 to float16 bits, to nearest, ties to even, as PyTorch does; every NaN becomes the quiet one.
 *
 * @param where names the tensor in errors, `first` the place of `source` in it
 * @throws ZsaqError 'range' for finite values that would become infinite (from 65520 up)
 */
export function float32ToFloat16(source: Float32Array, where: string, first = 0): Uint16Array {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  const result = new Uint16Array(source.length);
  const half = new Float32Array(1), halfBits = new Uint32Array(half.buffer);
  for (let i = 0; i < source.length; i++) {
    const sign = (bits[i] >>> 16) & 0x8000;
    const magnitude = bits[i] & 0x7fffffff;
    let h: number;
    if (magnitude >= 0x477ff000) { // 65520 and above, infinity, NaN
      if (magnitude < 0x7f800000) throw overflow(source[i], first + i, 'F16', 'BF16', where);
      h = magnitude > 0x7f800000 ? 0x7e00 : 0x7c00;
    } else if (magnitude < 0x38800000) { // below 2^-14: adding 0.5 rounds to multiples of 2^-24, float16's smallest step
      half[0] = Math.abs(source[i]) + 0.5;
      h = halfBits[0] - 0x3f000000;
    } else { // re-bias the exponent by -112, round the 13 dropped bits to even
      h = (magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13;
    }
    result[i] = sign | h;
  }
  return result;
}

/**
 * float32 to bfloat16 bits, to nearest, ties to even, as PyTorch does; every NaN becomes the quiet one.
 *
 * @param where names the tensor in errors, `first` the place of `source` in it
 * @throws ZsaqError 'range' for finite values that would become infinite
 */
export function float32ToBfloat16(source: Float32Array, where: string, first = 0): Uint16Array {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  const result = new Uint16Array(source.length);
  for (let i = 0; i < source.length; i++) {
    const x = bits[i], magnitude = x & 0x7fffffff;
    if (magnitude > 0x7f800000) result[i] = 0x7fc0;
    else {
      if (magnitude >= 0x7f7f8000 && magnitude < 0x7f800000) throw overflow(source[i], first + i, 'BF16', 'F32', where);
      result[i] = (x + 0x7fff + ((x >>> 16) & 1)) >>> 16;
    }
  }
  return result;
}

function overflow(value: number, index: number, dtype: string, better: string, where: string): ZsaqError {
  return new ZsaqError('range', `${where} holds ${value} at element ${index}, more than ${dtype} can hold: store it as ${better} instead`);
}
