// One case on one shape: our worker and one of PyTorch for each mode, in turns.
import { cpus } from 'node:os';
import { join } from 'node:path';
import { ZsaqError } from '../src/core/error';
import { agree, median, summarize, type Ratio } from './compare';
import { cpuSeconds, othersShare } from './machine';
import { precisionOf, Worker, type CaseName, type Hello, type Mode, type Prepare, type Turn } from './protocol';
import { SETTINGS } from './shapes';

/** What is to be timed: a case, what it is called, and the folder that both sides read. */
export interface Job { name: CaseName; shape: string; folder: string; grid?: Pick<Prepare, 'bits' | 'levels'> }

/** A mode of PyTorch that gave no time, and why. */
export interface Failure { name: string; shape: string; mode: Mode; reason: string }

export interface Measured { ratios: Ratio[]; failures: Failure[]; versions: Record<string, string> }

/** Relative difference of the answers that roundings alone explain. Activations next to a border of their grid fall on either side of it: hence the wide ones. */
const TOLERANCE: Readonly<Record<CaseName, number>> = {
  forward: 1e-3, backward: 1e-3, step: 2e-2, recomputed: 2e-2, qat: 2e-2, draw: 1e-2, ascent: 5e-2, quantizeWeight: 1e-4, quantizeActivation: 1e-4, evaluation: 2e-2, load: 1e-4, tokens: 0,
};
const BF16_TOLERANCE = 0.2;
/** A turn repeats short work for about so long. */
const TURN_MS = 300, MOST_TIMES = 200;

/** In the environment that the command `zsaq` and the notebook's kernel give it. */
export function startOurs(env = process.env): Worker {
  return new Worker('TensorFlow', process.execPath, ['--expose-gc', '-r', 'tsx/cjs', join(__dirname, 'worker.ts')], { MALLOC_ARENA_MAX: '1', ...env });
}

function startPyTorch(): Worker { return new Worker('PyTorch', 'python', [join(__dirname, 'pytorch', 'worker.py')]); }

/** One side of a case with its turns. */
interface Player { worker: Worker; hello: Hello; answer: number[]; turns: Turn[]; times: number; others: number[] }

async function meet(worker: Worker, request: Prepare): Promise<Player> {
  const hello = await worker.hello();
  await worker.prepare(request);
  return { worker, hello, answer: await worker.check(), turns: [], times: 1, others: [] };
}

/** What has products to take in bfloat16. */
const PRODUCTS: readonly CaseName[] = ['forward', 'backward', 'step', 'recomputed', 'qat', 'draw', 'ascent'];

/** Times a job against modes of PyTorch, each beside us in the precision that is like it; bf16 where there are products to take in it. */
export async function measure(job: Job, modes: readonly Mode[], runs: number): Promise<Measured> {
  const parts: Measured[] = [], fitting = modes.filter((mode) => mode !== 'bf16' || PRODUCTS.includes(job.name));
  for (const precision of [...new Set(fitting.map(precisionOf))]) parts.push(await measureAlike(job, fitting.filter((m) => precisionOf(m) === precision), runs));
  return { ratios: parts.flatMap((p) => p.ratios), failures: parts.flatMap((p) => p.failures), versions: Object.assign({}, ...parts.map((p) => p.versions)) };
}

/** `runs` turns of each side after one that warms up, ours and then each of PyTorch's. */
async function measureAlike(job: Job, modes: readonly Mode[], runs: number): Promise<Measured> {
  const { name, shape, folder } = job, cores = cpus().length, failures: Failure[] = [];
  const request = (mode: Mode): Prepare => ({ do: 'prepare', case: name, folder, mode, threads: cores, ...SETTINGS, ...job.grid });
  const ours = startOurs(), others = new Map(modes.map((mode) => [mode, startPyTorch()]));
  try {
    const us = await meet(ours, request(modes[0])), players = new Map<Mode, Player & { difference: number }>();
    for (const [mode, worker] of others) {
      try {
        const player = await meet(worker, request(mode)), tolerance = mode === 'bf16' ? Math.max(BF16_TOLERANCE, TOLERANCE[name]) : TOLERANCE[name];
        players.set(mode, { ...player, difference: agree(`${name}/${shape}`, us.answer, player.answer, tolerance) });
      } catch (error) {
        if (!(error instanceof ZsaqError)) throw error;
        failures.push({ name, shape, mode, reason: error.message });
      }
    }
    const all = players.size ? [us, ...players.values()] : [], pids = [process.pid, ...all.map((p) => p.worker.pid)];
    for (const p of all) {
      p.times = Math.min(MOST_TIMES, Math.max(1, Math.ceil(TURN_MS / median((await p.worker.run()).ms))));
      await p.worker.reset();
    }
    for (let i = 0; i < runs; i++) for (const p of all) await takeTurn(p, pids, cores);
    const mine = players.size ? summarize(us.turns, us.hello.residentBytes) : undefined;
    const ratios = [...players].map(([mode, p]): Ratio => {
      const theirs = summarize(p.turns, p.hello.residentBytes), busy = [...us.others, ...p.others];
      return { name, shape, precision: { ours: precisionOf(mode), pytorch: mode }, ours: mine!, pytorch: theirs, ratio: mine!.median / theirs.median, difference: p.difference, runs,
        others: busy.length ? Math.max(...busy) : null, extras: medians(us.turns) };
    });
    return { ratios, failures, versions: Object.assign({}, us.hello.versions, ...[...players.values()].map((p) => p.hello.versions)) };
  } finally {
    await Promise.all([ours, ...others.values()].map((worker) => worker.close()));
  }
}

async function takeTurn(p: Player, pids: readonly number[], cores: number): Promise<void> {
  const before = cpuSeconds(pids), start = performance.now();
  p.turns.push(await p.worker.run(p.times));
  const share = othersShare(before, cpuSeconds(pids), (performance.now() - start) / 1000, cores);
  if (share !== undefined) p.others.push(share);
}

/** Medians of the further numbers of the turns, where there are any. */
function medians(turns: readonly Turn[]): Record<string, number> | undefined {
  const names = Object.keys(turns[0]?.extras ?? {});
  return names.length ? Object.fromEntries(names.map((n) => [n, median(turns.map((t) => t.extras![n]))])) : undefined;
}
