// Tables of methods against tasks, from the matrix.
import { METRIC_LABELS } from '../../src/index';
import { anyTask } from '../../datasets';
import { cellsAt, standsAt, variant, type Variant } from '../specs/matrix';
import { bestBaseline, comparable, compare, counts, isText, recovered, type Comparison } from './comparison';
import { publishedGain } from './published';
import { average } from './bootstrap';
import { deviation, rowOf, summarize, summaryText, type Summary } from './summary';
import { caution, gainText, gapText, intervalText, signed, told } from './words';
import { standIn, type Setup } from '../setups';
import type { Preset } from '../cells/cell';
import { quantizeResult, type Find, type Gap, type Row, type View } from '../specs/spec';
import type { QuantizeResult } from '../cells/result';
import type { Table } from '../../src/report';

export interface MatrixOf { id: string; title: string; find: Find; preset: Preset; setups: readonly Setup[]; rows: readonly Variant[]; bits: readonly string[] }

/** Mean over tasks, once every one of them has a score, with its spread over seeds; as many seeds as each of them has. */
function averageOf(summaries: readonly Summary[]): Summary {
  const means = summaries.map((s) => s.mean), mean = means.length && means.every((m) => m !== null) ? average(means as number[]) : null;
  if (mean === null) return { mean, spread: null, seeds: [], scores: [], of: 0, diverged: 0 };
  const { seeds, of } = summaries.reduce((a, b) => (b.seeds.length / b.of < a.seeds.length / a.of ? b : a));
  // the average of each seed that every task has: what varies between runs of the whole
  const scores = seeds.map((seed) => { const each = summaries.map((s) => s.scores[s.seeds.indexOf(seed)] ?? null); return each.every((x) => x !== null) ? average(each as number[]) : null; });
  return { mean, spread: deviation(scores.flatMap((x) => x ?? [])), seeds, scores, of, diverged: summaries.reduce((n, s) => n + s.diverged, 0) };
}

/**
 * One table for each width: methods down, tasks across, the average over the tasks on which methods are compared (comparison.ts), what of the teacher is
 * recovered on them, and what a method costs there.
 */
export function matrixView(of: MatrixOf): View {
  const { find, preset, setups, rows, bits } = of, full = rows.find((r) => r.method === 'full')!, text = isText(setups[0]);
  const counting = setups.filter((s) => counts(find, preset, s, full)), out: Row[] = [];
  const tables = bits.map((width): Table => {
    const shared = comparable(find, preset, setups, rows, width), whole = shared.length === counting.length;
    const shown = rows.filter((r) => standsAt(r, width)).map((row) => {
      const summaries = setups.map((setup) => summarize(find, cellsAt(preset, setup, row, width))), mean = averageOf(summaries.filter((_, i) => shared.includes(setups[i])));
      const shares = shared.map((s) => recovered(find, preset, s, row, full, width)), share = shares.length && shares.every((x) => x !== null) ? average(shares as number[]) : null;
      const numbers = setups.map((setup) => rowOf(find, row.title, setup.task, cellsAt(preset, setup, row, width)));
      out.push(...numbers);
      if (!text) out.push({ ...numbers[0], task: 'average', metric: 'mean of the tasks that count', mean: whole && mean.seeds.length === mean.of ? mean.mean : null, spread: mean.spread, seeds: mean.seeds });
      return [row.title, ...summaries.map((s) => summaryText(s)), ...(text ? [] : [mean.mean === null ? null : summaryText(mean), share === null ? null : 100 * share]), ...costOf(of, shared, row, width)];
    });
    const averages = [{ name: whole || !shared.length ? 'average' : `average of ${shared.map((s) => s.task).join(', ')}`, digits: 2 }, { name: 'recovered', unit: '%', digits: 0 }];
    const columns = [{ name: 'method' }, ...setups.map((s) => ({ name: `${s.task}${counting.includes(s) ? '' : ' *'}` })), ...(text ? [] : averages), { name: 'size', unit: 'MB', digits: 1 }, { name: 'time', unit: 'min', digits: 1 }];
    return { title: `${of.title}${standIn(preset, text ? 'languageModel' : 'encoder')}, ${width}`, columns, rows: shown, note: noteOf(of, counting, width) };
  });
  return { tables, figures: [], notes: [], rows: out };
}

/** Size of the weights and time to make them, mean over tasks and seeds; null until each of the tasks has been run. */
function costOf({ find, preset }: MatrixOf, tasks: readonly Setup[], row: Variant, width: string): (number | null)[] {
  const found = tasks.map((setup) => cellsAt(preset, setup, row, width).flatMap((cell) => quantizeResult(find, cell) ?? []));
  if (!found.length || found.some((of) => !of.length)) return [null, null];
  const mean = (value: (r: QuantizeResult) => number): number => average(found.map((of) => average(of.map(value))));
  return [mean((r) => r.sizeBytes) / 2 ** 20, row.method === 'full' ? null : mean((r) => r.seconds) / 60];
}

