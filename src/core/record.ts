// What a function of tensors does, noted without doing it: every operation gets tensors that have shapes and types but no values.
// Which shape an operation gives, TensorFlow itself is asked, on zeros and once for each kind of call, so that recording a network
// costs about one of its layers and no memory beyond the largest operation.
import { AFTER, nativeBackend, tf, type Attribute, type Metadata, type NativeBackend } from './backend';
import { map, type Params } from './tree';
import type { Constant, Recorded, Recording } from './graphDef';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

type Binding = NativeBackend['binding'];
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Tensors without values have numbers below those that TensorFlow and tfjs give. */
const FIRST_SHADOW = -2;

/**
 * Runs f on shadows of the inputs and notes every operation that reaches TensorFlow, and every tensor that comes from the host.
 *
 * @returns f's result and the shadows of the inputs, both without values, for the caller to dispose of
 * @throws Error if f reads values back
 */
export function record(f: (inputs: Params) => Record<string, Tensor>, inputs: Params): { result: Record<string, Tensor>; copies: Record<string, Tensor>; recording: Recording } {
  const backend = nativeBackend(), { binding } = backend, operations: Recorded[] = [], constants = new Map<number, Constant>(), shadows = new Map<number, Metadata>();
  const shadow = ({ shape, dtype }: Omit<Metadata, 'id'>): Metadata => {
    const made = { id: FIRST_SHADOW - shadows.size, shape, dtype };
    shadows.set(made.id, made);
    return made;
  };
  const outputsOf = shapeOracle(binding, shadows, constants);
  const copies = map(inputs, (x) => backend.createOutputTensor(shadow(metadataOf(x))));
  // The binding's own properties cannot be replaced, so a stand-in takes its place.
  const standIn = Object.fromEntries(Object.getOwnPropertyNames(binding).map((name) => {
    const value = (binding as unknown as Record<string, unknown>)[name];
    return [name, typeof value === 'function' ? value.bind(binding) : value];
  })) as unknown as Mutable<Binding>;
  standIn.recording = true;
  standIn.executeOp = (op, attributes, from, count) => {
    const waits = op === AFTER, name = waits ? 'Identity' : op, read = waits ? [from[0]] : [...from];
    const outputs = outputsOf(name, attributes, read, count).map(shadow);
    operations.push({ op: name, attributes, inputs: read, outputs, ...(waits ? { after: from[1] } : {}) });
    return outputs;
  };
  standIn.createTensor = (shape, dtype, values) => {
    const id = binding.createTensor(shape, dtype, values);
    constants.set(id, { id, shape, dtype, values: ArrayBuffer.isView(values) ? (values as Float32Array).slice() : values });
    return id;
  };
  standIn.deleteTensor = (id) => { if (!shadows.has(id)) binding.deleteTensor(id); };
  standIn.tensorDataSync = (id) => {
    if (shadows.has(id)) throw new Error('graph: a compiled function reads the values of a tensor: it must not depend on them');
    return binding.tensorDataSync(id);
  };
  backend.binding = standIn;
  try {
    return { result: f(copies), copies, recording: { operations, constants } };
  } catch (e) {
    tf.dispose(copies);
    throw e;
  } finally {
    backend.binding = binding;
  }
}

/** Shapes and types of an operation's outputs, asked of TensorFlow with zeros in place of what has no values. */
function shapeOracle(binding: Binding, shadows: ReadonlyMap<number, Metadata>, constants: ReadonlyMap<number, Constant>): (op: string, attributes: readonly Attribute[], inputs: readonly number[], count: number) => Metadata[] {
  const known = new Map<string, Metadata[]>();
  const kind = (id: number): string => {
    const x = shadows.get(id) ?? constants.get(id);
    if (!x) return `#${id}`; // a tensor of the caller's, which has its values
    // axes, shapes and permutations decide about shapes by their values
    return `${x.dtype}[${x.shape}]${'values' in x && x.dtype !== binding.TF_FLOAT ? `=${Array.from((x as Constant).values)}` : ''}`;
  };
  return (op, attributes, inputs, count) => {
    const key = JSON.stringify([op, attributes.map(({ name, value }) => [name, String(value)]), inputs.map(kind), count]);
    let outputs = known.get(key);
    if (!outputs) {
      const made: number[] = [], zeros = inputs.map((id) => {
        const x = shadows.get(id);
        if (x) made.push(zerosOf(binding, x));
        return x ? made[made.length - 1] : id;
      });
      known.set(key, (outputs = binding.executeOp(op, attributes, zeros, count)));
      for (const id of [...made, ...outputs.map((o) => o.id)]) binding.deleteTensor(id);
    }
    return outputs;
  };
}

function zerosOf(binding: Binding, { shape, dtype }: Omit<Metadata, 'id'>): number {
  const type = (name: string, value: number): Attribute => ({ name, type: binding.TF_ATTR_TYPE as number, value });
  const made = [binding.createTensor([shape.length], binding.TF_INT32, Int32Array.from(shape)), binding.createTensor([], binding.TF_INT32, new Int32Array(1))];
  const whole = binding.executeOp('Fill', [type('T', binding.TF_INT32), type('index_type', binding.TF_INT32)], made, 1)[0].id;
  if (dtype !== binding.TF_INT32) made.push(whole);
  try {
    if (dtype === binding.TF_INT32) return whole;
    const truncate = { name: 'Truncate', type: binding.TF_ATTR_BOOL as number, value: false };
    return binding.executeOp('Cast', [type('SrcT', binding.TF_INT32), type('DstT', dtype), truncate], [whole], 1)[0].id;
  } finally {
    for (const id of made) binding.deleteTensor(id);
  }
}

/** What TensorFlow knows a tensor by. */
export function metadataOf(x: Tensor): Metadata {
  const backend = nativeBackend(), [id] = backend.getInputTensorIds([x]);
  return { id, shape: x.shape, dtype: backend.getDTypeInteger(x.dtype) };
}
