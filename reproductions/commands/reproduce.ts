import { ZsaqError } from '../../src/index';
import { durationText, toText } from '../../src/report';
import { optional, wholeNumber, type Command, type Outcome, type Values } from '../../src/commands/command';
import { contentOf, idOf, labelOf, unique, type Cell, type QuantizeCell } from '../cells/cell';
import { allResults, resultOf, type QuantizeResult } from '../cells/result';
import { runCell } from '../cells/run';
import { isDone } from '../models';
import { allCells, cellOf, specOf, SPECS } from '../registry';
import { measured, secondsOf } from '../runner/estimate';
import { ordered } from '../runner/order';
import { modelCellOf, prepare, waitsFor } from '../runner/prepare';
import { BUSY, matching, runCells } from '../runner/runner';
import { megabytesOf } from '../runner/size';
import { placesOf } from './places';

export const reproduceCommand: Command = {
  name: 'reproduce',
  summary: 'rerun tables, figures and open questions of the paper, cell by cell',
  help: `zsaq reproduce --list | NAME... [options]

  NAME               ${SPECS.map((s) => s.id).join(', ')}; all: every one
  --list             names all of them with their cells, how many are done and the time left; with NAMEs their cells
  --preset NAME      smoke | mini | paper (mini): bundled models in seconds; real small models on two cores; the paper's on a GPU
  --seeds LIST       only these seeds: 0 or 0,1,2
  --only PATTERN     only cells whose description holds this; * stands for anything: --only 'SST-2 W2A8'
  --workers N        cells at a time (1), each with its share of the cores and its own memory (Linux): 2 on two cores finish more than one after the other
  --budget MINUTES   start no cell after this time
  --dry-run          say what would be run, in which order and how long, without running it
  --data DIR         folder of the real data sets (ZSAQ_DATA)
  --results DIR      folder of results, in whose cells/ each cell leaves a file (reproductions/results; of smoke runs/reproductions/results)
  --work DIR         folder of unfinished runs and logs (runs/reproductions)
  --cell ID          runs this one cell in this process: what workflow engines call
  --json             last line of standard output: one JSON object

A finished cell is never computed twice; one that was stopped, also by kill -9, goes on from its checkpoint (a minute of it may be lost).
Several runners may share a folder: a cell belongs to one of them. Models are found in ZSAQ_MODELS and in ZSAQ_MADE (runs/models), where
missing generators are made. Example:
  zsaq reproduce table1 --preset smoke`,
  options: {
    list: { type: 'boolean' }, preset: { type: 'string' }, seeds: { type: 'string' }, only: { type: 'string' }, workers: { type: 'string' }, budget: { type: 'string' }, 'dry-run': { type: 'boolean' },
    data: { type: 'string' }, results: { type: 'string' }, work: { type: 'string' }, cell: { type: 'string' },
  },
  words: 'names of tables and figures',
  async run(values, signal) {
    if (typeof values.cell === 'string') return runOneCell(values, values.cell, signal);
    const names = (values.words ?? []) as string[], { preset, results, dataDir } = placesOf(values, 'mini');
    if (values.list && !names.length) return list(values);
    if (!names.length) throw new ZsaqError('usage', 'reproduce: say which table or figure, or --list: see `zsaq reproduce --help`');
    const cells = chosen(values, names), known = [...allResults(results).values()], times = measured(known), seconds = (cell: Cell) => secondsOf(cell, times);
    const { done, todo, unavailable } = prepare(cells, results, { dataDir, known }), queue = ordered(todo, seconds);
    for (const why of new Set([...unavailable.map((u) => u.why), ...names.filter((n) => n !== 'all').flatMap((n) => (specOf(n).cells(preset).length ? [] : [`${n}: ${specOf(n).absent?.(preset) ?? 'no cells'}`]))])) console.error(`unavailable: ${why}`);
    const left = queue.reduce((sum, cell) => sum + seconds(cell), 0);
    if (values['dry-run'] || values.list) return shown(queue, done, unavailable.length, seconds, left, results);
    return runQueue(values, queue, seconds, done.length, unavailable.length, signal);
  },
};

/** The cells of some names, less those that the options leave out. */
function chosen(values: Values, names: readonly string[]): QuantizeCell[] {
  const { preset } = placesOf(values, 'mini'), seeds = optional(values, 'seeds')?.split(',').map(Number), only = optional(values, 'only');
  if (seeds?.some((s) => !Number.isInteger(s) || s < 0)) throw new ZsaqError('usage', `--seeds ${optional(values, 'seeds')}: give whole numbers, as in 0,1,2`);
  const all = (names.includes('all') ? allCells(preset) : unique(names.flatMap((n) => specOf(n).cells(preset)))) as QuantizeCell[];
  const kept = all.filter((c) => !seeds || seeds.includes(c.seed)), found = only === undefined ? kept : matching(kept, only);
  if (all.length && !found.length) throw new ZsaqError('usage', `no cell of ${names.join(', ')} at preset ${preset} fits --only ${only ?? ''} --seeds ${optional(values, 'seeds') ?? 'any'}: \`zsaq reproduce ${names.join(' ')} --list\` names them`);
  return found;
}

