// What a function of tensors does, noted without doing it: every operation gets tensors that have shapes and types but no values.
// Which shape an operation gives, TensorFlow itself is asked, on zeros and once for each kind of call, so that recording a network
// costs about one of its layers and no memory beyond the largest operation.
import { nativeBackend, tf, type Attribute, type Metadata, type NativeBackend } from './backend';
import { map, type Params } from './tree';
import type { Constant, Recorded, Recording } from './graphDef';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

type Binding = NativeBackend['binding'];

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
  })) as unknown as Binding;
  standIn.executeOp = (op, attributes, from, count) => {
    const outputs = outputsOf(op, attributes, from, count).map(shadow);
    operations.push({ op, attributes, inputs: [...from], outputs });
    return outputs;
  };
  standIn.createTensor = (shape, dtype, values) => {
    const id = binding.createTensor(shape, dtype, values);
    constants.set(id, { id, shape, dtype, values: ArrayBuffer.isView(values) ? (values as Float32Array).slice() : values });
    return id;
  };
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
  const dims = binding.createTensor([shape.length], binding.TF_INT32, Int32Array.from(shape)), zero = binding.createTensor([], dtype, zeroValue(binding, dtype));
  try {
    return binding.executeOp('Fill', [type('T', dtype), type('index_type', binding.TF_INT32)], [dims, zero], 1)[0].id;
  } finally {
    binding.deleteTensor(dims), binding.deleteTensor(zero);
  }
}

function zeroValue(binding: Binding, dtype: number): ArrayLike<number> {
  return dtype === binding.TF_FLOAT ? new Float32Array(1) : dtype === binding.TF_INT32 ? new Int32Array(1) : new Uint8Array(1);
}

/** What TensorFlow knows a tensor by. */
export function metadataOf(x: Tensor): Metadata {
  const backend = nativeBackend(), [id] = backend.getInputTensorIds([x]);
  return { id, shape: x.shape, dtype: backend.getDTypeInteger(x.dtype) };
}
