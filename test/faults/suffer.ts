import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What happens to a process; see hook.cjs. Without `act` its operations on files are only counted. */
export interface Fault {
  /** folders in which operations count */
  roots: string[];
  act?: 'kill' | 'error' | 'remove' | 'truncate';
  /** the operation at which it happens, from 1 on; with `from`, at every later one too */
  at?: number;
  from?: boolean;
  /** of a kill: before the operation, with half of it done, or after it */
  when?: 'before' | 'middle' | 'after';
  /** of an error: the system's code */
  code?: string;
  /** names of fs functions that count (those that change something) */
  ops?: string[];
  /** only files whose path holds this */
  path?: string;
  /** what `remove` removes */
  target?: string;
  /** only in the process whose script ends so */
  script?: string;
  /** the clock is set by so many milliseconds after so many looks */
  clock?: { after: number; jump: number };
  log?: string;
}

/** How a process ended. `operations`: how many were counted, if it came to its end; `turns`: those of them that write no bytes. */
export interface Ended { code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string; seconds: number; operations: number; turns: number; hung: boolean }

export const PROJECT = join(__dirname, '..', '..'), HOOK = join(__dirname, 'hook.cjs');
const ZSAQ = join(PROJECT, 'scripts', 'zsaq.cjs');
/** Operations between which files take their places: half of the kills meet one of them. */
export const TURNS = ['fsyncSync', 'renameSync', 'rmSync', 'mkdirSync', 'linkSync', 'symlinkSync'];
let runs = 0;

/** Runs Node with a fault, and ends it after `limit` seconds; `bare`: in no other environment than `env`. */
export function suffer(args: readonly string[], fault: Fault, o: { env?: NodeJS.ProcessEnv; bare?: boolean; limit?: number; onStart?(child: ChildProcess): void; onText?(text: string, child: ChildProcess): void } = {}): Promise<Ended> {
  const log = join(tmpdir(), `zsaq-fault-${process.pid}-${++runs}`), began = Date.now(), seen = { stdout: '', stderr: '' };
  const env = { ...(o.bare ? {} : process.env), ...o.env, NODE_OPTIONS: `--require ${JSON.stringify(HOOK)}`, ZSAQ_FAULT: JSON.stringify({ ...fault, log }) };
  const child = spawn(process.execPath, args, { cwd: PROJECT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let hung = false;
  const timer = setTimeout(() => { hung = true; child.kill('SIGKILL'); }, 1000 * (o.limit ?? 240));
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (text: Buffer) => { seen[name] += text; o.onText?.(String(text), child); });
  o.onStart?.(child);
  return new Promise((done) => child.on('close', (code, signal) => {
    clearTimeout(timer);
    const [operations, turns] = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').map((line) => line.split(' ').map(Number)).sort((a, b) => b[0] - a[0])[0] : [0, 0];
    rmSync(log, { force: true });
    done({ code, signal, ...seen, seconds: (Date.now() - began) / 1000, operations, turns, hung });
  }));
}

/** The command line with a fault. */
export const sufferZsaq = (args: readonly string[], fault: Fault, o?: Parameters<typeof suffer>[2]): Promise<Ended> => suffer([ZSAQ, ...args], fault, o);

/** A TypeScript file of the tests with a fault. */
export const sufferScript = (file: string, args: readonly string[], fault: Fault, o?: Parameters<typeof suffer>[2]): Promise<Ended> => suffer(['--require', 'tsx/cjs', file, ...args], fault, o);
