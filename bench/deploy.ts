// Size, load time, latency, throughput, memory and energy of one model at full precision, W8A8, W4A8 and W2A8 in the runtimes of exports.
//   npx tsx bench/deploy.ts --model DIR [--name NAME] [--runs 30] [--lengths 16,64,128,256] [--save reproductions/results/deploy]
// Run it on an idle machine: how busy others were stands beside each number, and a disturbed result is not saved.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { provenance } from '../src/commands/provenance';
import { ready } from '../src/core/backend';
import { ZsaqError } from '../src/core/error';
import { checkExport, type Manifest } from '../src/export/manifest';
import { RUNTIMES, runIn } from '../src/export/runtimes';
import { canonicalJson, writeWhole } from '../src/io/file';
import { toText } from '../src/report/table';
import { cpuSeconds, othersShare } from './machine';

const BITS = ['fp32', 'W8A8', 'W4A8', 'W2A8'], BUSY = 0.1;
/** Each line: runtime, threads, format of the export. */
const PLACES = [
  ['ort-node', 1, 'onnx-fast'], ['ort-node', 2, 'onnx-fast'], ['ort-node', 1, 'onnx-exact'], ['ort-wasm', 1, 'onnx-fast'], ['zsaq', 2, 'packed'],
] as const;

interface Line {
  bits: string; runtime: string; threads: number; format: string; fileBytes: number; loadMs: number;
  /** by length of the row, batch 1 */
  latency: Record<string, { p50: number; p95: number; tokensPerSecond: number }>;
  memoryBytes: number | null; joules: number | null; others: number | null;
}

/** Sorted times' quantile, the nearest above. */
export function quantile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}

/** Microjoules of the processor's counters (RAPL), or null where none can be read. */
function energy(): number | null {
  try {
    const root = '/sys/class/powercap', counters = readdirSync(root).filter((name) => /^intel-rapl:\d+$/.test(name)).map((name) => Number(readFileSync(join(root, name, 'energy_uj'), 'utf8')));
    return counters.length ? counters.reduce((a, b) => a + b, 0) : null;
  } catch {
    return null;
  }
}

/** CPU seconds of everything, and of this process with those of its children that have ended. */
function cpuTime(): ReturnType<typeof cpuSeconds> {
  const seen = cpuSeconds([process.pid]);
  if (!seen) return undefined;
  const stat = readFileSync('/proc/self/stat', 'utf8'), fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { all: seen.all, own: seen.own + (Number(fields[13]) + Number(fields[14])) / 100 };
}

