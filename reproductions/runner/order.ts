// The order of the cells: what says most for its time first, so that a report is worth reading at any moment.
import { recipeAt } from '../recipe';
import type { Cell, QuantizeCell } from '../cells/cell';

/** Tasks in the order in which their results tell methods apart: large sets and strong teachers first. */
const TASKS = ['SST-2', 'QNLI', 'wikitext-2', 'STS-B', 'QQP', 'MNLI', 'ptb', 'MRPC', 'CoLA', 'RTE'];
const CORE = ['samSga', 'qatRandom', 'adversarial'];
/** A cell of less than so many seconds never waits. */
const CHEAP = 150;

/** Small numbers first: rounding everywhere, the core comparison task by task, the other methods, other widths, more seeds, sweeps, long runs. */
function rank(cell: QuantizeCell, seconds: number): number {
  const own = cell.set.slice(recipeAt(cell.method, cell.preset, cell.bits).length); // the recipe's stand before them
  const sweep = own.some((s) => s.startsWith('steps=')), long = seconds > 1100;
  if (seconds < CHEAP) return 0;
  if (long) return 9;
  if (sweep) return cell.seed === 0 ? 5 : 7;
  if (cell.seed > 0) return cell.seed === 1 ? 4 : 6;
  if (cell.bits !== 'W2A8') return 3;
  return CORE.includes(cell.method) && own.every((s) => s.startsWith('adaptation.')) ? 1 : 2;
}

/** The cells in the order in which they are run; models that must be made stand before the first cell that needs them. */
export function ordered<T extends Cell>(cells: readonly T[], seconds: (cell: T) => number): T[] {
  const place = (list: readonly string[], x: string): number => (list.includes(x) ? list.indexOf(x) : list.length);
  const key = (cell: T): number[] => {
    if (cell.kind !== 'quantize') return [-1, 0, 0, 0];
    const time = seconds(cell), first = rank(cell, time);
    return [first, ...(first === 0 ? [time, place(TASKS, cell.task), 0] : [place(TASKS, cell.task), place(CORE, cell.method), time])];
  };
  return cells.map((cell, i) => ({ cell, key: [...key(cell), i] })).sort((a, b) => {
    const at = a.key.findIndex((x, i) => x !== b.key[i]);
    return a.key[at] - b.key[at];
  }).map(({ cell }) => cell);
}
