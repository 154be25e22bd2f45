// What this machine has for zsaq, and what to do about each thing that is missing.
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { backendName, deviceName, isNative, ready, tf, whyNotNative } from './core/backend';

/** Something that is wrong, and what to do about it. */
export interface Problem { problem: string; remedy: string }

/** What `zsaq doctor` reports; `zsaq doctor --json` prints it as it is. */
export interface DoctorReport {
  node: string;
  /** Version of the project's own Python (.venv), or null. */
  python: string | null;
  /** Version of the native TensorFlow library in use, or null on another backend. */
  tensorflow: string | null;
  backend: string;
  device: string;
  memory: { totalBytes: number; freeBytes: number };
  /** True if the device multiplies bfloat16 matrices in hardware. */
  bf16: boolean;
  kernel: boolean;
  /** Folders that ZSAQ_DATA and ZSAQ_MODELS name, or null. */
  data: string | null;
  models: string | null;
  problems: Problem[];
  /** Things that are well without, and how to have them. */
  notes: string[];
}

const run = promisify(execFile);
const answer = async (command: string, args: string[]) => {
  try { return (await run(command, args, { timeout: 10_000 })).stdout.trim(); } catch { return null; }
};

/** True for the versions of Node that the engine runs on. */
export function nodeSupported(version: string): boolean {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number);
  return (major === 20 && minor >= 19) || major === 21 || major === 22;
}

/** True if the flags of a processor, as /proc/cpuinfo lists them, have a bfloat16 matrix product. */
export function bf16InFlags(cpuinfo: string): boolean {
  return /^(flags|Features)\s*:.*\b(avx512_bf16|amx_bf16|avx_ne_convert|bf16)\b/m.test(cpuinfo);
}

/**
 * Looks at this machine: tools, backend, device, kernel, folders. It starts the backend, so that what it says is what a run gets.
 *
 * @param root the project folder; its parent of `src` unless given
 * @param env the environment that ZSAQ_DATA and ZSAQ_MODELS are read from
 */
export async function doctor(root = path.resolve(__dirname, '..'), env: NodeJS.ProcessEnv = process.env): Promise<DoctorReport> {
  const problems: Problem[] = [];
  const notes: string[] = [];
  await ready();
  const gpu = isNative() && /GPU/.test(deviceName()) ? await gpuInWords() : null;
  const report: DoctorReport = {
    node: process.version,
    python: (await answer(path.join(root, '.venv', 'bin', 'python'), ['-I', '-c', 'import platform; print(platform.python_version())'])),
    tensorflow: isNative() ? tensorflowVersion() : null,
    backend: backendName(),
    device: gpu?.name ?? deviceName(),
    memory: gpu?.memory ?? { totalBytes: os.totalmem(), freeBytes: os.freemem() },
    bf16: gpu ? gpu.bf16 : bf16InFlags(read('/proc/cpuinfo')),
    kernel: ['jupyter/kernels/zsaq/kernel.json', 'node_modules/tslab/package.json'].every((file) => fs.existsSync(path.join(root, file))),
    data: folder('ZSAQ_DATA', 'data sets (GLUE, WikiText-2, PTB)', env, problems, notes),
    models: folder('ZSAQ_MODELS', 'models in Hugging Face folders', env, problems, notes),
    problems, notes,
  };
  const add = (wrong: boolean, problem: string, remedy: string) => { if (wrong) problems.push({ problem, remedy }); };
  add(!nodeSupported(report.node), `Node ${report.node} is not one that TensorFlow.js runs on`, 'install Node 22, or 20.19 or later');
  add(report.python === null, 'there is no Python environment (.venv), so notebooks cannot run', 'install Python 3.10 or later, then run `npm run setup`');
  add(report.python !== null && !fs.existsSync(path.join(root, '.venv', 'zsaq-notebooks.json')), 'JupyterLab is not installed completely', 'run `npm run setup`');
  add(!report.kernel, 'the notebook kernel is incomplete', 'run `npm run setup`');
  add(!isNative() && !env.ZSAQ_BACKEND, `native TensorFlow is not in use (${whyNot()}); ${report.backend} is about 30 times slower`, 'run `npm run setup`, which says what it lacks');
  add(report.memory.totalBytes < 2e9, `the device has only ${gigabytes(report.memory.totalBytes)} of memory`, 'use the preset smoke');
  return report;
}

/** Why the native binding is not there; that of the engine's own message that helps. */
function whyNot(): string {
  const reason = whyNotNative() ?? '';
  return reason === '' || /can ?not be found at path/.test(reason) ? 'its binding is not built' : reason.trim().replace(/\.$/, '');
}

function tensorflowVersion(): string | null {
  const version = (tf.backend() as unknown as { binding?: { TF_Version?: unknown } }).binding?.TF_Version;
  return typeof version === 'string' ? version : null;
}

async function gpuInWords(): Promise<{ name: string; memory: DoctorReport['memory']; bf16: boolean } | null> {
  const line = (await answer('nvidia-smi', ['--query-gpu=name,memory.total,memory.free,compute_cap', '--format=csv,noheader,nounits']))?.split('\n')[0];
  const [name, total, free, capability] = line?.split(/,\s*/) ?? [];
  if (!name) return null;
  return { name: `GPU: ${name}`, memory: { totalBytes: Number(total) * 2 ** 20, freeBytes: Number(free) * 2 ** 20 }, bf16: Number(capability) >= 8 };
}

function read(file: string): string {
  try { return fs.readFileSync(file, 'utf8'); } catch { return ''; }
}

function folder(name: string, what: string, env: NodeJS.ProcessEnv, problems: Problem[], notes: string[]): string | null {
  const given = env[name];
  if (!given) { notes.push(`${name} is not set: only the bundled ${name === 'ZSAQ_DATA' ? 'data' : 'models'} can be named by a short name; set it to a folder of ${what}`); return null; }
  if (fs.statSync(given, { throwIfNoEntry: false })?.isDirectory()) return path.resolve(given);
  problems.push({ problem: `${name}=${given} is no folder`, remedy: `set it to a folder of ${what}, or unset it` });
  return null;
}

const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GB`;

/** The report as text for a terminal. */
export function formatDoctor(report: DoctorReport): string {
  const rows: [string, string][] = [
    ['Node', report.node],
    ['Python', report.python ?? 'none'],
    ['TensorFlow', report.tensorflow ?? 'not in use'],
    ['backend', report.backend],
    ['device', report.device],
    ['memory', `${gigabytes(report.memory.totalBytes)}, ${gigabytes(report.memory.freeBytes)} free`],
    ['bfloat16', report.bf16 ? 'in hardware' : 'emulated (slow)'],
    ['notebook kernel', report.kernel ? 'found' : 'incomplete'],
    ['ZSAQ_DATA', report.data ?? 'none'],
    ['ZSAQ_MODELS', report.models ?? 'none'],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(17)}${value}`);
  const verdict = report.problems.length === 0 ? 'No problems.' : `${report.problems.length} problem${report.problems.length === 1 ? '' : 's'}:`;
  const problems = report.problems.map(({ problem, remedy }) => `  ${problem}\n    -> ${remedy}`);
  return [...lines, '', verdict, ...problems, ...report.notes.map((note) => `Note: ${note}.`)].join('\n') + '\n';
}
