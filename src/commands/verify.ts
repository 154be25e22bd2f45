import { join } from 'node:path';
import { ZsaqError } from '../core/error';
import { checkExport, type Manifest } from '../export/manifest';
import { largest, REFERENCE } from '../export/reference';
import { RUNTIMES, runIn, type RuntimeAnswer } from '../export/runtimes';
import { readJson } from '../io/file';
import { openSafetensors } from '../io/safetensors';
import { modelFromConfig } from '../models/registry';
import { toText } from '../report/table';
import { required, wholeNumber, type Command } from './command';

/** Tokens of the rows that are timed, fewer where the model has fewer positions. */
const LENGTH = 64, RUNS = 10;

/** How an export did in one runtime. */
export interface Verdict {
  runtime: string;
  version: string;
  /** largest difference of a logit, the same over the length of all logits, share of rows with the same largest logit */
  difference: number; relative: number; sameChoice: number;
  ok: boolean;
  loadMs: number;
  /** of a row of so many tokens, the middle of the runs */
  tokens: number; latencyMs: number | null;
  memoryBytes: number | null;
}

/** Where a runtime rounds activations by a rule of its own, logits further off than this share of their length are an error. */
const MOST_RELATIVE = 0.3;

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'load an export in every runtime that is there and compare it with zsaq',
  help: `zsaq verify DIR [--threads N] [--json]

  DIR           a folder that zsaq export wrote
  --threads N   threads of each runtime (1)
  --json        last line of standard output: one JSON object

First the hash of every file is checked. Runtimes that are missing are named, with how to get them
(npm run setup:export). Exit code 1 if logits differ more than the format promises, or if no runtime is there to compare with.`,
  options: { threads: { type: 'string' } },
  word: 'folder',
  async run(values, signal) {
    const dir = required(values, 'operand', 'give a folder that zsaq export wrote'), found = await verifyExport(dir, { threads: wholeNumber(values, 'threads', 1) || 1, signal, onRuntime: (name) => console.error(`${name} ...`) });
    const { manifest: { format, sizes, agreement }, ok, verdicts, missing, failures } = found;
    const compared = verdicts.length + failures.length > 0, nothing = compared ? '' : 'the files are whole, but nothing was compared: none of the runtimes of this format is installed\n';
    return { text: `${report(dir, found)}${nothing}`, json: { dir, format, ok: compared ? ok : null, sizes, agreement, verdicts, missing, failures }, exitCode: compared && ok ? 0 : 1 };
  },
};

/** An export in every runtime that is there: how each did, which are missing and how to get them, and what failed. */
export interface Verification { manifest: Manifest; ok: boolean; verdicts: Verdict[]; missing: { runtime: string; reason: string }[]; failures: string[] }

/**
 * Checks the hash of every file of an export, loads it in every runtime that is there and compares the logits with those of zsaq.
 *
 * @throws ZsaqError 'missing' | 'format' | 'mismatch' for a folder that is no sound export, 'cancelled'
 * @example (await verifyExport('exports/first')).ok
 */
export async function verifyExport(dir: string, { threads = 1, signal, onRuntime }: { threads?: number; signal?: AbortSignal; onRuntime?(name: string): void } = {}): Promise<Verification> {
  const manifest = checkExport(dir), logits = referenceLogits(dir), verdicts: Verdict[] = [], missing: Verification['missing'] = [], failures: string[] = [];
  const tokens = Math.min(LENGTH, modelFromConfig(readJson(join(dir, 'config.json')) as Record<string, unknown>).maxLength);
  for (const runtime of RUNTIMES.filter(({ formats }) => formats.includes(manifest.format))) {
    const reason = runtime.missing();
    if (reason) { missing.push({ runtime: runtime.name, reason }); continue; }
    onRuntime?.(runtime.name);
    try {
      verdicts.push(judge(await runIn(runtime, { dir, model: manifest.model, threads, lengths: [tokens], runs: RUNS }, signal), logits, manifest, tokens));
    } catch (e) {
      if (!(e instanceof ZsaqError) || e.code === 'cancelled') throw e;
      failures.push(e.message);
    }
  }
  return { manifest, ok: failures.length === 0 && verdicts.every((v) => v.ok), verdicts, missing, failures };
}

function referenceLogits(dir: string): { rows: number; logits: Float32Array } {
  const file = openSafetensors(join(dir, REFERENCE));
  try {
    const { shape, data } = file.read('logits');
    return { rows: shape[0], logits: data as Float32Array };
  } finally {
    file.close();
  }
}

function judge({ runtime, version, logits: found, loadMs, latency, baseBytes, peakBytes }: RuntimeAnswer, { rows, logits }: { rows: number; logits: Float32Array }, { agreement: { tolerance } }: Manifest, tokens: number): Verdict {
  const difference = largest(logits, found), width = logits.length / rows, times = [...latency[tokens] ?? []].sort((a, b) => a - b);
  const length = (x: ArrayLike<number>) => Math.sqrt(Array.from(x).reduce((sum, v) => sum + v * v, 0)), relative = length(logits.map((v, i) => v - found[i])) / length(logits);
  const choice = (x: ArrayLike<number>, row: number) => { let best = 0; for (let i = 1; i < width; i++) if (x[row * width + i] > x[row * width + best]) best = i; return best; };
  const same = Array.from({ length: rows }, (_, row) => row).filter((row) => choice(logits, row) === choice(found, row)).length / rows;
  return {
    runtime, version, difference, relative, sameChoice: same, ok: tolerance === null ? relative <= MOST_RELATIVE : difference <= tolerance, loadMs, tokens,
    latencyMs: times.length ? times[times.length >> 1] : null, memoryBytes: peakBytes === null || baseBytes === null ? null : peakBytes - baseBytes,
  };
}

function report(dir: string, { manifest: { format, sizes, agreement }, verdicts, missing, failures }: Verification): string {
  const megabytes = (bytes: number) => bytes / 2 ** 20, { tolerance, noise } = agreement;
  const promise = tolerance === null ? `the runtime rounds activations in its own way: relative difference at most ${MOST_RELATIVE}` : `largest difference at most ${tolerance.toExponential(1)}`;
  const table = {
    title: `${dir}: ${format}, ${megabytes(sizes.weights).toFixed(2)} MB (sum of the parts ${megabytes(sizes.theory).toFixed(2)} MB, ${sizes.bitsPerParameter.toFixed(2)} bits a parameter)`,
    columns: [{ name: 'runtime' }, { name: 'version' }, { name: 'agrees' }, { name: 'largest difference' }, { name: 'relative' }, { name: 'same choice', unit: '%', digits: 0 }, { name: 'load', unit: 'ms', digits: 0 }, { name: `${verdicts[0]?.tokens ?? LENGTH} tokens`, unit: 'ms', digits: 1 }, { name: 'memory', unit: 'MB', digits: 0 }],
    rows: verdicts.map((v) => [v.runtime, v.version, v.ok ? 'yes' : 'NO', v.difference.toExponential(1), v.relative.toExponential(1), 100 * v.sameChoice, v.loadMs, v.latencyMs, v.memoryBytes === null ? null : megabytes(v.memoryBytes)]),
    note: `${promise}${noise > 0 ? `; differences in last bits alone move our own logits by up to ${noise.toExponential(1)}` : ''}; time: median of ${RUNS} runs at batch 1; memory: beyond the loaded runtime`,
  };
  return [...(verdicts.length ? [toText(table)] : []), ...failures.map((f) => `${f}\n`), ...missing.map(({ runtime, reason }) => `${runtime}: ${reason}\n`)].join('');
}
