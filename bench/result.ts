// The benchmark's result as data, as a table and as files.
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole, ZsaqError } from '../src/index';
import { canonicalJson, readJson } from '../src/io/file';
import type { Table } from '../src/report/table';
import type { Ratio } from './compare';
import type { Failure } from './measure';

/** What a result file holds. */
export interface Result {
  ratios: Ratio[];
  failures: Failure[];
  versions: Record<string, string>;
  threads: number;
  /** load average of the last minute before the first turn */
  load: number;
  date: string;
  commit: string; backend: string; device: string;
}

/** A turn during which other processes had more of the cores than this is no measurement. */
export const BUSY = 0.1;

export function isBusy({ others }: Ratio): boolean { return others !== null && others > BUSY; }

/** Refuses what is no result of the benchmark. @throws ZsaqError 'format' naming the field */
export function checkResult(value: unknown, where: string): Result {
  const bad = (what: string): never => { throw new ZsaqError('format', `${where}: ${what}: write it again with \`npm run bench\``); };
  const r = value as Result;
  if (typeof r !== 'object' || r === null || !Array.isArray(r.ratios) || !Array.isArray(r.failures)) return bad('it has no list of ratios and failures');
  for (const field of ['date', 'commit', 'backend', 'device'] as const) if (typeof r[field] !== 'string') bad(`"${field}" is missing`);
  for (const field of ['threads', 'load'] as const) if (typeof r[field] !== 'number') bad(`"${field}" is no number`);
  r.ratios.forEach((x, i) => {
    for (const side of ['ours', 'pytorch'] as const) for (const field of ['median', 'minimum', 'peakBytes', 'libraryBytes'] as const) if (!(x[side]?.[field] > 0)) bad(`ratios[${i}].${side}.${field} is no positive number`);
    if (!(Math.abs(x.ratio - x.ours.median / x.pytorch.median) < 1e-9 * x.ratio)) bad(`ratios[${i}].ratio is not that of its medians`);
    if (!(x.difference >= 0) || !x.name || !x.shape || !x.precision?.pytorch) bad(`ratios[${i}] is incomplete`);
  });
  return r;
}

/** The ratios as a table. Peaks are what was added to the loaded libraries. */
export function ratioTable(ratios: readonly Ratio[]): Table {
  const mb = ({ peakBytes, libraryBytes }: Ratio['ours']): number => Math.round((peakBytes - libraryBytes) / 2 ** 20);
  return {
    columns: [{ name: 'case' }, { name: 'shape' }, { name: 'ours in' }, { name: 'PyTorch as' }, { name: 'ours', unit: 'ms', digits: 1 }, { name: 'PyTorch', unit: 'ms', digits: 1 }, { name: 'ratio', digits: 2 },
      { name: 'of minima', digits: 2 }, { name: 'our peak', unit: 'MB' }, { name: 'PyTorch peak', unit: 'MB' }, { name: 'answers differ by' }, { name: 'others used' }],
    rows: ratios.map((r) => [r.name, r.shape, r.precision.ours, r.precision.pytorch, r.ours.median, r.pytorch.median, r.ratio, r.ours.minimum / r.pytorch.minimum, mb(r.ours), mb(r.pytorch), r.difference.toExponential(0),
      r.others === null ? null : `${Math.round(100 * r.others)}%${isBusy(r) ? ' BUSY' : ''}`]),
    note: 'medians of runs in turns; ratio = ours / PyTorch, below 1 we are faster; peak: resident memory beyond the loaded libraries; others used: largest share of the cores that other processes had in a turn',
  };
}

/** Further numbers in words. */
export function remarks(ratios: readonly Ratio[]): string[] {
  return ratios.filter((r) => r.extras).flatMap(({ name, shape, ours, extras }) => Object.entries(extras!).map(([key, value]) => ({
    insideBackend: `${name} ${shape}: ${(100 * value).toFixed(1)}% of the time inside the backend`,
    plainReadMs: `${name} ${shape}: a plain read takes ${value.toFixed(1)} ms, ours has ${Math.round((100 * value) / ours.median)}% of its speed`,
  })[key] ?? `${name} ${shape}: ${key} ${value}`));
}

/**
 * Writes one file for each shape, `SHAPE-cpu.json`, and says which.
 *
 * @throws ZsaqError 'busy' if other processes disturbed a turn
 */
export function save(result: Result, folder: string): string[] {
  const disturbed = result.ratios.filter(isBusy);
  if (disturbed.length) {
    throw new ZsaqError('busy', `not saved: other processes used up to ${Math.round(100 * Math.max(...disturbed.map((r) => r.others!)))}% of the cores during ${disturbed.map((r) => `${r.name} ${r.shape}`).join(', ')}: end them and run it again`);
  }
  mkdirSync(folder, { recursive: true });
  const device = result.device.startsWith('GPU') ? 'gpu' : 'cpu';
  return [...new Set(result.ratios.map((r) => r.shape))].map((shape) => {
    const file = join(folder, `${shape}-${device}.json`), part = { ...result, ratios: result.ratios.filter((r) => r.shape === shape), failures: result.failures.filter((f) => f.shape === shape) };
    writeWhole(file, `${canonicalJson(checkResult(part, file), 1)}\n`);
    return file;
  });
}

/** The saved results of a folder. */
export function savedResults(folder: string): Result[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((f) => /-(cpu|gpu)\.json$/.test(f) && !/^(profile|scaling)-/.test(f)).sort().map((f) => checkResult(readJson(join(folder, f)), f));
}
