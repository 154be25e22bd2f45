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
  of: number;
  diverged: number;
}

/** The scores of cells that differ by their seeds. A run that diverged has the score of its last good state. */
export function summarize(find: Find, cells: readonly QuantizeCell[]): Summary {
  const done = cells.flatMap((cell) => { const r = quantizeResult(find, cell); return r ? [{ seed: cell.seed, score: r.score, diverged: r.status === 'diverged' }] : []; });
  const scores = done.flatMap(({ score }) => score ?? []), mean = scores.length ? average(scores) : null;
  const spread = scores.length > 1 ? Math.sqrt(scores.reduce((s, x) => s + (x - mean!) ** 2, 0) / (scores.length - 1)) : null;
  return { mean, spread, seeds: done.map(({ seed }) => seed), of: cells.length, diverged: done.filter((d) => d.diverged).length };
}

/** The row of some cells that differ by their seeds, for programs. */
export function rowOf(find: Find, title: string, task: string, cells: readonly QuantizeCell[]): Row {
  const { mean, spread, seeds, of } = summarize(find, cells), [{ method, bits }] = cells;
  return { method, title, bits, task, metric: METRIC_LABELS[anyTask(task).metric], mean: seeds.length < of ? null : mean, spread, seeds, published: null, difference: null };
}

/** A summary in a table's cell: `84.52 ± 0.31`, `84.52 (1 of 3)`, `not run`. */
export function summaryText({ mean, spread, seeds, of, diverged }: Summary, digits = 2): string {
  if (!seeds.length) return 'not run';
  if (mean === null) return diverged ? 'diverged' : 'no value';
  const marks = [...(seeds.length < of ? [`${seeds.length} of ${of}`] : []), ...(diverged ? [`${diverged} diverged`] : [])];
  return `${mean.toFixed(digits)}${spread === null ? '' : ` ± ${spread.toFixed(digits)}`}${marks.length ? ` (${marks.join(', ')})` : ''}`;
}
