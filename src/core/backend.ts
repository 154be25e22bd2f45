// The one importer of TensorFlow.js. The native TensorFlow binding where it is built, else wasm, else plain JavaScript.
import { availableParallelism, cpus, totalmem } from 'node:os';
import type * as TensorFlow from '@tensorflow/tfjs-node-gpu';
import { ZsaqError } from './error';

/** The interface of TensorFlow.js, whichever package provides it here. */
export type TF = typeof TensorFlow;
/** Backends that zsaq runs on: the native binding, a GPU through WebGPU, WebAssembly, plain JavaScript. */
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
  /** true while a graph is being recorded: `executeOp` then takes AFTER as well */
  readonly recording?: boolean;
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

/** TensorFlow.js as loaded for this machine; `await ready()` before its first tensor. */
export const tf: TF = load();
tf.env().set('PROD', true); // no checks of ours are lost, only the advertisement for the native package on another backend

let started: Promise<void> | undefined;

/** Chooses and starts the backend; await it once before the first tensor. `ZSAQ_BACKEND` = `tensorflow | webgpu | wasm | cpu` overrides the choice. */
export function ready(): Promise<void> {
  return (started ??= start());
}

async function start(): Promise<void> {
  const order: BackendName[] = wanted ? [wanted] : nativeFailure === undefined ? ['tensorflow'] : ['wasm', 'cpu'];
  for (const name of order) {
    if (name === 'wasm') registerWasm();
    if (name === 'webgpu') await registerWebGpu();
    if (await tf.setBackend(name).catch(() => false)) return tf.ready();
  }
  throw new ZsaqError('backend', `the backend ${order.join(' or ')} does not start: ${nativeFailure ?? 'choose ZSAQ_BACKEND=tensorflow, webgpu, wasm or cpu'}`);
}

function registerWasm(): void {
  try { require('@tensorflow/tfjs-backend-wasm'); } catch { /* setBackend then fails and the next one is tried */ }
}

/** What WebGPU says of the device it computes on. */
let webGpuDevice: string | undefined;

/** Dawn, WebGPU outside a browser. It answers reads asynchronously only, so code that runs on it awaits `data()`. */
async function registerWebGpu(): Promise<void> {
  const need = 'install them with `npm install --no-save --ignore-scripts webgpu@0.6.2 @tensorflow/tfjs-backend-webgpu@4.22.0`';
  let gpu: { requestAdapter(): Promise<{ info: { description: string } } | null> };
  try {
    const dawn = require('webgpu') as { create(flags: string[]): typeof gpu; globals: object };
    gpu = dawn.create([]);
    Object.assign(globalThis, dawn.globals);
    Object.defineProperty(globalThis, 'navigator', { value: { gpu, userAgent: 'node' }, configurable: true });
    require('@tensorflow/tfjs-backend-webgpu');
  } catch (e) {
    throw new ZsaqError('backend', `ZSAQ_BACKEND=webgpu needs packages that do not load (${String((e as Error).message).split('\n')[0]}): ${need}`);
  }
  webGpuDevice = (await gpu.requestAdapter())?.info.description;
  if (webGpuDevice === undefined) throw new ZsaqError('backend', 'ZSAQ_BACKEND=webgpu: Vulkan shows no device: install the driver of your GPU, or choose another backend');
}

/** Name of the backend in use. */
export function backendName(): BackendName { return tf.getBackend() as BackendName; }

/** True where TensorFlow's own kernels can be called by name. */
export function isNative(): boolean { return tf.getBackend() === 'tensorflow'; }

/** Why the native binding could not be loaded, if it could not. */
export function whyNotNative(): string | undefined { return nativeFailure; }

/** The device in words, for results and `zsaq doctor`. */
export function deviceName(): string {
  const cores = cpus(), own = availableParallelism();
  if (isNative() && nativeBackend().isUsingGpuDevice) return 'GPU (TensorFlow CUDA)';
  if (webGpuDevice !== undefined) return `GPU (WebGPU: ${webGpuDevice})`;
  return `CPU: ${cores[0]?.model.trim() ?? process.arch}, ${own < cores.length ? `${own} of ` : ''}${cores.length} cores, ${Math.round(totalmem() / 2 ** 30)} GB`;
}

/** The protocol buffers in which TensorFlow stores graphs, as tfjs-node ships them for reading saved models. */
export function graphProtocol(): Record<string, unknown> { return require('@tensorflow/tfjs-node-gpu/dist/proto/api_pb'); }

/** The TensorFlow backend itself, for kernels and graphs. */
export function nativeBackend(): NativeBackend { return tf.backend() as unknown as NativeBackend; }

