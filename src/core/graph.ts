// A function of records as one TensorFlow graph: its operations are recorded once, written as a GraphDef and from then on
// run by one call. TensorFlow then folds constants, shares common subexpressions, fuses bias and activation into products,
// frees every intermediate after its last reader and schedules the rest itself; the tape and a dispatch per operation are gone.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isNative, nativeBackend, tf } from './backend';
import { writeGraph } from './graphDef';
import { metadataOf, record } from './record';
import type { Params } from './tree';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** A function that runs as a graph. Calls with other shapes compile another one. */
export interface Compiled {
  /** The caller owns the results. */
  (inputs: Params): Record<string, Tensor>;
  dispose(): void;
}

/** Makes a function of records one that runs as a graph, or leaves it as it is. */
export type Compile = (f: (inputs: Params) => Record<string, Tensor>, held?: Params) => Compiled;

/** f itself, operation by operation: for work that is too short to pay for a graph. */
export const uncompiled: Compile = (f) => Object.assign((inputs: Params) => f(inputs), { dispose: () => undefined });

/**
 * Compiles f when it is first called. f must be a pure function of tensors: it may read `inputs` and `held` only, may not
 * read values back, and what it makes from numbers or arrays of the host is a constant of the graph. So whatever
 * changes from call to call (a learning rate too) must be an input. Even the first result comes from the graph, so that a run
 * that is continued repeats to the bit what an undisturbed one does. On other backends f itself is called.
 *
 * @param held tensors that stay as they are for the life of the compiled function; the caller keeps them alive
 * @throws Error, naming the operation, if f reads a tensor that is neither an input nor held
 * @example const square = compiled(({ x }) => ({ y: tf.square(x) })); square({ x: tf.scalar(3) }).y
 */
export function compiled(f: (inputs: Params) => Record<string, Tensor>, held: Params = {}): Compiled {
  const graphs = new Map<string, Graph>();
  const call = (inputs: Params): Record<string, Tensor> => {
    if (!isNative()) return f(inputs);
    const key = Object.entries(inputs).map(([name, x]) => `${name}:${x.dtype}[${x.shape}]`).join();
    let graph = graphs.get(key);
    if (!graph) graphs.set(key, (graph = build(f, inputs, held)));
    return graph.run(inputs);
  };
  return Object.assign(call, { dispose() { for (const graph of graphs.values()) graph.dispose(); graphs.clear(); } });
}

interface Graph { run(inputs: Params): Record<string, Tensor>; dispose(): void }

function build(f: (inputs: Params) => Record<string, Tensor>, inputs: Params, held: Params): Graph {
  const backend = nativeBackend(), names = Object.keys(inputs), heldTensors = Object.values(held);
  // Now, lest a tensor that TensorFlow has not had yet reach it while f is recorded and be taken for a constant of the graph.
  const heldIds = backend.getInputTensorIds(heldTensors);
  // Stand-ins: a clone shares its number with its original, and then the two could not be told apart in what is recorded.
  const { result, recording, copies } = record(f, inputs);
  const outputs = Object.keys(result);
  const fed = [...Object.values(copies), ...heldTensors];
  const { bytes, feeds, fetches } = writeGraph(recording, fed.map(metadataOf), outputs.map((name) => metadataOf(result[name]).id), backend.binding);
  tf.dispose([copies, Object.values(result).filter((x) => !heldTensors.includes(x))]); // a held one is the caller's
  const session = load(bytes);
  return {
    run(now) {
      const ids = [...backend.getInputTensorIds(names.map((name) => now[name])), ...heldIds];
      const made = backend.binding.runSavedModel(session, feeds.map((i) => ids[i.index]), feeds.map((i) => i.name).join(), fetches.join());
      return Object.fromEntries(outputs.map((name, i) => [name, backend.createOutputTensor(made[i])]));
    },
    dispose() { backend.binding.deleteSavedModel(session); },
  };
}

function load(bytes: Uint8Array): number {
  const dir = mkdtempSync(join(tmpdir(), 'zsaq-graph-'));
  try {
    writeFileSync(join(dir, 'saved_model.pb'), bytes);
    return nativeBackend().binding.loadSavedModel(dir, 'serve');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
