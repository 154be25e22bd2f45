import { ZsaqError } from '../../core/error';
import { packBits } from '../../quant/pack';
import { blockWeight, type BlockedWeight } from './blocks';
import { OnnxGraph } from './graph';
import type { ExportSource } from '../source';

/**
 * How a quantized model becomes a graph: `exact` computes what zsaq computes (activations rounded per token, products in
 * float32), `fast` leaves the rounding of activations to the kernel (8 bits for each block, `accuracy_level` 4).
 */
export type OnnxForm = 'exact' | 'fast';

/** Accuracy level of MatMulNBits, and the largest block: `fast` rounds the activations of a block together, so smaller ones lose less. */
const FORMS = { exact: { level: 1, largest: 256 }, fast: { level: 4, largest: 32 } } as const;

/** Far below any score, as in `nn/attention`. */
const HIDDEN = -1e9;

/** The operations of a transformer on an ONNX graph, with the weights of a model, quantized or not. */
export class OnnxNetwork {
  readonly graph: OnnxGraph;
  private readonly blocked = new Map<string, BlockedWeight>();

  constructor(readonly source: ExportSource, private readonly form: OnnxForm) { this.graph = new OnnxGraph(`${source.model.family} by zsaq`); }

  /** A parameter as it is. */
  full(name: string): string {
    return this.graph.tensor(name, 'float32', this.source.model.shapes[name], () => this.source.values(name));
  }

  has(name: string): boolean { return Object.hasOwn(this.source.model.shapes, name); }

  /** x as the linear layers at `site` see it: rounded per token, s = max |x| / 127, in the exact form of a model that asks for it. */
  at(site: string, x: string): string {
    const { plan } = this.source, g = this.graph;
    if (!plan?.activationBits || this.form === 'fast' || !plan.sites.includes(site)) return x;
    const largest = g.op('ReduceMax', [g.op('Abs', [x]), g.ints(-1)], { keepdims: 1 });
    const scale = g.op('Max', [g.op('Div', [largest, g.scalar(2 ** (plan.activationBits - 1) - 1)]), g.scalar(1e-30)]);
    return g.op('Mul', [g.op('Round', [g.op('Div', [x, scale])]), scale]);
  }

  /** y = x Wᵀ + b, W and b at `layer.weight`, `layer.bias`. */
  linear(layer: string, x: string): string {
    const bias = this.has(`${layer}.bias`) ? this.full(`${layer}.bias`) : undefined, weight = `${layer}.weight`, g = this.graph;
    if (this.source.packed[weight]) return this.blockProduct(weight, x, bias);
    const [outs, ins] = this.source.model.shapes[weight];
    const transposed = g.tensor(`${weight} transposed`, 'float32', [ins, outs], () => transpose(this.source.values(weight), outs, ins));
    const product = g.op('MatMul', [x, transposed]);
    return bias ? g.op('Add', [product, bias]) : product;
  }

  /** y = x Eᵀ (+ b) with the table of `embed`, which is stored once. */
  tied(table: string, x: string, bias?: string): string {
    const g = this.graph, b = bias === undefined ? undefined : this.full(bias);
    if (this.source.packed[table]) return this.blockProduct(table, x, b);
    const product = g.op('MatMul', [x, g.op('Transpose', [this.full(table)], { perm: [1, 0] })]);
    return b ? g.op('Add', [product, b]) : product;
  }

  /** Rows of a table; of a quantized one they are s (c - z). */
  embed(table: string, ids: string): string {
    const g = this.graph;
    if (!this.source.packed[table]) return g.op('Gather', [this.full(table), ids]);
    const { bits, block, blocks, columns, zero } = this.block(table), { codes, scales } = this.blockTensors(table);
    let rows = g.op('Gather', [codes, ids]); // [batch, seq, blocks, bytes]
    if (bits < 8) {
      const each = 8 / bits, shifts = g.tensor(`shifts of ${bits} bits`, 'uint8', [each], () => Uint8Array.from({ length: each }, (_, i) => i * bits));
      const mask = g.tensor(`mask of ${bits} bits`, 'uint8', [], () => Uint8Array.of(2 ** bits - 1));
      const shifted = g.op('BitShift', [g.op('Unsqueeze', [rows, g.ints(-1)]), shifts], { direction: 'RIGHT' });
      rows = g.op('Reshape', [g.op('BitwiseAnd', [shifted, mask]), g.ints(0, 0, blocks, block)]);
    }
    const middle = typeof zero === 'number' ? g.scalar(zero)
      : g.op('Unsqueeze', [g.op('Gather', [g.tensor(`${table} zeros`, 'float32', [zero.length / blocks, blocks], () => Float32Array.from(zero)), ids]), g.ints(-1)]);
    const centred = g.op('Sub', [g.op('Cast', [rows], { to: 1 }), middle]);
    const scaled = g.op('Mul', [centred, g.op('Unsqueeze', [g.op('Gather', [scales, ids]), g.ints(-1)])]);
    const whole = g.op('Reshape', [scaled, g.ints(0, 0, blocks * block)]);
    return blocks * block === columns ? whole : g.op('Slice', [whole, g.ints(0), g.ints(columns), g.ints(-1)]);
  }

