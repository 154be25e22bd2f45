// Sweeps: one setting across, a line for each task or method.
import { METRIC_LABELS } from '../../src/index';
import { lineFigure, type Axis, type Figure, type Line, type Table } from '../../src/report';
import { anyTask } from '../../datasets';
import { processorsOf, seedless } from './comparison';
import { rowOf, summarize, summaryText } from './summary';
import { APART, APART_WORDS } from './words';
import type { QuantizeCell } from '../cells/cell';
import type { Find, Row, View } from '../specs/spec';

/** One point of a sweep: the cells that differ by their seeds. */
export interface Point { at: number; label: string; cells: readonly QuantizeCell[] }

/** One line of a sweep. */
export interface SweepLine { name: string; task: string; points: readonly Point[] }

export interface SweepOf {
  id: string; title: string; axis: string; log?: boolean;
  /** places of the axis have names and no order of their own: `at` counts them */
  named?: boolean;
  find: Find; lines: readonly SweepLine[]; note: string;
  /** lines that stand in the figure; all of them unless told */
  drawn?(line: SweepLine): boolean;
  /** what came out, in sentences */
  notes?: readonly string[];
  /** further columns of a point */
  extra?: { name: string; digits?: number; unit?: string; of(cells: readonly QuantizeCell[]): number | null }[];
}

/** A table with a row for each point of each line, and a figure with a band of one standard deviation for each metric. */
export function sweepView({ id, title, axis, log, named, find, lines, note, drawn = () => true, notes = [], extra = [] }: SweepOf): View {
  const rows: Row[] = [], apart = new Set(lines.flatMap((line) => apartOf(find, line))), body = lines.flatMap((line) => line.points.map(({ at, label, cells }) => {
    const s = summarize(find, cells);
    rows.push({ ...rowOf(find, line.name, line.task, cells), at: { [axis]: at } });
    return [line.name, label, `${summaryText(s)}${apart.has(cells) ? ` ${APART}` : ''}`, s.seeds.length ? `${s.diverged} of ${s.seeds.length}` : null, ...extra.map((e) => e.of(cells))];
  }));
  const table: Table = { title, columns: [{ name: 'line' }, { name: axis }, { name: 'score' }, { name: 'diverged' }, ...extra.map(({ name, digits, unit }) => ({ name, digits, unit }))], rows: body, note: `${note}${apart.size ? `; ${APART} on another processor than most of its line, ${APART_WORDS}` : ''}` };
  return { tables: [table], figures: figuresOf(id, `${title}${lines.some((line) => drawn(line) && line.points.some(({ cells }) => apart.has(cells))) ? ` (${APART} in the table: from two processors)` : ''}`, { title: axis, log, ...(named ? { names: lines[0].points.map((p) => p.label) } : {}) }, find, lines.filter(drawn)), notes: [...notes], rows };
}

/** Trained points of a line that ran on another processor than most of it. */
function apartOf(find: Find, { points }: SweepLine): (readonly QuantizeCell[])[] {
  const found = points.filter(({ cells }) => !seedless(cells[0])).flatMap(({ cells }) => { const on = processorsOf(find, cells); return on.length ? [{ cells, on }] : []; });
  const count = (name: string): number => found.filter(({ on }) => on.includes(name)).length, all = [...new Set(found.flatMap(({ on }) => on))].sort((a, b) => count(b) - count(a));
  return found.filter(({ on }) => !on.includes(all[0])).map(({ cells }) => cells);
}

/** One figure for each metric: perplexity and accuracy share no axis. */
function figuresOf(id: string, title: string, x: Axis, find: Find, lines: readonly SweepLine[]): { name: string; figure: Figure }[] {
  const metrics = [...new Set(lines.map((l) => anyTask(l.task).metric))];
  return metrics.flatMap((metric) => {
    const drawn = lines.filter((l) => anyTask(l.task).metric === metric).flatMap(({ name, points }): Line[] => {
      const known = points.map(({ at, cells }) => ({ at, ...summarize(find, cells) })).filter((p) => p.mean !== null);
      if (!known.length) return [];
      const spread = known.some((p) => p.spread !== null), edge = (sign: number) => known.map((p) => p.mean! + sign * (p.spread ?? 0));
      return [{ name, x: known.map((p) => p.at), y: known.map((p) => p.mean!), markers: true, ...(spread ? { low: edge(-1), high: edge(1) } : {}) }];
    });
    // one point is no line, and one line has no legend
    return drawn.some((line) => line.x.length > 1) ? [{ name: metrics.length > 1 ? `${id}-${metric}` : id, figure: lineFigure({ title: drawn.length > 1 ? title : `${title}: ${drawn[0].name}`, x, y: { title: METRIC_LABELS[metric] }, lines: drawn }) }] : [];
  });
}
