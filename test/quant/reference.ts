// An independent quantizer, one number at a time in 64 bits: levels s (c - z), codes rounded half to even and clipped.
export interface Reference { bits: number; grid: 'symmetric' | 'stretched' | 'asymmetric'; group: number }

const halfToEven = (v: number): number => {
  const below = Math.floor(v), rest = v - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
};

/** Scale, zero point and range of one group of values that covers them all. */
export function covering(values: number[], { bits, grid }: Reference): { scale: number; zero: number; low: number; high: number } {
  const levels = 2 ** bits, most = Math.max(...values.map(Math.abs));
  if (grid === 'symmetric') return { scale: most / (levels / 2 - 1), zero: 0, low: 1 - levels / 2, high: levels / 2 - 1 };
  if (grid === 'stretched') return { scale: most / (levels / 2), zero: (levels - 1) / 2, low: 0, high: levels - 1 };
  const bottom = Math.min(0, ...values), scale = (Math.max(0, ...values) - bottom) / (levels - 1);
  return { scale, zero: scale > 0 ? halfToEven(-bottom / scale) : 0, low: 0, high: levels - 1 };
}

/** Every value on its group's grid, at the scales given or the covering ones. */
export function quantized(values: number[], spec: Reference, scales?: ArrayLike<number>, zeros?: ArrayLike<number>): number[] {
  const out: number[] = [];
  for (let start = 0; start < values.length; start += spec.group) {
    const group = values.slice(start, start + spec.group), found = covering(group, spec), at = start / spec.group;
    const scale = scales ? scales[at] : found.scale, zero = zeros ? zeros[at] : found.zero;
    for (const value of group) {
      const code = scale > 0 ? Math.min(found.high, Math.max(found.low, halfToEven(value / scale + zero))) : zero;
      out.push(scale * (code - zero));
    }
  }
  return out;
}
