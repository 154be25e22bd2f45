import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { backendName, deviceName } from '../core/backend';

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
