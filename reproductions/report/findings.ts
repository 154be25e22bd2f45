// What came out, in sentences made from results: every number in them is one of a table beside it.
import { difference } from './comparison';
import { gapText } from './matrixView';
import { summarize } from './summary';
import type { Interval } from './bootstrap';
import type { Point, SweepLine } from './sweepView';
import type { Find } from '../specs/spec';

/** What an interval says of a difference. */
export const told = ({ low, high }: Pick<Interval, 'low' | 'high'>): string => (low > 0 ? 'better' : high < 0 ? 'worse' : 'not to be told from chance');

const gapOf = (find: Find, task: string, ours: Point, theirs: Point): Interval | undefined => difference(find, task, ours.cells, theirs.cells);

/** Points that have a score, with it. */
const scored = (find: Find, { points }: SweepLine) => points.flatMap((point) => { const { mean } = summarize(find, point.cells); return mean === null ? [] : [{ point, mean }]; });

/** Of each line: its best point but the reference, and how it stands against that. The best of several favours itself. */
export function bestAgainst(find: Find, lines: readonly SweepLine[], at: number): string[] {
  return lines.flatMap((line) => {
    const reference = line.points.find((p) => p.at === at), found = scored(find, line).flatMap(({ point }) => {
      const gap = reference && point !== reference ? gapOf(find, line.task, point, reference) : undefined;
      return gap ? [{ point, gap }] : [];
    });
    if (!found.length) return [];
    const { point, gap } = found.reduce((a, b) => (b.gap.gain > a.gap.gain ? b : a)), among = found.length > 1 ? `, the best of ${found.length},` : '';
    return [`${line.name}: ${point.label}${among} against ${reference!.label}: ${gapText(gap)}, ${told(gap)}.`];
  });
}

/** Of each line: how far its best point is above its worst; flat where that cannot be told. */
export function flatness(find: Find, lines: readonly SweepLine[]): string[] {
  return lines.flatMap((line) => {
    const found = scored(find, line);
    if (found.length < 2) return [];
    const pairs = found.flatMap(({ point: a }) => found.flatMap(({ point: b }) => { const gap = a === b ? undefined : gapOf(find, line.task, a, b); return gap ? [{ a, b, gap }] : []; }));
    const { a, b, gap } = pairs.reduce((x, y) => (y.gap.gain > x.gap.gain ? y : x)), all = found.length === line.points.length ? '' : ` of the ${found.length} that have been run`;
    return [`${line.name}: the best${all} is ${a.label}, the worst ${b.label}; the difference ${gapText(gap)} is ${gap.low > 0 ? 'larger than chance, although the best and the worst of several are chosen' : 'not to be told from chance'}.`];
  });
}

/** How many runs diverged, of those that have been run. */
export function divergedWords(find: Find, lines: readonly SweepLine[]): string[] {
  const all = lines.flatMap((l) => l.points.map((p) => summarize(find, p.cells))), runs = all.reduce((n, s) => n + s.seeds.length, 0), diverged = all.reduce((n, s) => n + s.diverged, 0);
  return runs ? [`${diverged || 'None'} of ${runs} runs diverged.`] : [];
}

/** Of each task that has a line of rounding and one of SAM-SGA: what training adds at each point. */
export function trainingAdds(find: Find, lines: readonly SweepLine[]): string[] {
  return [...new Set(lines.map((l) => l.task))].flatMap((task) => {
    const [rounded, trained] = (['ptq', 'samSga'] as const).map((method) => lines.find((l) => l.task === task && l.points[0].cells[0].method === method)!);
    const gains = trained.points.flatMap((point) => { const other = rounded.points.find((p) => p.label === point.label), gap = other && gapOf(find, task, point, other); return gap ? [`${point.label} ${gapText(gap)}`] : []; });
    return gains.length ? [`${task}, what SAM-SGA adds to rounding: ${gains.join('; ')}.`] : [];
  });
}
