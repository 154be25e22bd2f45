// What studies on the bundled BERT have in common: many short runs, each scored on text that no run sees, kept one by one in a result file.
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { ZsaqError } from '../core/error';
import { tidy } from '../core/memory';
import { dispose } from '../core/tree';
import { evaluateTask } from '../eval/glue';
import { batchInputs } from '../eval/inputs';
import { loadRunnable } from '../export/packed';
import { makeFolder } from '../io/disk';
import { canonicalJson, finiteJson, readJson, writeWhole } from '../io/file';
import { disposeQuantized, type MethodId, type Network, type Progress as Step, type Quantized } from '../methods/method';
import { maskOf } from '../methods/studentStep';
import { quantize } from '../quantize';
import { activationHooks } from '../quant/activations';
import { divergence, type DivergenceConfig } from '../train/divergence';
import { Progress } from '../report/progress';
import { lengthBatches } from '../text/batches';
import { loadTokenizer, type Tokenizer } from '../text/tokenizer';
import { pocketModelPath, pocketTask } from '../../datasets';
import { provenance } from './provenance';
import type { Inputs } from '../models/model';

/** One run of a study: its name, and what it changes. */
export interface StudyRun { id: string; method: MethodId; seed: number; set: string[] }

/** What every run ends with. */
export interface StudyScore { id: string; seed: number; set: string[]; method: string; accuracy: number; textDivergence: number }

/** Two bits on the plainest grid, which leaves training something to repair. */
export const STUDY_SET = ['batch=8', 'seq=16', 'plan.grid=symmetric', 'plan.scale=absmax'];

const SENTENCES = 1500, TEXT = 256;

/** Everything a run of a study may look at when it is done. */
export interface Finished { result: Quantized; teacher: Awaited<ReturnType<typeof loadRunnable>>; generator: Network; text: Inputs[]; divergence: DivergenceConfig }

/**
 * Does the runs that the file does not have yet.
 *
 * @param generatorOf the generator of a run, if it is not the bundled one; the study disposes of it
 * @param measure what a run adds to its score
 * @throws ZsaqError 'cancelled'
 */
export async function study<T extends object>(
  name: string, path: string, plan: readonly StudyRun[], signal: AbortSignal,
  { generatorOf, onStep, measure }: { generatorOf?(run: StudyRun, tokenizer: Tokenizer): Network | undefined; onStep?(run: StudyRun, step: Step, teacher: Network): void; measure(run: StudyRun, finished: Finished): Promise<T> },
): Promise<(StudyScore & T)[]> {
  makeFolder(dirname(path));
  const key = ({ id, method, set }: Pick<StudyRun, 'id' | 'method' | 'set'>) => canonicalJson({ id, method, set }), before = existsSync(path) ? (readJson(path) as { runs: (StudyScore & T)[] }).runs : [];
  const known = new Map(before.map((run) => [key(run as never), run])), left = plan.filter((run) => !known.has(key(run)));
  if (left.length) {
    const teacher = await loadRunnable(pocketModelPath('pocket-bert')), bundled = await loadRunnable(pocketModelPath('pocket-generator')), tokenizer = loadTokenizer(teacher.dir), bar = new Progress(name, left.length);
    const { task, examples } = pocketTask('pocket-sentiment', 'test', SENTENCES), text = textBatches(examples.slice(0, TEXT).map((e) => tokenizer.encodePair(e.text, e.pair, teacher.model.maxLength)), teacher.model.padId);
    try {
      for (const [i, run] of left.entries()) {
        const own = generatorOf?.(run, tokenizer), generator = own ?? bundled;
        const { config, ...result } = await quantize({ teacher, generator, tokenizer, bits: 'W2A8', method: run.method, seed: run.seed, set: [...STUDY_SET, ...run.set], signal, onProgress: (step) => onStep?.(run, step, teacher) });
        try {
          if (result.status === 'cancelled') throw new ZsaqError('cancelled', 'stopped; the same command continues');
          const hooks = activationHooks(result.plan), { score } = await evaluateTask(teacher.model, result.params, tokenizer, task, examples, { hooks });
          const finished = { result, teacher, generator, text, divergence: config.settings.divergence as DivergenceConfig };
          known.set(key(run), { ...run, accuracy: score, textDivergence: await divergenceOn(finished), ...await measure(run, finished) });
        } finally {
          disposeQuantized(result);
          dispose(own?.params);
        }
        writeWhole(path, `${canonicalJson({ study: name, task: task.name, common: STUDY_SET, runs: plan.flatMap((p) => known.get(key(p)) ?? []), ...provenance() })}\n`);
        bar.update(i + 1, run.id);
      }
    } finally {
      bar.end();
      text.forEach((inputs) => dispose(inputs as never));
      dispose(teacher.params, bundled.params);
    }
  }
  return plan.flatMap((run) => known.get(key(run)) ?? []);
}

function textBatches(encoded: { ids: number[]; typeIds: number[] }[], padId: number): Inputs[] {
  return lengthBatches(encoded, { batchSize: 64, padId }).map(batchInputs);
}

/** D(P, Q) on real text: measured, never trained on. */
async function divergenceOn({ result: { params, plan }, teacher, text, divergence: config }: Finished): Promise<number> {
  let sum = 0;
  for (const inputs of text) {
    const d = tidy(() => divergence(teacher.model.forward(params, inputs, activationHooks(plan)), teacher.model.forward(teacher.params, inputs), maskOf(inputs), config));
    sum += (await d.data())[0] / text.length;
    d.dispose();
  }
  return sum;
}

/** Numbers with five digits, for a result file. */
export const brief = <T>(value: T): T => finiteJson(value, 5);
