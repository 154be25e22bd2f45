// SAM-SGA against the best zero-shot baseline: gain with interval, and how much of what rounding loses comes back.
import { anyTask } from '../../datasets';
import { unpacked, type QuantizeResult } from '../cells/result';
import { cellsAt, standsAt, type Variant } from '../specs/matrix';
import { quantizeResult, type Find, type Gain, type Gap } from '../specs/spec';
import { average, pairedBootstrap, type Interval, type Pair, type Sample } from './bootstrap';
import { summarize } from './summary';
import type { Preset, QuantizeCell } from '../cells/cell';
import type { Setup } from '../setups';
import type { MethodId } from '../../src/index';

/** A teacher less than this above the best constant answer takes no part in claims. */
const LEAST_ABOVE = 10;

/** How far a task's teacher is above the best constant answer; null where it is not known. */
export function teacherMargin(find: Find, preset: Preset, setup: Setup, full: Variant): number | null {
  const r = quantizeResult(find, cellsAt(preset, setup, full, 'W32A32')[0]);
  return r?.score === undefined || r.score === null || r.majority === null ? null : r.score - r.majority;
}

/** Whether a task takes part in claims; running text always does. */
export function counts(find: Find, preset: Preset, setup: Setup, full: Variant): boolean {
  const margin = teacherMargin(find, preset, setup, full);
  return margin === null || margin >= LEAST_ABOVE;
}

/** A comparison with its difference on each task. */
export interface Comparison extends Gain {
  each: (Gap & { task: string })[];
  /** how many tasks count */
  counting: number;
  /** how many seeds each side has on every task at least; null where another seed would give the same */
  seeds: { ours: number | null; theirs: number | null };
  /** how far full precision is ahead of the other side: what there is to gain; null where it has not been run */
  room: number | null;
  /** baselines that could not be chosen, for they have not been run on all of the tasks */
  leftOut: string[];
}

/** Whether another seed would give the same. */
export const seedless = ({ method, set }: Pick<QuantizeCell, 'method' | 'set'>): boolean => method === 'ptq' || method === 'full' || set.includes('lkd=off');

/** The closest baselines: no verdict on the best one before these have been run, for cheaper ones are there first. */
const CLOSEST: readonly MethodId[] = ['zeroQuant', 'qatRandom', 'adversarial'];

/**
 * Tasks on which the best baseline can be told: their teacher counts, and SAM-SGA and the baselines closest to it have been run. A task that is under way
 * has its cheap baselines only, against which SAM-SGA would look good.
 */
export function comparable(find: Find, preset: Preset, setups: readonly Setup[], rows: readonly Variant[], bits: string): Setup[] {
  const full = rows.find((r) => r.method === 'full')!, needed = rows.filter((r) => r.role === 'ours' || (r.role === 'baseline' && CLOSEST.includes(r.method) && r.key === r.method));
  return setups.filter((s) => counts(find, preset, s, full) && needed.every((row) => summarize(find, cellsAt(preset, s, row, bits)).mean !== null));
}

/**
 * SAM-SGA against the baseline that has the best average over the tasks on which it can be told. It is chosen on the scores that it is compared on, which favours it.
 *
 * @param published the paper's gain at these bits; over which baseline it does not say
 */
export function bestBaseline(find: Find, preset: Preset, setups: readonly Setup[], rows: readonly Variant[], bits: string, published: number | null): Comparison | undefined {
  const tasks = comparable(find, preset, setups, rows, bits), lower = isText(setups[0]);
  if (!tasks.length) return undefined;
  const leftOut: string[] = [], known = rows.filter((r) => r.role === 'baseline' && standsAt(r, bits)).flatMap((row) => {
    const means = tasks.map((s) => summarize(find, cellsAt(preset, s, row, bits)).mean);
    if (means.every((m) => m !== null)) return [{ row, score: average(means as number[]) }];
    leftOut.push(row.title);
    return [];
  }).sort((a, b) => (lower ? a.score - b.score : b.score - a.score));
  const found = compare({ find, preset, setups, rows, bits }, tasks, known[0].row, published);
  return found && { ...found, leftOut };
}

