import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pocketModelPath } from '../../datasets';
import { main } from '../../src/cli';

export const bert = pocketModelPath('pocket-bert'), opt = pocketModelPath('pocket-opt'), generator = pocketModelPath('pocket-generator');

export interface Ended { code: number; stdout: string; stderr: string }

/** The command line in this process: what it printed and its exit code. */
export async function zsaq(...args: string[]): Promise<Ended> {
  const seen = { stdout: '', stderr: '' }, write = { stdout: process.stdout.write, stderr: process.stderr.write }, error = console.error;
  const listeners = { SIGINT: process.listeners('SIGINT'), SIGTERM: process.listeners('SIGTERM') };
  for (const name of ['stdout', 'stderr'] as const) process[name].write = ((text: string) => { seen[name] += text; return true; }) as typeof process.stdout.write;
  console.error = (line: string) => { seen.stderr += `${line}\n`; };
  try {
    return { code: await main(args), ...seen };
  } finally {
    for (const name of ['stdout', 'stderr'] as const) process[name].write = write[name];
    console.error = error;
    for (const name of ['SIGINT', 'SIGTERM'] as const) for (const l of process.listeners(name)) if (!listeners[name].includes(l)) process.off(name, l);
  }
}

/** The command line in a process of its own; `onText` sees what it prints and may kill it, `onStart` gets the process. */
export function spawnZsaq(args: string[], onText?: (text: string, child: ChildProcess) => void, onStart?: (child: ChildProcess) => void): Promise<Ended & { signal: string | null }> {
  const child = spawn(process.execPath, [join(__dirname, '../../scripts/zsaq.cjs'), ...args], { cwd: tmpdir() }), seen = { stdout: '', stderr: '' };
  onStart?.(child);
  for (const name of ['stdout', 'stderr'] as const) child[name]!.on('data', (text: Buffer) => { seen[name] += text; onText?.(String(text), child); });
  return new Promise((done) => { child.on('close', (code, signal) => done({ code: code ?? -1, signal, ...seen })); });
}

/** A scratch folder and what removes it. */
export function scratch(): { path(...parts: string[]): string; copy(model: string, name: string): string; remove(): void } {
  const root = mkdtempSync(join(tmpdir(), 'zsaq-cli-'));
  return {
    path: (...parts) => join(root, ...parts),
    copy: (model, name) => { cpSync(model, join(root, name), { recursive: true }); return join(root, name); },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** The object in the last line of standard output. */
export function lastJson({ stdout }: Ended): Record<string, unknown> {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Record<string, unknown>;
}
