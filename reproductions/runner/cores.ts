// Cells that run at the same time divide the machine's cores among them: two processes with a core each finish more than two that fight for both.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Numbers of the cores that this process may use; empty where the system does not tell (Linux does). */
export function ownCores(): number[] {
  try {
    return coreList(/^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '');
  } catch {
    return [];
  }
}

/** `0-2,5` as [0, 1, 2, 5]. */
export const coreList = (text: string): number[] => text.split(',').filter(Boolean).flatMap((part) => {
  const [from, to] = part.split('-').map(Number);
  return Array.from({ length: (to ?? from) - from + 1 }, (_, i) => from + i);
});

/** The cores of each of `workers`: as even as they go; where there are fewer cores than workers some share one. */
export function sharesOf(cores: readonly number[], workers: number): number[][] {
  if (workers >= cores.length) return Array.from({ length: workers }, (_, i) => (cores.length ? [cores[i % cores.length]] : []));
  return Array.from({ length: workers }, (_, i) => cores.slice(Math.round(i * cores.length / workers), Math.round((i + 1) * cores.length / workers)));
}

let bound: boolean | undefined;
const binds = (): boolean => (bound ??= spawnSync('taskset', ['--version']).status === 0);

/** Command line that keeps a program on these cores, or leaves it alone where `taskset` is not there. */
export function keptOn(cores: readonly number[], command: string, args: readonly string[]): [string, string[]] {
  if (!cores.length || !binds()) return [command, [...args]];
  return ['taskset', ['-c', cores.join(','), command, ...args]];
}
