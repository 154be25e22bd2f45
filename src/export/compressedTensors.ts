import { ZsaqError } from '../core/error';
import { packBits } from '../quant/pack';
import type { WritableTensor } from '../io/safetensors';
import type { PackedWeight } from './packed';
import type { ExportSource } from './source';

/**
 * The layout `pack-quantized` of the library compressed-tensors (vLLM project, 0.20): of a weight `[out, in]` at b bits
 * - `weight_packed` int32 `[out, ceil(in b / 32)]`: c + 2^(b-1), first code in the lowest bits, each row from a new word
 * - `weight_scale` `[out, groups of a row]`, `weight_shape` int64 `[2]`
 * - `weight_zero_point` on the asymmetric grid, int32 `[ceil(out b / 32), groups of a row]`, packed down the rows
 *
 * Everything else is stored as it is. The library rounds activations by the scale max |x| / 127.5, zsaq by max |x| / 127:
 * weights are equal bit for bit, logits at 8-bit activations within that rounding.
 *
 * @throws ZsaqError 'unsupported' for a grid whose zero point is no whole number, and for GPT-2
 */
export function compressedTensors(source: ExportSource): { tensors: Record<string, WritableTensor>; config: Record<string, unknown> } {
  const { model, plan, packed, config } = source;
  if (!plan) throw new ZsaqError('mismatch', `${source.dir} is in full precision, and compressed-tensors holds quantized models: give the model/ folder of a run`);
  if (model.storedTransposed) throw new ZsaqError('unsupported', `${source.dir}: the library compressed-tensors knows no ${model.family} layers (Conv1D): export it as packed or onnx`);
  const tensors: Record<string, WritableTensor> = {}, groups = new Map<string, { scheme: object; targets: string[] }>();
  const sites = new Map(model.linears.map(({ weight, site }) => [weight, site]));
  for (const name of model.paramNames) {
    const weight = packed[name];
    if (!weight) {
      tensors[name] = { dtype: 'F32', shape: model.shapes[name], data: () => source.values(name) };
      continue;
    }
    const module = name.replace(/\.weight$/, ''), rounded = plan.activationBits !== null && plan.sites.includes(sites.get(name) ?? '');
    Object.assign(tensors, stored(name, module, weight));
    const scheme = schemeOf(weight, rounded ? plan.activationBits : null), key = JSON.stringify(scheme);
    if (!groups.has(key)) groups.set(key, { scheme, targets: [] });
    groups.get(key)!.targets.push(module);
  }
  const quantization = {
    quant_method: 'compressed-tensors', format: 'pack-quantized', quantization_status: 'compressed', ignore: [],
    config_groups: Object.fromEntries([...groups.values()].map(({ scheme, targets }, i) => [`group_${i}`, { ...scheme, targets }])),
  };
  // what is stored is float32, and from_config makes a model of the precision that the file names
  const { torch_dtype: _, ...rest } = config as Record<string, unknown>;
  return { tensors, config: { ...rest, dtype: 'float32', quantization_config: quantization } };
}

function schemeOf({ spec }: PackedWeight, activationBits: number | null): object {
  const group = typeof spec.granularity === 'object' ? spec.granularity.group : null;
  const shared = { type: 'int', observer: null };
  return {
    weights: { ...shared, num_bits: spec.bits, symmetric: spec.grid !== 'asymmetric', strategy: group ? 'group' : 'channel', group_size: group, dynamic: false },
    input_activations: activationBits === null ? null : { ...shared, num_bits: activationBits, symmetric: true, strategy: 'token', group_size: null, dynamic: true },
    output_activations: null, format: 'pack-quantized',
  };
}

function stored(name: string, module: string, { spec, shape, codes, scale, zero }: PackedWeight): Record<string, WritableTensor> {
  const { bits, grid } = spec, [rows, columns] = shape;
  if (grid === 'stretched') {
    throw new ZsaqError('unsupported', `${name}: the stretched grid at ${bits} bits has the zero point ${(2 ** bits - 1) / 2}, and compressed-tensors takes whole ones: quantize with --set plan.grid=symmetric, or export it as packed or onnx`);
  }
  // one scale for a whole tensor is one for each row as well
  const perRow = Math.max(1, scale.length / rows), of = (values: Float32Array) => (scale.length === 1 ? new Float32Array(rows).fill(values[0]) : values);
  const shifted = grid === 'symmetric' ? codes.map((c) => c + 1) : codes, packed = packWords(shifted, columns, bits);
  return {
    [`${module}.weight_packed`]: { dtype: 'I32', shape: [rows, packed.length / rows], data: packed },
    [`${module}.weight_scale`]: { dtype: 'F32', shape: [rows, perRow], data: of(scale) },
    [`${module}.weight_shape`]: { dtype: 'I64', shape: [2], data: BigInt64Array.of(BigInt(rows), BigInt(columns)) },
    ...(grid === 'asymmetric' ? { [`${module}.weight_zero_point`]: packedZeros(of(zero), rows, perRow, bits) } : {}),
  };
}

function packedZeros(zero: Float32Array, rows: number, perRow: number, bits: PackedWeight['spec']['bits']): WritableTensor {
  const down = Uint8Array.from({ length: rows * perRow }, (_, i) => zero[(i % rows) * perRow + Math.floor(i / rows)]);
  const columns = packWords(down, rows, bits), words = columns.length / perRow; // [groups, words], then turned
  return { dtype: 'I32', shape: [words, perRow], data: Int32Array.from(columns, (_, i) => columns[(i % perRow) * words + Math.floor(i / perRow)]) };
}

/** Rows of codes as words of 32 bits, each row from a new word. */
function packWords(codes: Uint8Array, columns: number, bits: PackedWeight['spec']['bits']): Int32Array {
  const words = Math.ceil((columns * bits) / 32), rows = codes.length / columns, out = new Uint8Array(rows * words * 4);
  for (let row = 0; row < rows; row++) out.set(packBits(codes.subarray(row * columns, (row + 1) * columns), bits), row * words * 4);
  return new Int32Array(out.buffer);
}
