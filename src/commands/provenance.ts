import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { backendName, deviceName } from '../core/backend';
import { ZsaqError } from '../core/error';

/** What a result says of where it comes from: commit of the project, backend, device. */
export function provenance(): { commit: string; backend: string; device: string } {
  return { commit: commit(), backend: backendName(), device: deviceName() };
}

function commit(): string {
  const git = (...args: string[]) => execFileSync('git', ['-C', join(__dirname, '../..'), ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return git('rev-parse', '--short=12', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') ? '+changes' : '');
  } catch {
    return 'unknown';
  }
}

/** The sets that a model folder says it was trained on (`trainedOn: [{ set, split, ... }]` in `zsaq.json`). */
export function trainedOn(card: Record<string, unknown> | undefined): string[] {
  const list = card?.trainedOn;
  return Array.isArray(list) ? list.map((t) => String((t as { set?: unknown } | null)?.set)) : [];
}

/**
 * Zero-shot means that no text of the evaluation and none of the teacher's training reaches the student, also not
 * through a generator that has read it.
 *
 * @throws ZsaqError 'leak'
 */
export function refuseLeak(generatorCard: Record<string, unknown> | undefined, teacherCard: Record<string, unknown> | undefined, task: string | undefined): void {
  const seen = trainedOn(generatorCard), forbidden = [...trainedOn(teacherCard), ...(task ? [task] : [])];
  const leak = seen.find((t) => forbidden.includes(t));
  if (leak) throw new ZsaqError('leak', `the generator was trained on ${leak}, which the model was trained on or is scored on: choose a generator that never saw it`);
}