function noteOf(of: MatrixOf, counting: readonly Setup[], width: string): string {
  const { preset, setups } = of;
  const metrics = [...new Set(setups.map(({ task }) => METRIC_LABELS[anyTask(task).metric]))], text = isText(setups[0]);
  const excluded = setups.filter((s) => !counting.includes(s)).map(({ task }) => task), models = [...new Set(setups.map(({ model }) => model))];
  return [
    `${metrics.join(', ')} (${text ? 'lower' : 'higher'} is better); mean ± standard deviation over seeds; preset ${preset}; models ${models.join(', ')}; the paper's own scores are not published where we could read`,
    `scored on ${setups.flatMap((s) => examplesOf(of, s) ?? []).join(', ') || 'nothing yet'}`,
    ...(text ? [] : ['recovered: (score - best constant answer) / (full precision - best constant answer)']),
    ...(setups.some((s) => s.foreign) ? ['the generator has another vocabulary: GPTQ and ZeroQuant read random tokens, and LLM-QAT has no row'] : []),
    ...bitsNote(of, width),
    'time: of making it, on one core while another cell had the other, or on both',
    ...(excluded.length ? [`* no part in average and claims: the teacher of ${excluded.join(' and ')} is less than 10 above the best constant answer`] : []),
  ].join('; ');
}

/** What a width leaves out: bits a parameter of a rounded model, all of its files' weights counted. */
function bitsNote({ find, preset, setups }: MatrixOf, width: string): string[] {
  const sizes = setups.flatMap((setup) => {
    const [whole, rounded] = [['full', 'W32A32'], ['ptq', width]].map(([key, bits]) => quantizeResult(find, cellsAt(preset, setup, variant(preset, key), bits)[0])?.sizeBytes);
    return whole && rounded ? [32 * rounded / whole] : [];
  });
  return sizes.length ? [`${width} is of the linear layers: word embeddings have 8 bits, position embeddings, norms, biases and heads of their own 32, which makes ${average(sizes).toFixed(1)} bits a parameter on average with a scale for each row`] : [];
}

/** How much a task is scored on, once its teacher has been. */
function examplesOf({ find, preset, rows }: MatrixOf, setup: Setup): string | undefined {
  const r = quantizeResult(find, cellsAt(preset, setup, rows.find((row) => row.method === 'full')!, 'W32A32')[0]);
  return r && `${setup.task} ${r.examples.toLocaleString('en')}${isText(setup) ? ' tokens' : ''}`;
}

/** The honest headline: SAM-SGA against the best zero-shot baseline at each width, with its interval, beside the paper's gain. */
export function headline({ id, find, preset, setups, rows, bits }: MatrixOf): Pick<View, 'notes'> & { tables: Table[]; gains: Comparison[] } {
  const gains = bits.flatMap((width) => bestBaseline(find, preset, setups, rows, width, publishedGain(id, width)) ?? []);
  const words = (g: Comparison): string => `${g.over}, the best of the zero-shot baselines that have been run on these tasks${g.leftOut.length ? ` (not run on all of them: ${g.leftOut.join('; ')})` : ''},`;
  return { gains, tables: gains.length ? [gainTable('SAM-SGA against the best zero-shot baseline', gains)] : [], notes: gains.map((g) => sentence({ ...g, over: words(g) })) };
}

/** How much SAM's perturbation raises the divergence that it then minimizes: near nothing, it tests nothing; many times that, the student is trained far from where it is. */
export function riseNote({ find, preset, setups, rows, bits }: MatrixOf): string[] {
  const ours = rows.find((r) => r.role === 'ours')!;
  const rises = bits.flatMap((width) => {
    const found = setups.flatMap((s) => cellsAt(preset, s, ours, width).flatMap((cell) => { const r = quantizeResult(find, cell); return r?.sharpness == null ? [] : [{ rise: r.sharpness, beta: r.settings.beta }]; }));
    return found.length ? [`${(100 * average(found.map(({ rise }) => rise))).toFixed(0)} % at ${width} (beta ${[...new Set(found.map(({ beta }) => String(beta)))].join(' and ')})`] : [];
  });
  return rises.length ? [`SAM's perturbation raises the divergence by ${rises.join(', ')}, the mean over steps, tasks and seeds: of a student that is near its teacher the same radius asks for more.`] : [];
}

/** SAM-SGA against given rows; against rounding from 4 bits on only, for at 2 bits everything beats it. */
export function against(of: MatrixOf, keys: readonly string[]): Comparison[] {
  const { find, preset, setups, rows, bits } = of, full = rows.find((r) => r.method === 'full')!, counting = setups.filter((s) => counts(find, preset, s, full));
  const stands = (row: Variant, width: string): boolean => keys.includes(row.key) && standsAt(row, width) && !(row.method === 'ptq' && width === 'W2A8');
  return bits.flatMap((width) => rows.filter((row) => stands(row, width)).flatMap((row) => compare({ ...of, bits: width }, counting, row, null) ?? []));
}