/** SAM-SGA against one row on some of the tasks. */
export function compare({ find, preset, setups, rows, bits }: { find: Find; preset: Preset; setups: readonly Setup[]; rows: readonly Variant[]; bits: string }, tasks: readonly Setup[], theirs: Variant, published: number | null): Comparison | undefined {
  const ours = rows.find((r) => r.role === 'ours')!, full = rows.find((r) => r.method === 'full')!;
  const pairs = tasks.flatMap((setup): Pair[] => {
    const [a, b] = [ours, theirs].map((row) => sampleOf(find, cellsAt(preset, setup, row, bits)));
    return a && b ? [{ task: setup.task, ours: a, theirs: b }] : [];
  });
  const found = pairedBootstrap(pairs);
  if (!found) return undefined;
  // the table's own difference: contributions to a correlation only come close to it, and are for the width of the interval
  const known = tasks.filter(({ task }) => pairs.some((p) => p.task === task)), sign = isText(known[0]) ? -1 : 1;
  const scores = [ours, theirs, full].map((row) => known.map((setup) => summarize(find, cellsAt(preset, setup, row, bits)).mean ?? NaN)), [a, b, whole] = scores.map(average);
  const shifted = (gain: number, { gain: at, low, high, error }: Interval) => ({ gain, low: gain + low - at, high: gain + high - at, error });
  const seedsOf = (row: Variant, side: 'ours' | 'theirs'): number | null => (seedless(row) ? null : Math.min(...pairs.map((p) => p[side].seeds.length)));
  const limits = known.map((setup) => limitsOf(find, cellsAt(preset, setup, ours, bits), cellsAt(preset, setup, theirs, bits)));
  return {
    bits, over: theirs.title, tasks: pairs.map((p) => p.task), ...shifted(sign * (a - b), found), once: limits.some((l) => l.once), apart: limits.some((l) => l.apart), ours: a, theirs: b, published, leftOut: [],
    each: pairs.map((pair, i) => ({ task: pair.task, ...shifted(sign * (scores[0][i] - scores[1][i]), pairedBootstrap([pair])!), ...limits[i] })),
    counting: setups.filter((s) => counts(find, preset, s, full)).length, seeds: { ours: seedsOf(ours, 'ours'), theirs: seedsOf(theirs, 'theirs') }, room: Number.isFinite(whole) ? sign * (whole - b) : null,
  };
}

/** What the examples contribute to the scores of cells that differ by their seeds; undefined where none has been run. */
function sampleOf(find: Find, cells: readonly QuantizeCell[]): Sample | undefined {
  const results = cells.flatMap((cell) => quantizeResult(find, cell) ?? []);
  return results.length ? { kind: results[0].each.kind, seeds: results.map(contributions) } : undefined;
}

/** The difference of two lists of cells on one task, theirs taken off, with its interval; undefined until both have been run. */
export function difference(find: Find, task: string, ours: readonly QuantizeCell[], theirs: readonly QuantizeCell[]): Gap | undefined {
  const [a, b] = [ours, theirs].map((cells) => sampleOf(find, cells));
  return a && b && { ...pairedBootstrap([{ task, ours: a, theirs: b }])!, ...limitsOf(find, ours, theirs) };
}

/** Of two lists of cells that have been run. A processor moves what is trained, and only that: sums round differently, and training makes that large. */
function limitsOf(find: Find, ours: readonly QuantizeCell[], theirs: readonly QuantizeCell[]): Pick<Gap, 'once' | 'apart'> {
  const sides = [ours, theirs].filter(([cell]) => !seedless(cell)).map((cells) => processorsOf(find, cells)), [a, b] = sides;
  return { once: sides.some((runs) => runs.length === 1), apart: sides.length === 2 && !a.some((device) => b.includes(device)) };
}

/** The processor of each of some cells that has been run. */
export function processorsOf(find: Find, cells: readonly QuantizeCell[]): string[] {
  return cells.flatMap((cell) => quantizeResult(find, cell)?.device.split(',')[0] ?? []);
}

/** A result stands in many comparisons: its contributions are unpacked once, and resampled once (bootstrap.ts). */
const known = new WeakMap<QuantizeResult, Float32Array>();

function contributions(result: QuantizeResult): Float32Array {
  const values = known.get(result) ?? unpacked(result.each);
  known.set(result, values);
  return values;
}

export function isText({ task }: Setup): boolean { return anyTask(task).kind === 'languageModel'; }

/** (score - majority) / (full - majority): the share of what the teacher knows that is left; null where it is not known or the teacher does not count. */
export function recovered(find: Find, preset: Preset, setup: Setup, row: Variant, full: Variant, bits: string): number | null {
  const teacher = quantizeResult(find, cellsAt(preset, setup, full, 'W32A32')[0]), { mean } = summarize(find, cellsAt(preset, setup, row, bits));
  if (!teacher || teacher.majority === null || teacher.score === null || mean === null || !counts(find, preset, setup, full)) return null;
  return (mean - teacher.majority) / (teacher.score - teacher.majority);
}