/** Stands for an identity of its first input that waits for the second; known to recorded graphs only. */
export const AFTER = 'Identity after';

/**
 * x, but in a graph not before `trigger` is there. A graph runs everything as soon as its inputs exist and keeps it to its last reader,
 * so what a backward pass computes again from saved values would be computed, and kept, in the forward pass without this.
 */
export function late<T extends TensorFlow.Tensor>(x: T, trigger: TensorFlow.Tensor): T {
  if (!isNative() || !nativeBackend().binding.recording) return x;
  return kernel(AFTER, { T: { type: x.dtype as 'float32' } }, [x, trigger]) as T;
}

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

/** A kernel of this project (native/kernels.cc): float32 tensors, float attributes, so many outputs. */
export function ownKernel(name: OwnKernel, attributes: Record<string, number>, inputs: TensorFlow.Tensor[], outputs: number): TensorFlow.Tensor[] {
  return kernel(name, Object.fromEntries(Object.entries(attributes).map(([key, float]) => [key, { float }])), inputs, outputs);
}
type OwnKernel = 'ZsaqQuantizeRows' | 'ZsaqGelu' | 'ZsaqGeluGrad' | 'ZsaqFakeQuantize' | 'ZsaqFakeQuantizeGrad' | 'ZsaqAdam' | 'ZsaqLayerNorm' | 'ZsaqLayerNormGrad'
  | 'ZsaqSoftmaxGrad' | 'ZsaqKl' | 'ZsaqKlStudent' | 'ZsaqKlTeacher';

let ownKernels: boolean | undefined;

/** True where the project's kernels are in reach: on the processor, in a binding that the set-up has compiled. */
export function hasOwnKernels(): boolean {
  if (!isNative() || nativeBackend().isUsingGpuDevice) return false;
  if (ownKernels !== undefined) return ownKernels;
  const x = tf.ones([1, 1]);
  try {
    ownKernel('ZsaqQuantizeRows', { high: 1 }, [x], 1)[0].dispose();
    return (ownKernels = true);
  } catch {
    return (ownKernels = false);
  } finally {
    x.dispose();
  }
}

function attribute(constants: Binding, name: string, v: AttributeValue): Attribute {
  const binding = constants as unknown as Record<string, number>;
  if ('type' in v) return { name, type: binding.TF_ATTR_TYPE, value: binding[{ float32: 'TF_FLOAT', int32: 'TF_INT32', int64: 'TF_INT64', bool: 'TF_BOOL' }[v.type]] };
  if ('bool' in v) return { name, type: binding.TF_ATTR_BOOL, value: v.bool };
  if ('float' in v) return { name, type: binding.TF_ATTR_FLOAT, value: v.float };
  if ('int' in v) return { name, type: binding.TF_ATTR_INT, value: v.int };
  return { name, type: binding.TF_ATTR_STRING, value: v.string };
}

/** TensorFlow's number of bfloat16, which tfjs has no name for. */
const BFLOAT16 = 14;

/**
 * Product of two float32 matrices with factors rounded to bfloat16 (8 bits of mantissa; sums in float32 inside the kernel, the result rounded
 * as well), native backend only. tfjs has no such tensors, so the ones between are known by their numbers alone.
 */
export function matMulBf16(a: TensorFlow.Tensor2D, b: TensorFlow.Tensor2D, transposeA: boolean, transposeB: boolean): TensorFlow.Tensor2D {
  const backend = nativeBackend(), { binding } = backend, made: number[] = [];
  const run = (op: string, attributes: Attribute[], inputs: number[]): Metadata => binding.executeOp(op, attributes, inputs, 1)[0];
  const type = (name: string, value: number): Attribute => ({ name, type: binding.TF_ATTR_TYPE as number, value });
  const cast = (from: number, to: number, id: number): Metadata => run('Cast', [type('SrcT', from), type('DstT', to), attribute(binding, 'Truncate', { bool: false })], [id]);
  const keep = ({ id }: Metadata): number => { made.push(id); return id; };
  const factors = backend.getInputTensorIds([a, b]).map((id) => keep(cast(binding.TF_FLOAT, BFLOAT16, id)));
  const product = keep(run('MatMul', [type('T', BFLOAT16), attribute(binding, 'transpose_a', { bool: transposeA }), attribute(binding, 'transpose_b', { bool: transposeB })], factors));
  const out = backend.createOutputTensor(cast(BFLOAT16, binding.TF_FLOAT, product));
  for (const id of made) binding.deleteTensor(id);
  return out as TensorFlow.Tensor2D;
}
