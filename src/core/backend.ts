// The one importer of TensorFlow.js. The native TensorFlow binding where it is built, else wasm, else plain JavaScript.
import { cpus, totalmem } from 'node:os';
import type * as TensorFlow from '@tensorflow/tfjs-node-gpu';
import { ZsaqError } from './error';

export type TF = typeof TensorFlow;
export type BackendName = 'tensorflow' | 'webgpu' | 'wasm' | 'cpu';

/** Attribute of a TensorFlow operation called by name. */
export interface Attribute { name: string; type: number; value: unknown }
/** What TensorFlow says of a tensor; `id` is its number in the binding, `dtype` TensorFlow's own. */
export interface Metadata { id: number; shape: number[]; dtype: number }
/** The native binding: TensorFlow's constants and the calls that matter here. */
interface Binding {
  readonly [constant: string]: unknown;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  executeOp(op: string, attributes: readonly Attribute[], inputs: readonly number[], outputs: number): Metadata[];
  createTensor(shape: number[], dtype: number, values: ArrayLike<number>): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): ArrayLike<number>;
  loadSavedModel(dir: string, tags: string): number;
  runSavedModel(model: number, inputs: number[], inputNames: string, outputNames: string): Metadata[];
  deleteSavedModel(model: number): void;
}
/** tfjs-node's backend, as far as kernels and graphs are called through it. */
export interface NativeBackend {
  binding: Binding;
  isUsingGpuDevice: boolean;
  executeSingleOutput(op: string, attributes: Attribute[], inputs: TensorFlow.Tensor[]): TensorFlow.Tensor;
  executeMultipleOutputs(op: string, attributes: Attribute[], inputs: TensorFlow.Tensor[], outputs: number): TensorFlow.Tensor[];
  getInputTensorIds(tensors: TensorFlow.Tensor[]): number[];
  createOutputTensor(metadata: Metadata): TensorFlow.Tensor;
  getDTypeInteger(dtype: string): number;
}

const wanted = process.env.ZSAQ_BACKEND as BackendName | undefined;
let nativeFailure: string | undefined;

function load(): TF {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
  if (wanted === undefined || wanted === 'tensorflow') {
    try {
      return require('@tensorflow/tfjs-node-gpu');
    } catch (e) {
      nativeFailure = String((e as Error).message).split('\n')[0];
      if (wanted) throw new ZsaqError('backend', `ZSAQ_BACKEND=tensorflow, but the native TensorFlow binding does not load (${nativeFailure}): run \`npm run setup\``);
    }
  }
  return require('@tensorflow/tfjs');
}

export const tf: TF = load();
tf.env().set('PROD', true); // no checks of ours are lost, only the advertisement for the native package on another backend

let started: Promise<void> | undefined;

/** Chooses and starts the backend; await it once before the first tensor. `ZSAQ_BACKEND` = `tensorflow | wasm | cpu` overrides the choice. */
export function ready(): Promise<void> {
  return (started ??= start());
}

async function start(): Promise<void> {
  const order: BackendName[] = wanted ? [wanted] : nativeFailure === undefined ? ['tensorflow'] : ['wasm', 'cpu'];
  for (const name of order) {
    if (name === 'wasm') registerWasm();
    if (await tf.setBackend(name).catch(() => false)) return tf.ready();
  }
  throw new ZsaqError('backend', `the backend ${order.join(' or ')} does not start: ${nativeFailure ?? 'choose ZSAQ_BACKEND=tensorflow, wasm or cpu'}`);
}

function registerWasm(): void {
  try { require('@tensorflow/tfjs-backend-wasm'); } catch { /* setBackend then fails and the next one is tried */ }
}

/** Name of the backend in use. */
export function backendName(): BackendName { return tf.getBackend() as BackendName; }

/** True where TensorFlow's own kernels can be called by name. */
export function isNative(): boolean { return tf.getBackend() === 'tensorflow'; }

/** Why the native binding could not be loaded, if it could not. */
export function whyNotNative(): string | undefined { return nativeFailure; }

/** The device in words, for results and `zsaq doctor`. */
export function deviceName(): string {
  const cores = cpus();
  if (isNative() && nativeBackend().isUsingGpuDevice) return 'GPU (TensorFlow CUDA)';
  return `CPU: ${cores[0]?.model.trim() ?? process.arch}, ${cores.length} cores, ${Math.round(totalmem() / 2 ** 30)} GB`;
}

/** The protocol buffers in which TensorFlow stores graphs, as tfjs-node ships them for reading saved models. */
export function graphProtocol(): Record<string, unknown> { return require('@tensorflow/tfjs-node-gpu/dist/proto/api_pb'); }

/** The TensorFlow backend itself, for kernels and graphs. */
export function nativeBackend(): NativeBackend { return tf.backend() as unknown as NativeBackend; }

type AttributeValue = { type: 'float32' | 'int32' | 'int64' | 'bool' } | { bool: boolean } | { float: number } | { int: number } | { string: string };

/**
 * Calls one TensorFlow kernel by its name (native backend only).
 *
 * @example kernel('MatMul', { T: { type: 'float32' }, transpose_a: { bool: false }, transpose_b: { bool: true } }, [x, w])
 */
export function kernel(op: string, attributes: Record<string, AttributeValue>, inputs: TensorFlow.Tensor[]): TensorFlow.Tensor;
export function kernel(op: string, attributes: Record<string, AttributeValue>, inputs: TensorFlow.Tensor[], outputs: number): TensorFlow.Tensor[];
export function kernel(op: string, attributes: Record<string, AttributeValue>, inputs: TensorFlow.Tensor[], outputs?: number): TensorFlow.Tensor | TensorFlow.Tensor[] {
  const b = nativeBackend();
  const list = Object.entries(attributes).map(([name, v]) => attribute(b.binding, name, v));
  return outputs === undefined ? b.executeSingleOutput(op, list, inputs) : b.executeMultipleOutputs(op, list, inputs, outputs);
}

function attribute(constants: Binding, name: string, v: AttributeValue): Attribute {
  const binding = constants as unknown as Record<string, number>;
  if ('type' in v) return { name, type: binding.TF_ATTR_TYPE, value: binding[{ float32: 'TF_FLOAT', int32: 'TF_INT32', int64: 'TF_INT64', bool: 'TF_BOOL' }[v.type]] };
  if ('bool' in v) return { name, type: binding.TF_ATTR_BOOL, value: v.bool };
  if ('float' in v) return { name, type: binding.TF_ATTR_FLOAT, value: v.float };
  if ('int' in v) return { name, type: binding.TF_ATTR_INT, value: v.int };
  return { name, type: binding.TF_ATTR_STRING, value: v.string };
}
