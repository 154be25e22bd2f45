// Where time goes below TensorFlow.js: every call into the native binding, timed by the name of its operation. In the benchmark only.
import { nativeBackend } from '../src/core/backend';

/** Milliseconds and calls of one operation. */
export interface OperationTime { op: string; ms: number; calls: number }

/** The clock of one stretch of work: total milliseconds, and what of them passed inside the backend, the longest first. */
export interface BackendTime { totalMs: number; insideMs: number; operations: OperationTime[] }

/** Names of the binding's calls that compute or move tensors, and what their time is booked under (`executeOp` under its operation). */
const CALLS: Readonly<Record<string, string | undefined>> = { executeOp: undefined, runSavedModel: 'graph', createTensor: 'from the host', tensorDataSync: 'to the host', deleteTensor: 'free' };

/** Runs f with a clock at every call into the binding. */
export async function timeBackend(f: () => unknown): Promise<BackendTime> {
  const backend = nativeBackend(), { binding } = backend, spent = new Map<string, OperationTime>();
  const book = (op: string, ms: number): void => {
    const entry = spent.get(op) ?? { op, ms: 0, calls: 0 };
    entry.ms += ms;
    entry.calls++;
    spent.set(op, entry);
  };
  // The binding's own properties cannot be replaced, so a stand-in takes its place.
  backend.binding = Object.fromEntries(Object.getOwnPropertyNames(binding).map((name) => {
    const value = (binding as unknown as Record<string, unknown>)[name];
    if (typeof value !== 'function') return [name, value];
    if (!Object.hasOwn(CALLS, name)) return [name, value.bind(binding)];
    return [name, (...args: unknown[]) => {
      const start = performance.now();
      try { return value.apply(binding, args); } finally { book(CALLS[name] ?? String(args[0]), performance.now() - start); }
    }];
  })) as unknown as typeof binding;
  const start = performance.now();
  try { await f(); } finally { backend.binding = binding; }
  const operations = [...spent.values()].sort((a, b) => b.ms - a.ms);
  return { totalMs: performance.now() - start, insideMs: operations.reduce((sum, o) => sum + o.ms, 0), operations };
}
