// Runs one cell in this process: continues from its checkpoint, and leaves its result file.
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  activationHooks, canonicalJson, configure, dispose, disposeBank, disposeQuantized, finiteJson, loadRunnable, loadTokenizer, meanSharpness, onBank, quantize, ready, refuseLeak, shareDone, sizeBytes, zeroShotJob, ZsaqError,
  type Params, type QuantizeOptions, type RunnableModel,
} from '../../src/index';
import { openBank, type OpenBank } from '../../src/commands/bankFile';
import { finetuneCommand } from '../../src/commands/finetune';
import { madeFolder, modelFolder } from '../../src/commands/modelFolder';
import { pretrainCommand } from '../../src/commands/pretrain';
import { provenance } from '../../src/commands/provenance';
import { RunFolder } from '../../src/commands/runFolder';
import { makeScorer, type Score, type Scorer } from '../../src/commands/score';
import { realText } from '../../src/commands/trainingData';
import { loadEvaluation } from '../../datasets';
import { cardOf, modelPath, weightsHash } from '../models';
import { RECIPE } from '../recipe';
import { Along } from './along';
import { idOf, type Cell, type ModelCell, type QuantizeCell, type Transfer } from './cell';
import { studentLandscape } from './landscape';
import { dataHash, majorityScore } from './evaluation';
import { packed, resultOf, settingsOf, thinned, writeResult, type CellResult, type CellScore, type ModelResult, type QuantizeResult } from './result';

/** Where a cell works and what it may use. */
export interface CellContext {
  /** folder of the result files */
  results: string;
  /** folder in which runs keep their checkpoints, one each */
  work: string;
  dataDir: string | undefined;
  signal: AbortSignal;
  /** how much of the run is done, of 1 */
  onProgress?(share: number): void;
  /** another process has finished the cell before this one had its folder */
  onAlready?(): void;
}

/** @returns the result, or undefined if it was stopped; @throws ZsaqError 'busy' if another process works on the cell, and whatever its run throws */
export async function runCell(cell: Cell, context: CellContext): Promise<CellResult | undefined> {
  await ready();
  const result = cell.kind === 'quantize' ? await runQuantize(cell, context) : await makeModel(cell, context);
  if (!result) return undefined;
  rmSync(workFolder(cell, context.work), { recursive: true, force: true }); // only now: a kill in between leaves both
  return result;
}

/** The folder of a cell's unfinished run: of its settings as they are now, for a checkpoint of others is of no use. */
export function workFolder(cell: Cell, work: string): string {
  const settings = createHash('sha256').update(canonicalJson(cell.kind === 'quantize' ? settingsOf(cell) : {})).digest('hex').slice(0, 6);
  return join(work, `${idOf(cell)}-${settings}`);
}

async function runQuantize(cell: QuantizeCell, { results, work, dataDir, signal, onProgress, onAlready }: CellContext): Promise<QuantizeResult | undefined> {
  const teacher = await loadNamed(cell.model, signal), generator = cell.generator === null ? undefined : await loadNamed(cell.generator, signal);
  refuseLeak(generator?.card, teacher.card, cell.task);
  const tokenizer = loadTokenizer(teacher.dir), scorer = makeScorer(cell.task, dataDir, teacher.model, tokenizer, signal), evaluation = loadEvaluation(cell.task, dataDir);
  const along = cell.along && new Along(cell.along);
  const folder = RunFolder.open(workFolder(cell, work), { cell: cell as unknown as Record<string, unknown>, recipe: RECIPE });
  try {
    const other = resultOf(results, cell); // a runner that had the folder until now may have finished it
    if (other) { onAlready?.(); return other as QuantizeResult; }
    const banked = { teacher, tokenizer, pair: scorer.task.pair, signal };
    if (along) along.start(folder, { teacher, bank: await bankOf(cell, cell.bank!, work, banked), score: async (params, hooks) => (await scorer.score('score', teacher.model, params, hooks)).score });
    const run = await quantize({
      teacher, generator, tokenizer, method: cell.method, bits: cell.method === 'full' ? undefined : cell.bits, preset: cell.preset, set: cell.set, seed: cell.seed, pair: scorer.task.pair,
      data: cell.method === 'qatReal' || cell.set.includes('inputs=real') ? realText(cell.task, dataDir) : undefined,
      checkpoints: folder.checkpoints(), signal, onProgress: async (p) => { onProgress?.(shareDone(p)); await along?.at(p); },
    });
    try {
      if (run.status === 'cancelled' || run.status === 'stopped') return undefined;
      const hooks = activationHooks(run.plan), { score, each } = await scorer.scoreEach('score', teacher.model, run.params, hooks), { settings, planOptions } = run.config;
      const result: QuantizeResult = finiteJson({
        recipe: RECIPE, id: idOf(cell), cell, status: run.status, ...score, majority: 'examples' in evaluation ? majorityScore(evaluation.task, evaluation.examples) : null, each: packed(each()),
        ...(cell.bank === undefined ? {} : { bank: await bankScore(await bankOf(cell, cell.bank, work, banked), teacher, run.params, hooks) }),
        ...(along ? { along: along.points(run.cost.steps) } : {}),
        ...(cell.landscape === undefined ? {} : { landscape: await studentLandscape(await bankOf(cell, cell.landscape, work, banked), teacher, run.params, run.plan, hooks) }),
        transfer: await transferred(cell.transfer, teacher, run.params, hooks, dataDir, signal),
        steps: run.cost.steps, seconds: run.cost.seconds, phases: run.cost.phases, peakBytes: run.cost.peakBytes, sizeBytes: sizeBytes(teacher.model.shapes, run.plan),
        settings, planOptions: planOptions as unknown as Record<string, unknown>, sharpness: meanSharpness(run.history), history: thinned(run.history), read: run.read,
        hashes: { model: weightsHash(teacher.dir), generator: generator ? weightsHash(generator.dir) : null, data: dataHash(evaluation) }, date: today(), ...provenance(),
      });
      writeResult(results, result); // before the folder is given back: whoever has it next looks for the result first
      return result;
    } finally {
      disposeQuantized(run);
    }
  } finally {
    along?.dispose();
    folder.close();
    dispose(teacher.params, ...(generator ? [generator.params] : []));
  }
}

