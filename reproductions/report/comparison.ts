// SAM-SGA against the best zero-shot baseline: gain with interval, and how much of what rounding loses comes back.
import { anyTask } from '../../datasets';
import { unpacked, type QuantizeResult } from '../cells/result';
import { cellsAt, standsAt, type Variant } from '../specs/matrix';
import { quantizeResult, type Find, type Gain } from '../specs/spec';
import { average, pairedBootstrap, type Interval, type Pair, type Sample } from './bootstrap';
import { summarize } from './summary';
import type { Preset } from '../cells/cell';
import type { Setup } from '../setups';

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
  each: { task: string; gain: number; low: number; high: number }[];
  /** whether a side whose runs differ by their seeds has one only, so that the interval is over examples alone */
  oneRun: boolean;
  /** baselines that could not be chosen, for they have not been run on all of the tasks */
  leftOut: string[];
}

/** Whether another seed would give the same. */
const seedless = ({ method }: Variant): boolean => method === 'ptq' || method === 'full';

/**
 * SAM-SGA against the baseline that has the best average, over the tasks on which SAM-SGA has been run and whose teacher counts. It is chosen on the
 * scores that it is compared on, which favours it.
 *
 * @param published the paper's gain at these bits; over which baseline it does not say
 */
export function bestBaseline(find: Find, preset: Preset, setups: readonly Setup[], rows: readonly Variant[], bits: string, published: number | null): Comparison | undefined {
  const ours = rows.find((r) => r.role === 'ours')!, full = rows.find((r) => r.method === 'full')!, lower = isText(setups[0]);
  const tasks = setups.filter((s) => counts(find, preset, s, full) && summarize(find, cellsAt(preset, s, ours, bits)).mean !== null);
  if (!tasks.length) return undefined;
  const leftOut: string[] = [], known = rows.filter((r) => r.role === 'baseline' && standsAt(r, bits)).flatMap((row) => {
    const means = tasks.map((s) => summarize(find, cellsAt(preset, s, row, bits)).mean);
    if (means.every((m) => m !== null)) return [{ row, score: average(means as number[]) }];
    leftOut.push(row.title);
    return [];
  }).sort((a, b) => (lower ? a.score - b.score : b.score - a.score));
  if (!known.length) return undefined;
  const found = compare(find, preset, tasks, ours, known[0].row, bits, published);
  return found && { ...found, leftOut };
}

/** SAM-SGA against one row. */
export function compare(find: Find, preset: Preset, tasks: readonly Setup[], ours: Variant, theirs: Variant, bits: string, published: number | null): Comparison | undefined {
  const pairs = tasks.flatMap((setup): Pair[] => {
    const [a, b] = [ours, theirs].map((row) => sampleOf(find, preset, setup, row, bits));
    return a && b ? [{ task: setup.task, ours: a, theirs: b }] : [];
  });
  const found = pairedBootstrap(pairs);
  if (!found) return undefined;
  // the table's own difference: contributions to a correlation only come close to it, and are for the width of the interval
  const known = tasks.filter(({ task }) => pairs.some((p) => p.task === task)), sign = isText(known[0]) ? -1 : 1;
  const scores = [ours, theirs].map((row) => known.map((setup) => summarize(find, cellsAt(preset, setup, row, bits)).mean ?? NaN)), [a, b] = scores.map(average);
  const shifted = (gain: number, { gain: at, low, high }: Interval) => ({ gain, low: gain + low - at, high: gain + high - at });
  return {
    bits, over: theirs.title, tasks: pairs.map((p) => p.task), ...shifted(sign * (a - b), found), ours: a, theirs: b, published, leftOut: [],
    each: pairs.map((pair, i) => ({ task: pair.task, ...shifted(sign * (scores[0][i] - scores[1][i]), pairedBootstrap([pair])!) })),
    oneRun: pairs.some((p) => (!seedless(ours) && p.ours.seeds.length < 2) || (!seedless(theirs) && p.theirs.seeds.length < 2)),
  };
}

function sampleOf(find: Find, preset: Preset, setup: Setup, row: Variant, bits: string): Sample | undefined {
  const results = cellsAt(preset, setup, row, bits).flatMap((cell) => quantizeResult(find, cell) ?? []);
  return results.length ? { kind: results[0].each.kind, seeds: results.map(contributions) } : undefined;
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