function zsaq(...args: string[]): void {
  execFileSync(process.execPath, [join(__dirname, '../scripts/zsaq.cjs'), ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Exports of a model at one width by format; full precision has no packed form and is what it is in ONNX. */
function exportsOf(model: string, bits: string, work: string): Map<string, string> {
  const source = bits === 'fp32' ? model : join(work, `run-${bits}`, 'model'), out = new Map<string, string>();
  if (bits !== 'fp32') zsaq('quantize', '--model', model, '--method', 'ptq', '--bits', bits, '--out', join(work, `run-${bits}`));
  for (const format of new Set(PLACES.map(([, , f]) => f))) {
    if (bits === 'fp32' && format !== 'onnx-exact') continue;
    out.set(format, join(work, `${bits}-${format}`));
    zsaq('export', '--model', source, '--format', format, '--out', out.get(format)!);
  }
  return out;
}

async function measure(dir: string, manifest: Manifest, bits: string, [id, threads, format]: (typeof PLACES)[number], lengths: number[], runs: number, source?: string): Promise<Line | string> {
  const runtime = RUNTIMES.find((r) => r.id === id)!, lacking = runtime.missing();
  if (lacking) return `${runtime.name}: ${lacking}`;
  const joules = energy(), start = performance.now(), before = cpuTime();
  const answer = await runIn(runtime, { dir, model: manifest.model, threads, lengths, runs, ...(source ? { source } : {}) });
  const seconds = (performance.now() - start) / 1000, after = cpuTime(), spent = energy();
  const others = othersShare(before, after, seconds, cpus().length);
  const latency = Object.fromEntries(Object.entries(answer.latency).map(([n, times]) => [n, { p50: quantile(times, 0.5), p95: quantile(times, 0.95), tokensPerSecond: (1000 * Number(n) * times.length) / times.reduce((a, b) => a + b, 0) }]));
  return {
    bits, runtime: `${answer.runtime} ${answer.version}`, threads, format: bits === 'fp32' ? 'full precision' : format, fileBytes: statSync(join(dir, manifest.model)).size, loadMs: answer.loadMs, latency,
    memoryBytes: answer.peakBytes === null || answer.baseBytes === null ? null : answer.peakBytes - answer.baseBytes,
    joules: joules === null || spent === null || spent < joules ? null : (spent - joules) / 1e6, others: others ?? null,
  };
}

function tableOf(lines: readonly Line[], length: string) {
  return toText({
    columns: [{ name: 'bits' }, { name: 'runtime' }, { name: 'threads' }, { name: 'form' }, { name: 'file', unit: 'MB', digits: 1 }, { name: 'load', unit: 'ms', digits: 0 }, { name: 'p50', unit: 'ms', digits: 2 }, { name: 'p95', unit: 'ms', digits: 2 },
      { name: 'tokens/s', digits: 0 }, { name: 'memory', unit: 'MB', digits: 0 }, { name: 'energy', unit: 'J', digits: 1 }, { name: 'others' }],
    rows: lines.map((l) => [l.bits, l.runtime, l.threads, l.format, l.fileBytes / 2 ** 20, l.loadMs, l.latency[length]?.p50, l.latency[length]?.p95, l.latency[length]?.tokensPerSecond,
      l.memoryBytes === null ? null : l.memoryBytes / 2 ** 20, l.joules, l.others === null ? null : `${Math.round(100 * l.others)}%`]),
    note: `rows of ${length} tokens at batch 1; memory beyond the loaded runtime; ${lines.some((l) => l.joules !== null) ? 'energy of the whole process, loading included' : 'energy: not measurable here, no counter (RAPL) can be read'}`,
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { model: { type: 'string' }, name: { type: 'string' }, runs: { type: 'string', default: '30' }, lengths: { type: 'string', default: '16,64,128,256' }, save: { type: 'string' } } });
  if (!values.model) throw new ZsaqError('usage', 'give --model, a full-precision folder');
  const lengths = values.lengths.split(',').map(Number), runs = Number(values.runs), work = mkdtempSync(join(tmpdir(), 'zsaq-deploy-')), lines: Line[] = [], missing = new Set<string>();
  if (![runs, ...lengths].every((n) => Number.isInteger(n) && n > 0)) throw new ZsaqError('usage', '--runs and --lengths take whole numbers above 0');
  await ready();
  try {
    for (const bits of BITS) {
      const made = exportsOf(resolve(values.model), bits, work);
      for (const place of PLACES) {
        const full = bits === 'fp32', dir = made.get(full ? 'onnx-exact' : place[2])!;
        if (full && place[2] === 'onnx-exact') continue; // the same file as in the line of the fast form
        const found = await measure(dir, checkExport(dir), bits, place, lengths, runs, full && place[0] === 'zsaq' ? resolve(values.model) : undefined);
        if (typeof found === 'string') missing.add(found);
        else lines.push(found);
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  for (const length of lengths) console.log(tableOf(lines, String(length)));
  for (const reason of missing) console.log(reason);
  if (!values.save) return;
  const disturbed = lines.filter(({ others }) => others !== null && others > BUSY);
  if (disturbed.length) throw new ZsaqError('busy', `not saved: other processes used up to ${Math.round(100 * Math.max(...disturbed.map((l) => l.others!)))}% of the cores: end them and run it again`);
  mkdirSync(values.save, { recursive: true });
  const file = join(values.save, `${values.name ?? basename(resolve(values.model))}.json`);
  writeWhole(file, `${canonicalJson({ model: values.name ?? basename(resolve(values.model)), lines, missing: [...missing], runs, lengths, energy: lines.some((l) => l.joules !== null) ? 'RAPL' : 'not measurable here', date: new Date().toISOString(), ...provenance() }, 1)}\n`);
  console.log(`saved ${file}`);
}

if (require.main === module) main().catch((error) => { console.error(error instanceof ZsaqError ? `deploy: ${error.message}` : error); process.exitCode = 1; });