/** Averages and their difference beside the paper's. */
export function gainTable(title: string, gains: readonly Comparison[]): Table {
  const tasks = (g: Comparison): string => (g.tasks.length === g.counting ? `all ${g.counting} that count` : g.tasks.join(', '));
  return {
    title, columns: [{ name: 'bits' }, { name: 'over' }, { name: 'tasks' }, { name: 'SAM-SGA', digits: 2 }, { name: 'the other', digits: 2 }, { name: 'gain' }, { name: '95 % interval' }, { name: 'seeds' }, { name: 'full precision is ahead by' }, { name: 'published gain' }],
    rows: gains.map((g) => [g.bits, g.over, tasks(g), g.ours, g.theirs, gainText(g), intervalText(g), seedsText(g), g.room === null ? null : signed(g.room), g.published === null ? 'not published' : signed(g.published)]),
    note: `${comparisonNote(gains)}; the baseline is chosen on the same scores; full precision is ahead of the baseline by what there is to gain; the paper does not say which baseline its gains are over`,
  };
}

/** A method in each row, with the difference on each task, for an average may hide opposite ones. */
export function eachTable(title: string, gains: readonly Comparison[], setups: readonly Setup[]): Table {
  const tasks = setups.filter(({ task }) => gains.some((g) => g.tasks.includes(task)));
  const on = (g: Comparison, { task }: Setup): string => { const found = g.each.find((e) => e.task === task); return found ? gapText(found) : 'not run'; };
  return {
    title, columns: [{ name: 'over' }, ...tasks.map(({ task }) => ({ name: task })), ...(tasks.length > 1 ? [{ name: 'average' }] : []), { name: 'seeds' }],
    rows: gains.map((g) => [g.over, ...tasks.map((s) => on(g, s)), ...(tasks.length > 1 ? [gapText(g)] : []), seedsText(g)]),
    note: `${comparisonNote(gains, gains.flatMap((g) => (tasks.length > 1 ? [...g.each, g] : [g])))}; the average is over the tasks of its row`,
  };
}

/** A method in each row, with the difference of the averages and what may be said of it. */
export function shortTable(title: string, gains: readonly Comparison[]): Table {
  return {
    title, columns: [{ name: 'SAM-SGA over' }, { name: 'tasks' }, { name: 'SAM-SGA', digits: 2 }, { name: 'the other', digits: 2 }, { name: 'difference' }, { name: 'SAM-SGA is' }, { name: 'seeds' }],
    rows: gains.map((g) => [g.over, g.tasks.join(', '), g.ours, g.theirs, gapText(g), told(g), seedsText(g)]), note: comparisonNote(gains),
  };
}

/** Seeds of SAM-SGA and of the other, which may need none. */
const seedsText = ({ seeds: { ours, theirs } }: Comparison): string => `${ours} / ${theirs ?? '–'}`;

const several = (n: number | null): boolean => n !== null && n > 1;
/** Whether a side's runs differ by their seeds and it has one only, so that the interval knows nothing of its other runs. */
const single = (n: number | null): boolean => n === 1;

function comparisonNote(gains: readonly Comparison[], shown: readonly Gap[] = gains): string {
  const sides = gains.flatMap(({ seeds: { ours, theirs } }) => [ours, theirs]), over = sides.some(several) ? 'over examples, and over the seeds of a side that has several' : 'over examples';
  return [`positive is better; 95 % intervals of a paired bootstrap ${over}`, caution(shown), 'seeds: of SAM-SGA / of the other, – where another gives the same'].filter(Boolean).join('; ');
}

/** What a comparison says, in words: of methods where both have been run several times, else of these runs. */
export function sentence(found: Comparison): string {
  const { bits, over, gain, low, high, apart, published, tasks, counting, seeds: { ours, theirs }, room } = found;
  const named = (which: (n: number | null) => boolean): string[] => [...(which(ours) ? ['SAM-SGA'] : []), ...(which(theirs) ? ['the other'] : [])], one = named(single), more = named(several);
  const width = `95 % interval over examples${more.length ? ` and seeds of ${more.join(' and ')}` : ''}`;
  const beside = published === null ? '' : `; the paper states +${published} for its own models${room === null ? '' : `, here full precision is ${Math.abs(room).toFixed(2)} ${room < 0 ? 'behind' : 'ahead of'} that baseline${room < published ? ', so that so much cannot be gained' : ''}`}`;
  const unlike = [...(one.length ? [`One seed of ${one.join(' and ')}: another run may differ by more than the interval.`] : []), ...(apart ? ['The two ran on different processors, which weighs as much as another seed.'] : [])];
  return [`${bits}: SAM-SGA is ${told(found)}: ${signed(gain)} (${width} ${intervalText({ low, high })}) against ${over} on ${tasks.length} of the ${counting} tasks that count${beside}.`, ...unlike].join(' ');
}
