// What of some cells is done, can be run, or cannot: before anything starts.
import { existsSync } from 'node:fs';
import { ZsaqError } from '../../src/index';
import { findModel } from '../../src/commands/modelFolder';
import { loadEvaluation } from '../../datasets';
import { contentOf, idOf, unique, type Cell, type ModelCell, type Preset, type QuantizeCell } from '../cells/cell';
import { dataHash } from '../cells/evaluation';
import { resultOf, type CellResult, type QuantizeResult } from '../cells/result';
import { recipeOf, weightsHash, whyMissing } from '../models';

export interface Prepared {
  done: Cell[];
  /** those to run; models that are missing first */
  todo: Cell[];
  unavailable: { cell: QuantizeCell; why: string }[];
}

/** Models that a cell names. */
const namesOf = ({ model, generator, bank, landscape, transfer }: QuantizeCell): string[] => [...new Set([model, generator, bank, landscape, ...transfer.map((t) => t.model)].flatMap((name) => name ?? []))];

/** @param results folder of the result files  @param known what it holds: models and evaluation sets that are here are compared with theirs */
export function prepare(cells: readonly QuantizeCell[], results: string, { dataDir, known }: { dataDir?: string; known?: Iterable<CellResult> } = {}): Prepared {
  const out: Prepared = { done: [], todo: [], unavailable: [] }, models: ModelCell[] = [], unlike = known ? otherExamples(known, results, dataDir) : () => undefined;
  for (const cell of unique(cells) as QuantizeCell[]) {
    const result = resultOf(results, cell);
    if (result && (!known || sameModels(cell, result))) { out.done.push(cell); continue; }
    const why = result ? `${idOf(cell)}.json was made with another model than the one that is here: remove the file to run the cell again` : unlike(cell) ?? needs(cell, dataDir, models);
    if (why === undefined) out.todo.push(cell);
    else out.unavailable.push({ cell, why });
  }
  out.todo.unshift(...unique(models));
  return out;
}

/** Whether a result was made with the models that are here now; those that are not here are taken on trust. */
function sameModels(cell: QuantizeCell, result: CellResult): boolean {
  const { hashes } = result as QuantizeResult, here = (name: string | null, hash: string | null): boolean => {
    const dir = name === null ? undefined : findModel(name);
    return !dir || !existsSync(dir) || weightsHash(dir) === hash;
  };
  return here(cell.model, hashes.model) && here(cell.generator, hashes.generator);
}

/** Why a cell must not be scored beside the results of its task, or nothing: a table pairs their examples one by one. */
function otherExamples(known: Iterable<CellResult>, results: string, dataDir: string | undefined): (cell: QuantizeCell) => string | undefined {
  const before = new Map<string, QuantizeResult>(), said = new Map<string, string | undefined>();
  for (const result of known) if (result.cell.kind === 'quantize') before.set(result.cell.task, result as QuantizeResult);
  const look = (task: string): string | undefined => {
    try {
      const there = before.get(task);
      if (!there || (!task.startsWith('pocket-') && !dataDir) || dataHash(loadEvaluation(task, dataDir)) === there.hashes.data) return undefined;
      return `the evaluation set of ${task} is another one than that of the results in ${results} (${there.examples.toLocaleString('en')} ${there.each.kind === 'nll' ? 'tokens' : 'examples'}): give --results a folder of its own`;
    } catch (e) {
      if (e instanceof ZsaqError) return undefined; // a set that is missing or broken is told by the cell itself
      throw e;
    }
  };
  return ({ task }) => {
    if (!said.has(task)) said.set(task, look(task));
    return said.get(task);
  };
}

/** Why a cell cannot be run, or nothing; `models` receives those that will be made for it. */
function needs(cell: QuantizeCell, dataDir: string | undefined, models: ModelCell[]): string | undefined {
  if (!cell.task.startsWith('pocket-') && !dataDir) return 'the real data sets are not known here: give --data DIR, or set ZSAQ_DATA';
  for (const name of namesOf(cell)) {
    if (findModel(name)) continue;
    const recipe = recipeOf(name, cell.preset), from = recipe?.options.tokenizer ?? recipe?.options.model;
    if (!recipe) return whyMissing(name);
    if (!findModel(from!)) return whyMissing(from!);
    models.push(recipe);
  }
  return undefined;
}

/** A missing model under the content of its cell, or nothing. */
export function modelCellOf(id: string, preset: Preset, cells: readonly QuantizeCell[]): ModelCell | undefined {
  const names = new Set(cells.flatMap(namesOf));
  return [...names].flatMap((name) => recipeOf(name, preset) ?? []).find((cell) => idOf(cell) === id);
}

/** Whether a cell waits for a model that is still to be made. */
export function waitsFor(cell: Cell, unfinished: ReadonlySet<string>): boolean {
  return cell.kind === 'quantize' && namesOf(cell).some((name) => { const made = recipeOf(name, cell.preset); return made !== undefined && unfinished.has(contentOf(made)); });
}
