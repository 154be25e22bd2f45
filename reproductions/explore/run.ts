// One point of the exploring notebook, run now: a run of the sweep that ends where the reader wants, or is stopped.
import { join } from 'node:path';
import { dispose, disposeBank, disposeQuantized, evaluateTask, loadTokenizer, quantize, ready, refuseLeak, ZsaqError, type Progress, type QuantizeOptions, type Status } from '../../src/index';
import { findModel } from '../../src/commands/modelFolder';
import { loadEvaluation } from '../../datasets';
import { measure, type Measures } from '../cells/along';
import { bankOf, loadNamed, runCell } from '../cells/run';
import { recipeOf } from '../models';
import type { QuantizeCell } from '../cells/cell';
import type { AlongPoint } from '../cells/result';

/** Where generators that are missing and the fixed bank are made: as `zsaq reproduce` does. */
const WORK = join(__dirname, '..', '..', 'runs', 'reproductions');

export interface PointRun {
  /** the run ends after so many steps, whatever the length of its schedule */
  steps: number;
  signal: AbortSignal;
  /** what it is doing before the first step */
  onStage(words: string): void;
  onStep(progress: Progress): void;
  /** a measurement, as soon as it is there */
  onPoint(point: AlongPoint): void | Promise<void>;
}

/** @returns how the run ended, and after how many steps; what the student was worth then is told by `onPoint` in any case */
export async function runPoint(cell: QuantizeCell, { steps, signal, onStage, onStep, onPoint }: PointRun): Promise<{ status: Status; steps: number }> {
  await ready();
  await make(cell.generator!, signal, onStage);
  const teacher = await loadNamed(cell.model, signal), generator = await loadNamed(cell.generator!, signal), end = new AbortController();
  refuseLeak(generator.card, teacher.card, cell.task);
  const tokenizer = loadTokenizer(teacher.dir), options: QuantizeOptions = { teacher, generator, tokenizer, method: cell.method, bits: cell.bits, preset: cell.preset, set: cell.set, seed: cell.seed, signal: { get aborted() { return signal.aborted || end.signal.aborted; } } };
  let measures: Measures | undefined, measured = 0;
  try {
    onStage('the fixed bank, on which students are compared');
    measures = { teacher, bank: await bankOf(cell, cell.bank!, WORK, options), score: scoreOf(cell, teacher, tokenizer) };
    const tell = async (progress: Progress): Promise<void> => { measured = progress.step; await onPoint(await measure(measures!, progress)); };
    const run = await quantize({ ...options, onProgress: async (p) => {
      onStep(p);
      if (cell.along!.includes(p.step)) await tell(p);
      if (p.step >= steps) end.abort();
    } });
    const { cost, plan, params, affines, status } = run, [entry] = run.history.slice(-1);
    if (cost.steps > measured) await tell({ method: cell.method, step: cost.steps, steps, entry, plan, weights: () => params }); // which gives the record back
    else dispose(params);
    disposeQuantized({ params: {}, affines });
    return { status: status === 'cancelled' && cost.steps >= steps ? 'ok' : status, steps: cost.steps };
  } finally {
    if (measures) disposeBank(measures.bank.bank);
    dispose(teacher.params, generator.params);
  }
}

/** On all sentences, also where the run was stopped: its results are kept. */
function scoreOf(cell: QuantizeCell, { model }: Measures['teacher'], tokenizer: QuantizeOptions['tokenizer']): Measures['score'] {
  const data = loadEvaluation(cell.task, undefined);
  if (!('examples' in data)) throw new ZsaqError('usage', `${cell.task} is running text: explore() scores examples`);
  return async (student, hooks) => (await evaluateTask(model, student, tokenizer, data.task, data.examples, { hooks })).score;
}

/** Makes a generator that is not on this machine yet. */
async function make(name: string, signal: AbortSignal, onStage: (words: string) => void): Promise<void> {
  const recipe = findModel(name) ? undefined : recipeOf(name, 'mini');
  if (!recipe) return;
  onStage(`${name} is not on this machine: it is made first, two to eight minutes`);
  if (!await runCell(recipe, { results: join(WORK, 'models'), work: WORK, dataDir: undefined, signal })) throw new ZsaqError('cancelled', `${name} was stopped while it was made: press Run again to go on`);
}