/** A model by its name, with what is known of it. */
export async function loadNamed(name: string, signal: AbortSignal): Promise<RunnableModel> {
  const found = await loadRunnable(await modelFolder(modelPath(name), signal));
  return { ...found, card: cardOf(name, found.card) };
}

/** The fixed bank of a cell's teacher, which all cells of that teacher share. */
export async function bankOf(cell: QuantizeCell, writer: string, work: string, options: Pick<QuantizeOptions, 'teacher' | 'tokenizer' | 'pair' | 'signal'>): Promise<OpenBank> {
  const generator = await loadNamed(writer, options.signal as AbortSignal), file = join(work, 'banks', `${cell.model}_${writer}_${cell.preset}.safetensors`.replace(/[^\w.-]/g, '-'));
  try {
    return await openBank(file, zeroShotJob({ ...options, generator }, configure({ ...options, bits: 'W2A8', preset: cell.preset })), cell.preset);
  } finally {
    dispose(generator.params);
  }
}

/** The student's divergence on the bank. */
async function bankScore({ bank, divergence, sha256 }: OpenBank, teacher: RunnableModel, student: Params, hooks: ReturnType<typeof activationHooks>): Promise<QuantizeResult['bank']> {
  try {
    return { ...await onBank(bank, teacher, student, hooks, divergence), sha256 };
  } finally {
    disposeBank(bank);
  }
}

/** What belongs to a task and not to the encoder. */
const HEAD = /(^|\.)(pooler|classifier|pre_classifier)\./;

/** The student's encoder under the heads of other tasks' teachers, which must share its full-precision encoder. */
async function transferred(to: readonly Transfer[], teacher: RunnableModel, student: Params, hooks: ReturnType<typeof activationHooks>, dataDir: string | undefined, signal: AbortSignal): Promise<QuantizeResult['transfer']> {
  const scores: QuantizeResult['transfer'] = [];
  for (const { task, model: name } of to) {
    const other = await loadNamed(name, signal);
    try {
      const shared = Object.keys(other.params).filter((n) => !HEAD.test(n));
      if (shared.some((n) => !student[n])) throw new ZsaqError('mismatch', `${name} has another encoder than the student: transfer needs teachers that share one`);
      const params = { ...other.params, ...Object.fromEntries(shared.map((n) => [n, student[n]])) }, scorer: Scorer = makeScorer(task, dataDir, other.model, loadTokenizer(other.dir), signal), evaluation = loadEvaluation(task, dataDir);
      scores.push({ ...await scorer.score(`transfer to ${task}`, other.model, params, hooks), majority: 'examples' in evaluation ? majorityScore(evaluation.task, evaluation.examples) : null });
    } finally {
      dispose(other.params);
    }
  }
  return scores;
}

async function makeModel(cell: ModelCell, { results, dataDir, signal }: CellContext): Promise<ModelResult | undefined> {
  const out = join(madeFolder(), cell.name), command = cell.kind === 'pretrain' ? pretrainCommand : finetuneCommand;
  const { options: { tokenizer, model, ...options } } = cell, began = Date.now();
  const { json } = await command.run({ ...options, ...(tokenizer ? { tokenizer: modelPath(tokenizer), text: cell.from } : { model: modelPath(model), task: cell.from }), out, data: dataDir }, signal);
  if (json.status === 'cancelled') return undefined;
  const { out: _, ...metrics } = json;
  const made: ModelResult = { recipe: RECIPE, id: idOf(cell), cell, status: 'ok', metrics, seconds: Number(metrics.seconds ?? (Date.now() - began) / 1000), peakBytes: Number(metrics.peakBytes), hashes: { model: weightsHash(join(out, 'model')) }, date: today(), ...provenance() };
  if ((resultOf(results, cell) as ModelResult | undefined)?.hashes.model !== made.hashes.model) writeResult(results, made); // the same model elsewhere keeps who made it first
  return made;
}

const today = (): string => new Date().toISOString().slice(0, 10);
