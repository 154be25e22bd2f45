import { ZsaqError } from '../../core/error';
import { packBits } from '../../quant/pack';
import type { PackedWeight } from '../packed';

/** Sizes of block that MatMulNBits takes; a row's scale is repeated for each of its blocks. */
const BLOCKS = [256, 128, 64, 32, 16] as const;

/** A quantized matrix `[rows, columns]` as `com.microsoft.MatMulNBits` stores it: w = scale (code - zero). */
export interface BlockedWeight {
  bits: 2 | 4 | 8;
  rows: number; columns: number;
  block: number; blocks: number;
  /** `[rows, blocks, block * bits / 8]`, first code in the lowest bits */
  codes: Uint8Array;
  /** `[rows, blocks]` */
  scales: Float32Array;
  /** one zero for all, or a whole one for each block `[rows, blocks]` */
  zero: number | Uint8Array;
}

/**
 * The same numbers in blocks. Symmetric codes move up so that 2^(b-1) is their zero, the one that MatMulNBits assumes. On the
 * stretched grid the zero is half a code: 2 bits take it as the float 1.5, 4 bits are doubled into 8 (2c - 15, half the scale).
 *
 * @param largest the largest block
 * @throws ZsaqError 'unsupported' for what MatMulNBits cannot hold, with the reason
 */
export function blockWeight(name: string, { spec, shape, codes, scale, zero }: PackedWeight, largest: number): BlockedWeight {
  const [rows, columns] = shape, { bits, grid } = spec;
  if (bits === 3) throw new ZsaqError('unsupported', `${name} has 3 bits, and ONNX Runtime's MatMulNBits takes 2, 4 and 8: export it as packed or compressed-tensors`);
  if (grid === 'stretched' && bits === 8) throw new ZsaqError('unsupported', `${name}: the zero point of the stretched grid at 8 bits is 127.5, and MatMulNBits takes whole ones: quantize with --set plan.grid=symmetric, or export it as packed`);
  const doubled = grid === 'stretched' && bits === 4, stored = doubled ? 8 : bits;
  const block = blockFor(name, columns, spec.granularity, largest), blocks = Math.ceil(columns / block), groups = scale.length;
  const shift = grid === 'symmetric' ? 1 : 0, middle = 2 ** (stored - 1), padding = grid === 'asymmetric' ? 0 : middle;
  const groupOf = (row: number, at: number) => Math.floor(((row * columns + Math.min(at, columns - 1)) * groups) / (rows * columns));
  const width = (block * stored) / 8, out = new Uint8Array(rows * blocks * width), padded = new Uint8Array(blocks * block).fill(padding);
  const scales = new Float32Array(rows * blocks), zeros = new Uint8Array(rows * blocks);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < columns; i++) {
      const code = codes[row * columns + i];
      padded[i] = doubled ? 2 * code - 15 + middle : code + shift;
    }
    out.set(packBits(padded, stored), row * blocks * width);
    for (let b = 0; b < blocks; b++) {
      const group = groupOf(row, b * block);
      scales[row * blocks + b] = doubled ? scale[group] / 2 : scale[group];
      zeros[row * blocks + b] = zero[group];
    }
  }
  return { bits: stored, rows, columns, block, blocks, codes: out, scales, zero: grid === 'asymmetric' ? zeros : grid === 'stretched' && !doubled ? zero[0] : middle };
}

/** The largest block that no group's border cuts; a row that none divides is padded. */
function blockFor(name: string, columns: number, granularity: PackedWeight['spec']['granularity'], largest: number): number {
  const unit = typeof granularity === 'object' ? granularity.group : columns, found = BLOCKS.find((b) => b <= largest && unit % b === 0);
  if (found) return found;
  if (typeof granularity === 'object') throw new ZsaqError('unsupported', `${name} has groups of ${granularity.group}, and MatMulNBits takes blocks of 16 to 256: choose groups that 16 divides, or row`);
  return 16;
}