  layerNorm(name: string, x: string, epsilon: number): string {
    return this.graph.op('LayerNormalization', [x, this.full(`${name}.weight`), this.full(`${name}.bias`)], { axis: -1, epsilon: { float: epsilon } });
  }

  /** The nonlinearity that `config.json` names, as in `nn/activations`. */
  activation(name: string, x: string): string {
    const known: Record<string, [string, Record<string, string>]> = {
      gelu: ['Gelu', {}], gelu_new: ['Gelu', { approximate: 'tanh' }], gelu_pytorch_tanh: ['Gelu', { approximate: 'tanh' }], relu: ['Relu', {}], tanh: ['Tanh', {}],
    };
    if (!Object.hasOwn(known, name)) throw new ZsaqError('unsupported', `ONNX export does not know the activation ${name}`);
    return this.graph.op(known[name][0], [x], known[name][1]);
  }

  /** `[batch, seq, hidden] -> [batch, heads, seq, d]`. */
  splitHeads(x: string, heads: number, hidden: number): string {
    const g = this.graph;
    return g.op('Transpose', [g.op('Reshape', [x, g.ints(0, 0, heads, hidden / heads)])], { perm: [0, 2, 1, 3] });
  }

  /** softmax(scale q kᵀ + bias) v over split keys and values: `[batch, seq, hidden]`. */
  attend(q: string, keys: string, values: string, bias: string, { heads, hidden, scale = 1 / Math.sqrt(hidden / heads) }: { heads: number; hidden: number; scale?: number }): string {
    const g = this.graph, queries = this.splitHeads(g.op('Mul', [q, g.scalar(scale)]), heads, hidden);
    const scores = g.op('MatMul', [queries, g.op('Transpose', [keys], { perm: [0, 1, 3, 2] })]);
    const mixed = g.op('MatMul', [g.op('Softmax', [g.op('Add', [scores, bias])], { axis: -1 }), values]);
    return g.op('Reshape', [g.op('Transpose', [mixed], { perm: [0, 2, 1, 3] }), g.ints(0, 0, hidden)]);
  }

  /** -1e9 where a mask of whole numbers or truths is 0, else 0. */
  hiding(visible: string): string {
    const g = this.graph;
    return g.op('Mul', [g.op('Sub', [g.scalar(1), g.op('Cast', [visible], { to: 1 })]), g.scalar(HIDDEN)]);
  }

  /** One size of a tensor, without sides. */
  size(x: string, axis: number): string {
    const g = this.graph;
    return g.op('Gather', [g.op('Shape', [x]), g.int(axis)]);
  }

  private block(name: string): BlockedWeight {
    if (!this.blocked.has(name)) this.blocked.set(name, blockWeight(name, this.source.packed[name], FORMS[this.form].largest));
    return this.blocked.get(name)!;
  }

  private blockTensors(name: string): { codes: string; scales: string } {
    const w = this.block(name), { rows, blocks } = w, g = this.graph;
    return {
      codes: g.tensor(`${name} codes`, 'uint8', [rows, blocks, (w.block * w.bits) / 8], () => w.codes),
      scales: g.tensor(`${name} scales`, 'float32', [rows, blocks], () => w.scales),
    };
  }

  private blockProduct(name: string, x: string, bias: string | undefined): string {
    const w = this.block(name), { rows, blocks, bits, zero } = w, { codes, scales } = this.blockTensors(name), g = this.graph;
    const zeros = zero === 2 ** (bits - 1) ? ''
      : typeof zero === 'number' ? g.tensor(`${name} zero`, 'float32', [rows, blocks], () => new Float32Array(rows * blocks).fill(zero))
        : g.tensor(`${name} zero`, 'uint8', [rows, Math.ceil((blocks * bits) / 8)], () => packRows(zero, blocks, bits));
    return g.op('com.microsoft.MatMulNBits', trimmed([x, codes, scales, zeros, '', bias ?? '']), { K: w.columns, N: rows, bits, block_size: w.block, accuracy_level: FORMS[this.form].level });
  }
}

/** Optional inputs at the end that are not there are left out. */
function trimmed(inputs: string[]): string[] {
  return inputs.at(-1) === '' ? trimmed(inputs.slice(0, -1)) : inputs;
}

/** Each row of codes as bits, padded to whole bytes. */
function packRows(codes: Uint8Array, columns: number, bits: 2 | 4 | 8): Uint8Array {
  const width = Math.ceil((columns * bits) / 8), out = new Uint8Array((codes.length / columns) * width);
  for (let row = 0; row * columns < codes.length; row++) out.set(packBits(codes.subarray(row * columns, (row + 1) * columns), bits), row * width);
  return out;
}

function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c];
  return out;
}
