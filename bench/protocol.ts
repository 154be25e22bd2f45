// Two workers, one here and one in PyTorch, that take turns: only one of them computes at a time.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { ZsaqError } from '../src/core/error';

export interface Prepare {
  do: 'prepare';
  case: 'forward' | 'backward' | 'step' | 'qat';
  folder: string;
  precision: 'fp32' | 'bf16';
  threads: number;
  levels: [low: number, high: number, zero: number];
  rate: number; scaleRate: number; clip: number; beta: number;
}
export type Request = Prepare | { do: 'run'; case?: undefined; folder: string };

/** One measured run: milliseconds, what came out, and the largest resident memory of that process so far. */
export interface Run { ms: number; values: number[]; peakBytes: number }

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

  /** What the worker says of itself when it starts. */
  hello(): Promise<Record<string, unknown>> { return this.answer() as Promise<Record<string, unknown>>; }

  async prepare(request: Prepare): Promise<void> { await this.ask(request); }

  async run(): Promise<Run> { return (await this.ask({ do: 'run' })) as Run; }

  async close(): Promise<void> {
    this.child.stdin.end();
    if (this.child.exitCode === null) await new Promise((done) => this.child.once('exit', done));
  }

  private ask(request: object): Promise<unknown> {
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
