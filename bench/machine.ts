// What the machine was doing while something was timed, from /proc; elsewhere nothing is known.
import { readFileSync, writeFileSync } from 'node:fs';
import { peakBytes } from '../src/core/memory';

const TICK = 0.01; // seconds in a clock tick of /proc (USER_HZ is 100 on every Linux)
const text = (file: string): string | undefined => { try { return readFileSync(file, 'utf8'); } catch { return undefined; } };

/** CPU seconds since the machine started: of everything, and of the given processes. `undefined` without /proc. */
export function cpuSeconds(pids: readonly number[]): { all: number; own: number } | undefined {
  const stat = text('/proc/stat')?.split('\n')[0].trim().split(/\s+/).slice(1, 9).map(Number);
  if (!stat) return undefined;
  const [user, nice, system, , , interrupts, soft, steal] = stat;
  const own = pids.map((pid) => ownTicks(text(`/proc/${pid}/stat`) ?? '')).reduce((a, b) => a + b, 0);
  return { all: (user + nice + system + interrupts + soft + steal) * TICK, own: own * TICK };
}

/** User and system time of /proc/PID/stat, whose second field may hold spaces and brackets. */
export function ownTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.length > 12 ? Number(fields[11]) + Number(fields[12]) : 0;
}

/** Share of the cores that others used: 0 on an idle machine, 1 if none was left. */
export function othersShare(before: ReturnType<typeof cpuSeconds>, after: ReturnType<typeof cpuSeconds>, seconds: number, cores: number): number | undefined {
  if (!before || !after || seconds < 0.05) return undefined; // clock ticks are too coarse for less
  return Math.min(1, Math.max(0, (after.all - before.all - (after.own - before.own)) / (seconds * cores)));
}

/** Starts the count of the largest resident memory anew. */
export function resetPeak(): void {
  (globalThis as { gc?(): void }).gc?.(); // what the reading of files left behind
  try { writeFileSync('/proc/self/clear_refs', '5'); } catch { /* then the peak is that of the whole life */ }
}

/** Largest resident memory of this process since `resetPeak`, in bytes. */
export function peakSinceReset(): number { return kilobytes('VmHWM') ?? peakBytes(); }

/** Resident memory of this process now, in bytes. */
export function residentBytes(): number { return process.memoryUsage.rss(); }

function kilobytes(field: string): number | undefined {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text('/proc/self/status') ?? '');
  return found ? Number(found[1]) * 1024 : undefined;
}
