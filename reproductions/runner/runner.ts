// Runs cells, each in a process of its own with its own log. Killed at any moment, it goes on where it was.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../src/index';
import { durationText, Progress } from '../../src/report';
import { contentOf, idOf, labelOf, type Cell, type Preset, type QuantizeCell } from '../cells/cell';
import { isDone } from '../models';
import { keptOn, ownCores, sharesOf } from './cores';
import { waitsFor } from './prepare';

/** How the process of a cell ends if another one works on that cell. */
export const BUSY = 75;

export interface RunnerOptions {
  preset: Preset;
  results: string;
  work: string;
  workers: number;
  /** no cell is started after so many seconds */
  budget: number;
  dataDir: string | undefined;
  signal: AbortSignal;
  seconds(cell: Cell): number;
  say(line: string): void;
}

export interface Ran {
  finished: string[];
  /** with the last line of its log */
  failed: { id: string; why: string; log: string }[];
  /** in work by another process */
  busy: string[];
  /** not started: stopped, out of budget, or waiting for a model that failed */
  left: number;
}

/** Milliseconds after which a cell that another process works on is looked at again: of a killed runner it needs a moment to save and go. */
const AGAIN = 10_000;

/** Runs the cells in their order; a failed one does not stop the others. */
export async function runCells(cells: readonly Cell[], o: RunnerOptions): Promise<Ran> {
  const queue = [...cells], ran: Ran = { finished: [], failed: [], busy: [], left: 0 }, began = Date.now();
  const unfinished = new Set(cells.filter((c) => c.kind !== 'quantize').map(contentOf)), running = new Map<string, { cell: Cell; share: number }>();
  const total = cells.reduce((sum, cell) => sum + o.seconds(cell), 0);
  const again: Cell[] = [], seen = new Set<Cell>(); // in work by others
  let passed = 0, waiting = false;
  const bar = new Progress(`${cells.length} cells`, Math.round(total));
  const tell = (): void => bar.update(Math.round(Math.min(total, passed + [...running.values()].reduce((sum, r) => sum + r.share * o.seconds(r.cell), 0))),
    `${ran.finished.length}/${cells.length} done${ran.failed.length ? `, ${ran.failed.length} failed` : ''} · ${[...running.values()].map(({ cell, share }) => `${labelOf(cell)} ${Math.round(100 * share)}%`).join(' | ')}`);

  const work = async (cores: readonly number[]): Promise<void> => {
    while (!o.signal.aborted && (Date.now() - began) / 1000 < o.budget) {
      const at = queue.findIndex((cell) => !waitsFor(cell, unfinished));
      if (at < 0) {
        const next = running.size || waiting ? undefined : again.shift();
        if (!next && !waiting && !(queue.length && running.size)) return;
        if (next) waiting = true;
        for (let ms = 0; ms < (next ? AGAIN : 200) && !o.signal.aborted; ms += 200) await new Promise((done) => setTimeout(done, 200));
        if (next) waiting = false, ran.busy.splice(ran.busy.indexOf(idOf(next)), 1), queue.unshift(next);
        continue;
      }
      const [cell] = queue.splice(at, 1), id = idOf(cell);
      if (isDone(o.results, cell)) { passed += o.seconds(cell), unfinished.delete(contentOf(cell)); continue; } // another runner was faster
      running.set(id, { cell, share: 0 });
      const { code, already, why, log, seconds } = await runOne(cell, o, cores, (share) => { running.get(id)!.share = share; tell(); });
      running.delete(id);
      if (code === BUSY) {
        ran.busy.push(id);
        if (cell.kind !== 'quantize' || !seen.has(cell)) again.push(cell); // a model for as long as others need it, any other once
        seen.add(cell);
        continue;
      }
      passed += o.seconds(cell);
      if (code === 0) {
        if (!already) ran.finished.push(id);
        unfinished.delete(contentOf(cell));
        if (!already) o.say(`done in ${durationText(seconds)}: ${labelOf(cell)}`);
      } else if (!o.signal.aborted) {
        ran.failed.push({ id, why, log });
        o.say(`failed: ${labelOf(cell)}: ${why} (log: ${log})`);
      } else queue.push(cell);
      tell();
    }
  };
  // a single one is left to the system, whose cores may be any
  await Promise.all((o.workers > 1 ? sharesOf(ownCores(), o.workers) : [[]]).map(work));
  bar.end();
  ran.left = queue.length;
  return ran;
}

/** One cell in its process, on some cores (none: on all). It is stopped with the runner, and by itself once the runner is gone. */
function runOne(cell: Cell, { preset, results, work, dataDir, signal }: RunnerOptions, cores: readonly number[], onShare: (share: number) => void): Promise<{ code: number; already: boolean; why: string; log: string; seconds: number }> {
  const logs = join(work, 'logs'), log = join(logs, `${idOf(cell)}.log`), began = Date.now();
  makeFolder(logs);
  const file = openSync(log, 'a'), before = statSync(log).size;
  const args = ['reproduce', '--cell', idOf(cell), '--preset', preset, '--results', dirname(results), '--work', work, ...(dataDir ? ['--data', dataDir] : [])];
  // a group of its own: Ctrl-C in the terminal reaches the runner, which asks its cells once
  const [command, words] = keptOn(cores, process.execPath, [join(__dirname, '../../scripts/zsaq.cjs'), ...args]);
  const child: ChildProcess = spawn(command, words, { stdio: ['ignore', file, file, 'ipc'], detached: true, env: { MALLOC_ARENA_MAX: '1', ...process.env } });
  closeSync(file);
  const stop = (): void => { child.kill('SIGTERM'); };
  signal.addEventListener('abort', stop);
  let already = false;
  child.on('message', (told: { share: number } | { already: true }) => {
    if ('already' in told) already = true;
    else onShare(told.share);
  });
  return new Promise((done) => {
    const end = (code: number | null, by?: NodeJS.Signals | null): void => {
      signal.removeEventListener('abort', stop);
      done({ code: code ?? 1, already, why: code === 0 ? '' : reasonIn(log, before, by), log, seconds: (Date.now() - began) / 1000 });
    };
    child.on('error', () => end(1));
    child.on('exit', end);
  });
}

/** Why a cell ended: what its log says from a byte on, for earlier attempts stand before, or the signal that ended it. */
export function reasonIn(log: string, from: number, signal?: NodeJS.Signals | null): string {
  const lines = existsSync(log) ? readFileSync(log).subarray(from).toString('utf8').trimEnd().split('\n').filter(Boolean) : [], said = lines.filter((line) => line.startsWith('zsaq:')).pop();
  if (signal && !said) return `it was ended by ${signal}${signal === 'SIGKILL' ? ', as a system that runs out of memory does' : ''}`;
  return (said ?? lines.pop() ?? 'no reason given').replace(/^zsaq: /, '').slice(0, 300);
}

/** Cells whose label or id holds the pattern, `*` standing for anything. */
export function matching(cells: readonly QuantizeCell[], pattern: string): QuantizeCell[] {
  const pieces = pattern.toLowerCase().split('*');
  return cells.filter((cell) => {
    const text = `${labelOf(cell)} ${idOf(cell)}`.toLowerCase();
    let at = 0;
    return pieces.every((piece) => {
      const found = text.indexOf(piece, at);
      at = found + piece.length;
      return found >= 0;
    });
  });
}
