import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ZsaqError } from '../core/error';
import type { ExportFormat } from './manifest';

const ROOT = resolve(__dirname, '../..'), SCRIPTS = join(ROOT, 'scripts', 'export');
const PYTHON = join(ROOT, '.cache/export/python/bin/python'), PACKAGES = join(ROOT, '.cache/export/node_modules');
const SETUP = 'npm run setup:export';

/** What a runtime is asked for; each runs in a process of its own, so that memory and threads are its own as well. */
export interface RuntimeRequest {
  dir: string;
  /** the file with the weights, inside of the folder */
  model: string;
  threads?: number;
  /** tokens in a row, for timing at batch 1, and how often */
  lengths?: readonly number[];
  runs?: number;
  /** `zsaq` only: another folder to run, the fixed inputs stay those of `dir` */
  source?: string;
  /** the browser only: where to put a picture of the page, and a text to run */
  picture?: string;
  text?: string;
}

export interface RuntimeAnswer {
  runtime: string;
  version: string;
  /** on the fixed inputs, flat */
  logits: number[];
  loadMs: number;
  /** ms of each run, by length */
  latency: Record<string, number[]>;
  /** resident memory before the model was loaded, and the largest since; null where the process cannot tell */
  baseBytes: number | null; peakBytes: number | null;
  /** the browser only: what the page answered to the text */
  answer?: unknown;
}

/** A place where exports run. */
export interface Runtime {
  id: string;
  name: string;
  formats: readonly ExportFormat[];
  /** what is missing and how to get it; undefined where it can run */
  missing(): string | undefined;
  command(request: RuntimeRequest): [string, ...string[]];
}

const node = (script: string) => (request: object): [string, ...string[]] => [process.execPath, join(SCRIPTS, script), JSON.stringify(request)];
const python = (script: string) => (request: object): [string, ...string[]] => [PYTHON, join(SCRIPTS, script), JSON.stringify(request)];
const needs = (path: string) => (): string | undefined => (existsSync(path) ? undefined : `not installed: ${SETUP}`);
const chromium = (): string => process.env.ZSAQ_CHROMIUM ?? '/usr/bin/chromium';
const ONNX = ['onnx-exact', 'onnx-fast', 'transformers-js'] as const;

/** Every runtime that zsaq verify knows. */
export const RUNTIMES: readonly Runtime[] = [
  { id: 'zsaq', name: 'zsaq', formats: ['packed'], missing: () => undefined, command: node('packed.cjs') },
  { id: 'compressed-tensors', name: 'compressed-tensors (Python)', formats: ['compressed-tensors'], missing: needs(PYTHON), command: python('compressed.py') },
  { id: 'ort-node', name: 'onnxruntime-node', formats: ONNX, missing: needs(join(PACKAGES, 'onnxruntime-node')), command: node('ort.cjs') },
  { id: 'ort-python', name: 'onnxruntime (Python), onnx.checker', formats: ONNX, missing: needs(PYTHON), command: python('ort.py') },
  { id: 'ort-wasm', name: 'onnxruntime-web (wasm)', formats: ONNX, missing: needs(join(PACKAGES, 'onnxruntime-web')), command: (request) => node('ort.cjs')({ ...request, web: true }) },
  {
    id: 'browser', name: 'transformers.js in Chromium', formats: ['transformers-js'], command: (request) => node('browser.cjs')({ ...request, chromium: chromium() }),
    missing: () => (!existsSync(PACKAGES) ? `not installed: ${SETUP}` : existsSync(chromium()) ? undefined : `no browser at ${chromium()}: install Debian's chromium, or set ZSAQ_CHROMIUM`),
  },
];

/** Runs one request. @throws ZsaqError 'backend' with the last line that the runtime said */
export async function runIn(runtime: Runtime, request: RuntimeRequest, signal?: AbortSignal): Promise<RuntimeAnswer> {
  const [command, ...args] = runtime.command(request), child = spawn(command, args, { signal, env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', CUDA_VISIBLE_DEVICES: '' } });
  let out = '', said = '';
  child.stdout.on('data', (text: Buffer) => { out += text; });
  child.stderr.on('data', (text: Buffer) => { said += text; });
  const code = await new Promise<number | null>((done, fail) => { child.on('close', done); child.on('error', fail); }).catch((error: Error) => {
    throw new ZsaqError(signal?.aborted ? 'cancelled' : 'backend', signal?.aborted ? 'stopped' : `${runtime.name} cannot be started (${error.message}): ${SETUP}`, { cause: error });
  });
  const line = out.trimEnd().split('\n').at(-1) ?? '';
  if (code !== 0 || !line.startsWith('{')) throw new ZsaqError('backend', `${runtime.name} cannot run ${request.dir}: ${lastWords(said)}`);
  return JSON.parse(line) as RuntimeAnswer;
}

/** The line of a trace that says most: the error's own. */
function lastWords(text: string): string {
  const lines = text.split('\n').map((line) => line.trim()).filter((line) => line && !line.startsWith('at ') && !/^[{}^]/.test(line));
  return (lines.filter((line) => /error/i.test(line)).at(-1) ?? lines.at(-1) ?? 'it ended without a word').slice(0, 300);
}
