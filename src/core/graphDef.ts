// Recorded operations as TensorFlow's SavedModel file, through the protocol buffers that tfjs-node ships for reading such files.
import { graphProtocol, type Attribute, type Metadata, type NativeBackend } from './backend';

/** One operation as it was called; tensors by their numbers. It runs not before `after` is there. */
export interface Recorded { op: string; attributes: readonly Attribute[]; inputs: readonly number[]; outputs: readonly Metadata[]; after?: number }

/** A tensor that came from the host. */
export interface Constant extends Metadata { values: ArrayLike<number> }

export interface Recording { operations: readonly Recorded[]; constants: ReadonlyMap<number, Constant> }

/** A graph's file, the inputs it reads (their index among those given, and the node's name), and the names of its outputs. */
export interface GraphFile { bytes: Uint8Array; feeds: { index: number; name: string }[]; fetches: string[] }

/** A message of protocol buffers; the generated file has no types. */
type Message = Record<string, (...args: unknown[]) => unknown>;
type MessageClass = (new () => Message) & Record<string, new () => Message>;

/** Any producer of today's graphs: below 22 old rules on attributes would apply. */
const PRODUCER = 1000;
const UINT8_LIKE = 10; // DT_BOOL: one byte a value
/** TensorFlow's mark of sums that it has already rewritten. Unmarked, sums of sums become AddN, whose order depends on other threads (see `addAll`). */
const SUM_AS_WRITTEN = '_grappler_ArithmeticOptimizer_AddOpsRewriteStage';

/**
 * Writes what leads to the outputs as a graph; everything else that was recorded is left out.
 *
 * @param inputs the tensors that will be fed; those that nothing reads get no place in the graph
 * @throws Error if an operation reads a tensor from elsewhere
 */
export function writeGraph({ operations, constants }: Recording, inputs: readonly Metadata[], outputs: readonly number[], binding: NativeBackend['binding']): GraphFile {
  const proto = graphProtocol() as Record<string, MessageClass>;
  const graph = new proto.GraphDef(), place = new Map<number, string>(), feeds: GraphFile['feeds'] = [];
  let count = 0;
  const node = (op: string, from: readonly string[], attributes: Record<string, Message>): string => {
    const message = new proto.NodeDef(), name = `n${count++}`;
    message.setName(name), message.setOp(op), message.setInputList(from);
    for (const [key, value] of Object.entries(attributes)) (message.getAttrMap() as Map<string, Message>).set(key, value);
    graph.addNode(message);
    return name;
  };
  const value = (set: string, x: unknown): Message => {
    const message = new proto.AttrValue();
    message[set](x);
    return message;
  };
  const shapeOf = (shape: readonly number[]): Message => {
    const message = new proto.TensorShape();
    for (const size of shape) {
      const dim = new proto.TensorShape.Dim();
      dim.setSize(size), message.addDim(dim);
    }
    return message;
  };
  const constant = ({ shape, dtype, values }: Constant): string => {
    const tensor = new proto.Tensor();
    tensor.setDtype(dtype), tensor.setTensorShape(shapeOf(shape)), tensor.setTensorContent(bytesOf(dtype, values, binding));
    return node('Const', [], { dtype: value('setType', dtype), value: value('setTensor', tensor) });
  };
  const fed = new Map(inputs.map((input, index) => [input.id, index]));
  const find = (id: number, reader: string): string => {
    const known = place.get(id);
    if (known) return known;
    const made = constants.get(id), index = fed.get(id);
    if (!made && index === undefined) throw new Error(`graph: ${reader} reads a tensor that is neither an input nor held: hand it over`);
    const name = made ? constant(made) : node('Placeholder', [], { dtype: value('setType', inputs[index!].dtype), shape: value('setShape', shapeOf(inputs[index!].shape)) });
    if (!made) feeds.push({ index: index!, name: `${name}:0` });
    place.set(id, `${name}:0`);
    return `${name}:0`;
  };
  for (const { op, attributes, inputs: from, outputs: to, after } of needed(operations, outputs)) {
    const typed = Object.fromEntries(attributes.map((a) => [a.name, value(...setter(op, a, binding))]));
    if (op === 'AddV2' || op === 'Add') typed[SUM_AS_WRITTEN] = value('setB', true);
    const control = after === undefined ? [] : [`^${find(after, op).split(':')[0]}`];
    const name = node(op, [...from.map((id) => find(id, op)), ...control], typed);
    to.forEach(({ id }, i) => place.set(id, `${name}:${i}`));
  }
  // Through identities: what is fed cannot be fetched itself.
  const types = new Map([...inputs, ...constants.values(), ...operations.flatMap((o) => o.outputs)].map((t) => [t.id, t.dtype]));
  const fetches = outputs.map((id) => `${node('Identity', [find(id, 'an output')], { T: value('setType', types.get(id)) })}:0`);
  return { bytes: savedModel(proto, graph), feeds, fetches };
}

/** The operations that lead to the outputs, in order. */
function needed(operations: readonly Recorded[], outputs: readonly number[]): Recorded[] {
  const wanted = new Set(outputs), kept: Recorded[] = [];
  for (let i = operations.length - 1; i >= 0; i--) {
    if (!operations[i].outputs.some(({ id }) => wanted.has(id))) continue;
    const { inputs, after } = operations[i];
    for (const id of after === undefined ? inputs : [...inputs, after]) wanted.add(id);
    kept.push(operations[i]);
  }
  return kept.reverse();
}

function setter(op: string, { name, type, value }: Attribute, binding: NativeBackend['binding']): [string, unknown] {
  if (!Array.isArray(value)) {
    if (type === binding.TF_ATTR_TYPE) return ['setType', value];
    if (type === binding.TF_ATTR_BOOL) return ['setB', value];
    if (type === binding.TF_ATTR_INT) return ['setI', value];
    if (type === binding.TF_ATTR_FLOAT) return ['setF', value];
    if (type === binding.TF_ATTR_STRING) return ['setS', Uint8Array.from(Buffer.from(String(value)))];
  }
  throw new Error(`graph: attribute ${name} of ${op} is of a kind that is not written yet`);
}

function bytesOf(dtype: number, values: ArrayLike<number>, binding: NativeBackend['binding']): Uint8Array {
  if (dtype === UINT8_LIKE) return Uint8Array.from(values);
  // an int64 comes from tfjs as the two halves of its only value
  const typed = dtype === binding.TF_FLOAT ? Float32Array.from(values) : Int32Array.from(values);
  return new Uint8Array(typed.buffer);
}

function savedModel(proto: Record<string, MessageClass>, graph: Message): Uint8Array {
  const versions = new proto.VersionDef(), info = new proto.MetaGraphDef.MetaInfoDef(), meta = new proto.MetaGraphDef(), saved = new proto.SavedModel();
  versions.setProducer(PRODUCER), graph.setVersions(versions);
  info.addTags('serve'), meta.setMetaInfoDef(info), meta.setGraphDef(graph);
  saved.setSavedModelSchemaVersion(1), saved.addMetaGraphs(meta);
  return saved.serializeBinary() as Uint8Array;
}
