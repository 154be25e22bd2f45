// What came out, in sentences made from results: every number in them is one of a table beside it.
import { difference } from './comparison';
import { summarize } from './summary';
import { caution, gapText, sideOf, told } from './words';
import type { Point, SweepLine } from './sweepView';
import type { QuantizeCell } from '../cells/cell';
import type { Find, Gap } from '../specs/spec';

const gapOf = (find: Find, task: string, ours: Point, theirs: Point): Gap | undefined => difference(find, task, ours.cells, theirs.cells);

/** Points that have a score, with it. */
const scored = (find: Find, { points }: SweepLine) => points.flatMap((point) => { const { mean } = summarize(find, point.cells); return mean === null ? [] : [{ point, mean }]; });

/** Of each line: how every point stands against the reference, and which are beyond their interval. */
export function againstReference(find: Find, lines: readonly SweepLine[], at: number): string[] {
  const all: Gap[] = [], words = lines.flatMap((line) => {
    const reference = line.points.find((p) => p.at === at), found = scored(find, line).flatMap(({ point }) => {
      const gap = reference && point !== reference ? gapOf(find, line.task, point, reference) : undefined;
      return gap ? [{ point, gap }] : [];
    });
    if (!found.length) return [];
    all.push(...found.map(({ gap }) => gap));
    const beside = [...new Set(found.filter(({ gap }) => sideOf(gap)).map(({ gap }) => told(gap)))].map((words) => `${found.filter(({ gap }) => told(gap) === words).map(({ point }) => point.label).join(', ')} ${words}`);
    return [`${line.name}, against ${reference!.label}: ${found.map(({ point, gap }) => `${point.label} ${gapText(gap)}`).join('; ')}. ${beside.length ? `${beside.join('; ')}.` : found.length > 1 ? 'None of them can be told from it.' : 'It cannot be told from it.'}`];
  });
  return words.length ? [...words, ...cautionNote(all)] : [];
}

/** What is to be known of several intervals, as a sentence of its own. */
export function cautionNote(gaps: readonly Gap[]): string[] {
  const words = caution(gaps);
  return words ? [`${words[0].toUpperCase()}${words.slice(1)}.`] : [];
}

/** Of each line: how far its best point is above its worst; flat where that cannot be told. */
export function flatness(find: Find, lines: readonly SweepLine[]): string[] {
  return lines.flatMap((line) => {
    const found = scored(find, line);
    if (found.length < 2) return [];
    const pairs = found.flatMap(({ point: a }) => found.flatMap(({ point: b }) => { const gap = a === b ? undefined : gapOf(find, line.task, a, b); return gap ? [{ a, b, gap }] : []; }));
    const { a, b, gap } = pairs.reduce((x, y) => (y.gap.gain > x.gap.gain ? y : x)), all = found.length === line.points.length ? '' : ` of the ${found.length} that have been run`;
    return [`${line.name}: the best${all} is ${a.label}, the worst ${b.label}; ${found.length > 2 ? 'chosen for lying apart ' : ''}they differ by ${gapText(gap)}: ${sideOf(gap) ? 'beyond the interval' : 'flat as far as can be told'}${gap.once ? ', in these runs' : ''}.`];
  });
}

/** How many runs diverged, of those that have been run. */
export function divergedWords(find: Find, lines: readonly SweepLine[]): string[] {
  const all = lines.flatMap((l) => l.points.map((p) => summarize(find, p.cells))), runs = all.reduce((n, s) => n + s.seeds.length, 0), diverged = all.reduce((n, s) => n + s.diverged, 0);
  return runs ? [`${diverged || 'None'} of ${runs} runs diverged.`] : [];
}

/** Of each task that has a line of rounding and one of SAM-SGA: what training adds at each point. */
export function trainingAdds(find: Find, lines: readonly SweepLine[]): string[] {
  const all: Gap[] = [], words = [...new Set(lines.map((l) => l.task))].flatMap((task) => {
    const [rounded, trained] = (['ptq', 'samSga'] as const).map((method) => lines.find((l) => l.task === task && l.points[0].cells[0].method === method)!);
    const gains = trained.points.flatMap((point) => { const other = rounded.points.find((p) => p.label === point.label), gap = other && gapOf(find, task, point, other); return gap ? [{ point, gap }] : []; });
    all.push(...gains.map(({ gap }) => gap));
    return gains.length ? [`${task}, what SAM-SGA adds to rounding: ${gains.map(({ point, gap }) => `${point.label} ${gapText(gap)}`).join('; ')}.`] : [];
  });
  return [...words, ...cautionNote(all)];
}

/** How much of full precision's score a width may lose and still be called enough. */
const MOST_LOST = 1;

/** Of each line: what its points lose against full precision, and the least width that is shown to lose at most 1 point. Much noise shows nothing: a small test set does not make a width enough. */
export function leastWidths(find: Find, lines: readonly (SweepLine & { full: readonly QuantizeCell[] })[]): string[] {
  const all: Gap[] = [], words = lines.flatMap((line) => {
    const gaps = line.points.flatMap(({ label, cells }) => { const gap = difference(find, line.task, cells, line.full); return gap ? [{ label, gap }] : []; }), least = gaps.find(({ gap }) => gap.low >= -MOST_LOST);
    if (!gaps.length) return [];
    all.push(...gaps.map(({ gap }) => gap));
    const verdict = least ? `${least.label} is the least width shown to lose at most ${MOST_LOST} point` : `no width is shown to lose at most ${MOST_LOST} point`;
    return [`${line.task}, SAM-SGA against full precision: ${gaps.map(({ label, gap }) => `${label} ${gapText(gap)}`).join('; ')}; ${verdict}${gaps.length < line.points.length ? ', of those that have been run' : ''}.`];
  });
  return [...words, ...cautionNote(all)];
}
