// From the results of some cells to what a table shows of them.
import type { QuantizeCell } from '../cells/cell';
import { anyTask } from '../../datasets';
import { METRIC_LABELS } from '../../src/index';
import { quantizeResult, type Find, type Row } from '../specs/spec';
import { average } from './bootstrap';

/** Mean and spread over seeds. */
export interface Summary {
  mean: number | null;
  /** standard deviation (n - 1); null with one seed */
  spread: number | null;
  seeds: number[];
  /** of each seed; null where a run gave no number */
  scores: (number | null)[];
  of: number;
  diverged: number;
}

/** Standard deviation (n - 1); null of less than two. */
export function deviation(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const mean = average(values);
  return Math.sqrt(values.reduce((s, x) => s + (x - mean) ** 2, 0) / (values.length - 1));
}

/** The scores of cells that differ by their seeds. A run that diverged has the score of its last good state. */
export function summarize(find: Find, cells: readonly QuantizeCell[]): Summary {
  const done = cells.flatMap((cell) => { const r = quantizeResult(find, cell); return r ? [{ seed: cell.seed, score: r.score, diverged: r.status === 'diverged' }] : []; });
  const scores = done.flatMap(({ score }) => score ?? []), mean = scores.length ? average(scores) : null;
  return { mean, spread: deviation(scores), seeds: done.map(({ seed }) => seed), scores: done.map(({ score }) => score), of: cells.length, diverged: done.filter((d) => d.diverged).length };
}

/** The row of some cells that differ by their seeds, for programs. */
export function rowOf(find: Find, title: string, task: string, cells: readonly QuantizeCell[]): Row {
  const { mean, spread, seeds, of } = summarize(find, cells);
  return scoreRow(cells[0], title, task, { mean: seeds.length < of ? null : mean, spread, seeds });
}

/** The row of a score that one cell has on a task, its own or another. */
export function scoreRow({ method, bits }: QuantizeCell, title: string, task: string, score: Pick<Row, 'mean' | 'spread' | 'seeds'>): Row {
  return { method, title, bits, task, metric: METRIC_LABELS[anyTask(task).metric], ...score, published: null, difference: null };
}

/** A summary in a table's cell: `84.52 ± 0.31`, `84.52 (1 of 3)`, `not run`. */
export function summaryText({ mean, spread, seeds, of, diverged }: Summary, digits = 2): string {
  if (!seeds.length) return 'not run';
  if (mean === null) return diverged ? 'diverged' : 'no value';
  const marks = [...(seeds.length < of ? [`${seeds.length} of ${of}`] : []), ...(diverged ? [`${diverged} diverged`] : [])];
  return `${mean.toFixed(digits)}${spread === null ? '' : ` ± ${spread.toFixed(digits)}`}${marks.length ? ` (${marks.join(', ')})` : ''}`;
}
