// Tables of methods against tasks, from the matrix.
import { METRIC_LABELS } from '../../src/index';
import { anyTask } from '../../datasets';
import { cellsAt, standsAt, type Variant } from '../specs/matrix';
import { bestBaseline, compare, counts, isText, recovered, type Comparison } from './comparison';
import { publishedGain } from './published';
import { summarize, summaryText, type Summary } from './summary';
import { standIn, type Setup } from '../setups';
import type { Preset } from '../cells/cell';
import type { Find, Row, View } from '../specs/spec';
import type { Table } from '../../src/report';

export interface MatrixOf { id: string; title: string; find: Find; preset: Preset; setups: readonly Setup[]; rows: readonly Variant[]; bits: readonly string[] }

/** Mean over tasks, once every one of them has a score. */
function averageOf(summaries: readonly Summary[]): number | null {
  const means = summaries.map((s) => s.mean);
  return means.length && means.every((m) => m !== null) ? (means as number[]).reduce((a, b) => a + b, 0) / means.length : null;
}

/** One table for each width: methods down, tasks across, the average of the tasks that count, and what of the teacher is recovered. */
export function matrixView(of: MatrixOf): View {
  const { find, preset, setups, rows, bits } = of, full = rows.find((r) => r.method === 'full')!, text = isText(setups[0]);
  const counting = setups.filter((s) => counts(find, preset, s, full)), out: Row[] = [];
  const tables = bits.map((width): Table => {
    const shown = rows.filter((r) => standsAt(r, width)).map((row) => {
      const summaries = setups.map((setup) => summarize(find, cellsAt(preset, setup, row, width)));
      const average = averageOf(summaries.filter((_, i) => counting.includes(setups[i]))), shares = counting.map((s) => recovered(find, preset, s, row, full, width));
      const share = shares.length && shares.every((x) => x !== null) ? (shares as number[]).reduce((a, b) => a + b, 0) / shares.length : null;
      setups.forEach((setup, i) => out.push(rowOf(row, width, setup.task, summaries[i])));
      if (!text) out.push({ ...rowOf(row, width, 'average', { mean: average, spread: null, seeds: [], of: 0, diverged: 0 }), metric: 'mean of the tasks that count' });
      return [row.title, ...summaries.map((s) => summaryText(s)), ...(text ? [] : [average, share === null ? null : 100 * share])];
    });
    const columns = [{ name: 'method' }, ...setups.map((s) => ({ name: `${s.task}${counting.includes(s) ? '' : ' *'}` })), ...(text ? [] : [{ name: 'average', digits: 2 }, { name: 'recovered', unit: '%', digits: 0 }])];
    return { title: `${of.title}${standIn(preset, text ? 'languageModel' : 'encoder')}, ${width}`, columns, rows: shown, note: noteOf(of, counting) };
  });
  return { tables, figures: [], notes: [], rows: out };
}

function rowOf({ method, title }: Variant, bits: string, task: string, { mean, spread, seeds, of, diverged: _ }: Summary): Row {
  const known = task === 'average' ? null : METRIC_LABELS[anyTask(task).metric];
  return { method, title, bits: method === 'full' ? 'W32A32' : bits, task, metric: known, mean: seeds.length < of ? null : mean, spread, seeds, published: null, difference: null };
}

function noteOf({ preset, setups }: MatrixOf, counting: readonly Setup[]): string {
  const metrics = [...new Set(setups.map(({ task }) => METRIC_LABELS[anyTask(task).metric]))], text = isText(setups[0]);
  const excluded = setups.filter((s) => !counting.includes(s)).map(({ task }) => task), models = [...new Set(setups.map(({ model }) => model))];
  return [
    `${metrics.join(', ')} (${text ? 'lower' : 'higher'} is better); mean ± standard deviation over seeds; preset ${preset}; models ${models.join(', ')}; the paper's own scores are not published where we could read`,
    ...(text ? [] : ['recovered: (score - best constant answer) / (full precision - best constant answer)']),
    ...(excluded.length ? [`* no part in average and claims: the teacher of ${excluded.join(' and ')} is less than 10 above the best constant answer`] : []),
  ].join('; ');
}

/** The honest headline: SAM-SGA against the best zero-shot baseline at each width, with its interval, beside the paper's gain. */
export function headline({ id, find, preset, setups, rows, bits }: MatrixOf): Pick<View, 'notes'> & { tables: Table[]; gains: Comparison[] } {
  const gains = bits.flatMap((width) => bestBaseline(find, preset, setups, rows, width, publishedGain(id, width)) ?? []);
  return { gains, tables: gains.length ? [gainTable('SAM-SGA against the best zero-shot baseline', gains, setups)] : [], notes: gains.map((g) => sentence({ ...g, over: `${g.over}, the best zero-shot baseline,` }, setups)) };
}

/** SAM-SGA against given rows. */
export function against({ find, preset, setups, rows, bits }: MatrixOf, keys: readonly string[]): Comparison[] {
  const ours = rows.find((r) => r.role === 'ours')!, full = rows.find((r) => r.method === 'full')!, counting = setups.filter((s) => counts(find, preset, s, full));
  return bits.flatMap((width) => rows.filter((r) => keys.includes(r.key) && standsAt(r, width)).flatMap((row) => compare(find, preset, counting, ours, row, width, null) ?? []));
}

const signed = (x: number): string => `${x >= 0 ? '+' : '-'}${Math.abs(x).toFixed(2)}`;

export function gainTable(title: string, gains: readonly Comparison[], setups: readonly Setup[]): Table {
  return {
    title, columns: [{ name: 'bits' }, { name: 'over' }, { name: 'tasks' }, { name: 'gain' }, { name: '95 % interval' }, { name: 'published gain' }],
    rows: gains.map((g) => [g.bits, g.over, g.tasks.length === setups.length ? `all ${g.tasks.length}` : g.tasks.join(', '), signed(g.gain!), `${signed(g.low!)} to ${signed(g.high!)}`, g.published === null ? 'not published' : signed(g.published)]),
    note: `average over tasks, positive is better; paired bootstrap over examples and seeds, 1000 resamples; ${[...new Set(gains.map((g) => g.note))].join('; ')} (ours/theirs)${gains.some((g) => g.published !== null) ? '; the paper does not say which baseline its gains are over' : ''}`,
  };
}

/** What a comparison says, in words. */
export function sentence({ bits, over, gain, low, high, published, tasks }: Comparison, setups: readonly Setup[]): string {
  const verdict = low! > 0 ? 'SAM-SGA is better' : high! < 0 ? 'SAM-SGA is worse' : 'no difference can be told';
  const beside = published === null ? '' : `; the paper states +${published} for its own models`;
  return `${bits}: ${verdict}: ${signed(gain!)} (95 % interval ${signed(low!)} to ${signed(high!)}) against ${over} on ${tasks.length} of ${setups.length} tasks${beside}.`;
}
