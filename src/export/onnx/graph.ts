import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { ZsaqError } from '../../core/error';

/** Numbers of the element types in ONNX. */
const TYPES = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 } as const;
export type OnnxType = keyof typeof TYPES;

/** Sizes of an input or output; a name is a size that the caller chooses. */
export type OnnxShape = readonly (number | string)[];

export type AttributeValue = number | string | { float: number } | readonly number[];

/** The sets of operations that the graphs are written for: Gelu needs 20, and onnxruntime has read 21 since 1.18. */
const OPSET = 21, IR_VERSION = 10, CONTRIB = 'com.microsoft';
/** Protocol buffers end here. */
const MOST_BYTES = 2 ** 31 - 1;

const HOLDERS = { float32: Float32Array, uint8: Uint8Array, int64: BigInt64Array } as const;

/**
 * An ONNX graph in the making. Operations are named by their outputs and may be used before none of them is computed:
 * `op` appends in the order of the calls, which is a topological one by construction.
 *
 * @example const g = new OnnxGraph('net'); const y = g.op('Relu', [g.input('x', 'float32', ['n'])]); g.output('y', y, 'float32', ['n'])
 */
export class OnnxGraph {
  private readonly nodes: object[] = [];
  private readonly tensors: object[] = [];
  private readonly inputs: object[] = [];
  private readonly outputs: object[] = [];
  private readonly known = new Map<string, string>();
  private readonly domains = new Set<string>(['']);
  private bytes = 0;
  private count = 0;

  constructor(private readonly name: string) {}

  input(name: string, type: OnnxType, shape: OnnxShape): string {
    this.inputs.push(valueInfo(name, type, shape));
    return name;
  }

  /** Gives a value out under a name of its own. */
  output(name: string, value: string, type: OnnxType, shape: OnnxShape): void {
    this.append('Identity', [value], [name], {});
    this.outputs.push(valueInfo(name, type, shape));
  }

  /** Appends an operation with one output; those of `com.microsoft` are named with that prefix: `com.microsoft.MatMulNBits`. */
  op(type: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeValue>> = {}): string {
    return this.ops(type, inputs, 1, attributes)[0];
  }

  /** Appends an operation with several outputs. */
  ops(type: string, inputs: readonly string[], outputs: number, attributes: Readonly<Record<string, AttributeValue>> = {}): string[] {
    const names = Array.from({ length: outputs }, (_, i) => `${type.split('.').at(-1)}_${this.count}${outputs > 1 ? `_${i}` : ''}`);
    this.count++;
    this.append(type, inputs, names, attributes);
    return names;
  }

  /** A stored tensor under a name of its own; the same name gives the first one back. */
  tensor(name: string, type: keyof typeof HOLDERS, shape: readonly number[], data: () => Float32Array | Uint8Array | BigInt64Array): string {
    if (this.known.has(name)) return name;
    const values = data(), size = shape.reduce((a, b) => a * b, 1);
    if (!(values instanceof HOLDERS[type]) || values.length !== size) throw new Error(`${name}: ${values.length} values for the shape [${shape}] of ${type}`);
    this.bytes += values.byteLength;
    if (this.bytes > MOST_BYTES) throw new ZsaqError('unsupported', `${this.name} is larger than 2 GB, which no ONNX file of one piece holds: choose fewer bits, or the packed or compressed-tensors format`);
    this.tensors.push({ name, dims: [...shape], dataType: TYPES[type], rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) });
    this.known.set(name, name);
    return name;
  }

  /** A float constant without sides. */
  scalar(value: number): string { return this.tensor(`float ${value}`, 'float32', [], () => Float32Array.of(value)); }

  /** A list of whole numbers, for shapes and axes. */
  ints(...values: number[]): string { return this.tensor(`ints ${values.join(' ')}`, 'int64', [values.length], () => BigInt64Array.from(values, BigInt)); }

  /** A whole number without sides. */
  int(value: number): string { return this.tensor(`int ${value}`, 'int64', [], () => BigInt64Array.of(BigInt(value))); }

  /** The file. @param facts stored as its metadata */
  encode(facts: Readonly<Record<string, string>>): Uint8Array {
    const model = protocol().lookupType('onnx.ModelProto');
    return model.encode(model.create({
      irVersion: IR_VERSION, producerName: 'zsaq', opsetImport: [...this.domains].map((domain) => ({ domain, version: domain === '' ? OPSET : 1 })),
      graph: { name: this.name, node: this.nodes, initializer: this.tensors, input: this.inputs, output: this.outputs },
      metadataProps: Object.entries(facts).map(([key, value]) => ({ key, value })),
    })).finish();
  }

  private append(type: string, inputs: readonly string[], outputs: readonly string[], attributes: Readonly<Record<string, AttributeValue>>): void {
    const domain = type.startsWith(`${CONTRIB}.`) ? CONTRIB : '', opType = domain ? type.slice(domain.length + 1) : type;
    this.domains.add(domain);
    this.nodes.push({ opType, domain, name: outputs[0], input: [...inputs], output: [...outputs], attribute: Object.entries(attributes).map(([name, v]) => attribute(name, v)) });
  }
}

function attribute(name: string, value: AttributeValue): object {
  if (typeof value === 'number') return { name, type: 2, i: value };
  if (typeof value === 'string') return { name, type: 3, s: Buffer.from(value) };
  if ('float' in value) return { name, type: 1, f: value.float };
  return { name, type: 7, ints: [...value] };
}

function valueInfo(name: string, type: OnnxType, shape: OnnxShape): object {
  const dim = shape.map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d }));
  return { name, type: { tensorType: { elemType: TYPES[type], shape: { dim } } } };
}

let parsed: protobuf.Root | undefined;

/** The messages of ONNX, from the excerpt of their definition that stands beside this file. */
function protocol(): protobuf.Root {
  return (parsed ??= protobuf.parse(readFileSync(join(__dirname, 'onnx.proto'), 'utf8')).root);
}
