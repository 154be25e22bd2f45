// Workers, one here and others in PyTorch, that take turns: only one of them computes at a time.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { ZsaqError } from '../src/core/error';
import type { Precision } from '../src/core/kernels';

/** What can be timed. */
export const CASES = ['forward', 'backward', 'step', 'recomputed', 'qat', 'draw', 'ascent', 'quantizeWeight', 'quantizeActivation', 'evaluation', 'load', 'tokens'] as const;
export type CaseName = typeof CASES[number];

/** How PyTorch computes: float32 as it stands, under bfloat16 autocast, or through torch.compile. */
export const MODES = ['eager', 'bf16', 'compile'] as const;
export type Mode = typeof MODES[number];

/** What we compute in against a mode of PyTorch. On either side SAM's second pass is float32 always. */
export const precisionOf = (mode: Mode): Precision => (mode === 'bf16' ? 'bf16' : 'fp32');

/** Everything a worker needs for a case; paths lead to files that both sides read. */
export interface Prepare {
  do: 'prepare';
  case: CaseName;
  folder: string;
  mode: Mode;
  threads: number;
  /** the grid of the weights */
  bits: number; levels: [low: number, high: number, zero: number];
  rate: number; scaleRate: number; clip: number; beta: number;
  generatorRate: number; candidates: number;
}
export type Request = Prepare | { do: 'check' } | { do: 'reset' } | { do: 'run'; times: number };

/** One turn: milliseconds of each run, and the largest resident memory of the process since `reset`, in bytes. */
export interface Turn { ms: number[]; peakBytes: number; extras?: Record<string, number> }

/** A worker process that answers each line with one line. */
export class Worker {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;
  private readonly reader: Interface;
  private complaint = '';

  constructor(private readonly name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.child = spawn(command, args, { env, stdio: 'pipe' });
    this.child.stderr.on('data', (text) => { this.complaint = (this.complaint + String(text)).slice(-2000); });
    this.child.on('error', (e) => { this.complaint = e.message; });
    this.child.stdin.on('error', () => undefined); // the answer that does not come says it better
    this.reader = createInterface({ input: this.child.stdout });
    this.lines = this.reader[Symbol.asyncIterator]();
  }

  get pid(): number { return this.child.pid!; }

  /** What the worker says of itself when it starts: versions, and the resident memory of its libraries. */
  hello(): Promise<Hello> { return this.answer() as Promise<Hello>; }

  async prepare(request: Prepare): Promise<void> { await this.ask(request); }

  /** The answers of one untimed run from equal starting values: losses, norms, checksums. */
  async check(): Promise<number[]> { return ((await this.ask({ do: 'check' })) as { values: number[] }).values; }

  /** Forgets the largest memory so far. */
  async reset(): Promise<void> { await this.ask({ do: 'reset' }); }

  async run(times = 1): Promise<Turn> { return (await this.ask({ do: 'run', times })) as Turn; }

  async close(): Promise<void> {
    this.child.stdin.end();
    if (this.child.exitCode === null && this.child.signalCode === null) await new Promise((done) => this.child.once('exit', done));
  }

  private ask(request: Request): Promise<unknown> {
    this.child.stdin.write(`${JSON.stringify(request)}\n`);
    return this.answer();
  }

  private async answer(): Promise<unknown> {
    const { value, done } = await this.lines.next();
    if (done) {
      await new Promise((next) => setTimeout(next, 50)); // its last words
      throw new ZsaqError('backend', `benchmark: the ${this.name} side ended: ${this.complaint.trim().split('\n').slice(-3).join(' | ') || 'it said nothing'}`);
    }
    return JSON.parse(value as string);
  }
}

export interface Hello { versions: Record<string, string>; residentBytes: number }