/** Every table, figure and question with its cells, those done, those that cannot be run here, and the time left. */
function list(values: Values): Outcome {
  const { preset, results, dataDir } = placesOf(values, 'mini'), known = measured(allResults(results).values()), seconds = (cell: Cell) => secondsOf(cell, known);
  const rows = SPECS.map((spec) => {
    const cells = spec.cells(preset), { done, todo, unavailable } = prepare(cells, results, { dataDir });
    return { name: spec.id, kind: spec.group, title: spec.title, preset, cells: unique(cells).length, done: done.length, unavailable: unavailable.length, secondsLeft: todo.reduce((sum, c) => sum + seconds(c), 0), note: cells.length ? unavailable[0]?.why ?? null : spec.absent?.(preset) ?? null };
  });
  const all = prepare(allCells(preset), results, { dataDir }), left = all.todo.reduce((sum, c) => sum + seconds(c), 0);
  const table = {
    columns: [{ name: 'name' }, { name: 'what' }, { name: 'cells' }, { name: 'done' }, { name: 'unavailable' }, { name: 'time left' }],
    rows: rows.map((r) => [r.name, r.title, r.cells, r.done, r.unavailable || null, !r.cells ? 'not run' : r.secondsLeft ? durationText(r.secondsLeft) : r.unavailable ? null : 'none']),
    note: `preset ${preset}; tables share cells: ${all.done.length} of ${allCells(preset).length} in all are done, ${all.unavailable.length ? `${all.unavailable.length} cannot be run here, ` : ''}${left || !all.unavailable.length ? `${durationText(left)} left` : 'none is left that could be'}`,
  };
  const notes = [...new Set(rows.flatMap((r) => (r.note ? [`${r.cells ? '' : `${r.name}: `}${r.note}\n`] : [])))];
  return { text: `${toText(table)}${notes.join('')}`, json: { preset, specs: rows, cells: [...all.done.map((c) => ({ c, state: 'done' })), ...all.todo.map((c) => ({ c, state: 'todo' })), ...all.unavailable.map(({ cell: c }) => ({ c, state: 'unavailable' }))].map(({ c, state }) => ({ id: idOf(c), label: labelOf(c), state })), done: all.done.length, secondsLeft: left } };
}

function shown(queue: readonly Cell[], done: readonly Cell[], unavailable: number, seconds: (cell: Cell) => number, left: number, results: string): Outcome {
  const models = queue.filter((c) => c.kind !== 'quantize');
  const table = { columns: [{ name: 'cell' }, { name: 'what' }, { name: 'time' }, { name: 'memory', unit: 'MB' }], rows: queue.map((c) => [idOf(c), labelOf(c), durationText(seconds(c)), megabytesOf(c)]), note: `${queue.length} to run in this order, ${durationText(left)} in all${queue.some((c) => c.preset === 'paper') ? ' on a GPU of 10^13 operations a second, by operations counted from shapes' : ''}; ${done.length} done, ${unavailable} unavailable` };
  return { text: toText(table), json: { todo: queue.map((c) => ({ id: idOf(c), label: labelOf(c), seconds: seconds(c), megabytes: megabytesOf(c), needs: models.filter((m) => waitsFor(c, new Set([contentOf(m)]))).map(idOf) })), done: done.map(idOf), unavailable, secondsLeft: left, results } };
}

async function runQueue(values: Values, queue: readonly Cell[], seconds: (cell: Cell) => number, done: number, unavailable: number, signal: AbortSignal): Promise<Outcome> {
  const { preset, results, work, dataDir } = placesOf(values, 'mini'), budget = values.budget === undefined ? Infinity : 60 * wholeNumber(values, 'budget', 0);
  const ran = await runCells(queue, { preset, results, work, dataDir, signal, seconds, budget, workers: Math.max(1, wholeNumber(values, 'workers', 1)), say: (line) => console.error(line) });
  const parts = [`${ran.finished.length} cells run`, `${done} were done before`, ...(ran.failed.length ? [`${ran.failed.length} failed`] : []), ...(ran.busy.length ? [`${ran.busy.length} in work elsewhere`] : []), ...(unavailable ? [`${unavailable} unavailable`] : []), ...(ran.left ? [`${ran.left} left: the same command goes on`] : [])];
  return { text: `${parts.join(', ')}\nresults: ${results}\nsee them: zsaq report --preset ${preset}\n`, json: { ...ran, done, unavailable, results }, exitCode: ran.failed.length ? 1 : signal.aborted ? 130 : 0 };
}

/** One cell in this process. The runner, if there is one, hears how far it is; without it the cell saves and ends. */
async function runOneCell(values: Values, id: string, signal: AbortSignal): Promise<Outcome> {
  const { preset, results, work, dataDir } = placesOf(values, 'mini'), cell = modelCellOf(id, preset, allCells(preset)) ?? cellOf(id, preset), stop = new AbortController();
  const before = resultOf(results, cell), onAlready = (): void => { if (process.connected) process.send!({ already: true }); };
  if (before && isDone(results, cell)) {
    onAlready();
    return { text: `${labelOf(cell)} is done\n`, json: { id, status: before.status } };
  }
  signal.addEventListener('abort', () => stop.abort());
  if (signal.aborted) stop.abort();
  if (process.send) process.on('disconnect', () => stop.abort());
  process.channel?.unref(); // listening alone must not keep this process alive
  console.error(`${new Date().toISOString()} ${labelOf(cell)}`);
  try {
    const result = await runCell(cell, { results, work, dataDir, signal: stop.signal, onAlready, onProgress: (share) => { if (process.connected) process.send!({ share }); } });
    if (!result) return { text: `stopped; the same command goes on\n`, json: { id, status: 'cancelled' }, exitCode: 130 };
    const score = cell.kind === 'quantize' ? `: ${(result as QuantizeResult).metric} ${(result as QuantizeResult).score?.toFixed(2) ?? 'not finite'}` : '';
    return { text: `${labelOf(cell)}${score}${result.status === 'ok' ? '' : ` (${result.status})`}\n`, json: { id, status: result.status } };
  } catch (e) {
    if (!(e instanceof ZsaqError) || e.code !== 'busy') throw e;
    console.error(`zsaq: ${e.message}`);
    return { text: '', json: { id, status: 'busy' }, exitCode: BUSY };
  }
}
