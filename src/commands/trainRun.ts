import { basename, join, resolve } from 'node:path';
import { count, dispose } from '../core/tree';
import { peakBytes } from '../core/memory';
import { loadRunnable } from '../export/packed';
import { canonicalJson, finiteJson, writeWhole } from '../io/file';
import { savePretrained } from '../io/pretrained';
import { storedTensors } from '../models/load';
import { Progress } from '../report/progress';
import { train, type Trained, type TrainingRecipe, type TrainingRun } from '../train/loop';
import { supervisedLoss } from '../train/loss';
import { provenance } from './provenance';
import { RunFolder } from './runFolder';
import type { RunnableModel } from '../export/packed';
import type { Model } from '../models/model';
import type { Outcome } from './command';
import type { Score } from './score';
import type { DataSource } from '../methods/method';

/** One training from first weights to a model folder with its result. */
export interface TrainRunOptions {
  label: string;
  out: string;
  /** what the run folder belongs to: every setting, with paths */
  settings: Record<string, unknown>;
  model: Model;
  config: Record<string, unknown>;
  /** first weights, owned by the run */
  start: TrainingRun['start'];
  recipe: TrainingRecipe;
  batchOf: TrainingRun['batchOf'];
  /** folder whose tokenizer files go along */
  tokenizerDir: string;
  /** every set that the weights have seen, those of the model that they come from included */
  trainedOn: readonly (DataSource | Record<string, unknown>)[];
  /** what the card and the result say beside the rest; no path of a machine */
  facts: Record<string, unknown>;
  /** scores of the saved model, by split */
  score(saved: RunnableModel): Promise<Record<string, Score>>;
  checkpointSeconds: number;
  signal: AbortSignal;
}

/** Trains, saves in half precision, reads the folder again and scores it; continues where an interrupted run stopped. */
export async function trainRun(o: TrainRunOptions): Promise<Outcome> {
  const folder = RunFolder.open(o.out, o.settings);
  try {
    const done = folder.finished();
    if (done) {
      console.error(`${o.out} holds this run already finished; remove it to run again`);
      return told(o.out, done);
    }
    const trained = await watched(o, folder);
    try {
      if (trained.status === 'cancelled') {
        return { text: `stopped after ${trained.step} steps; the same command continues from the last checkpoint in ${o.out}\n`, json: { status: 'cancelled', steps: trained.step, out: o.out }, exitCode: 130 };
      }
      const metrics = await finish(o, folder, trained);
      folder.finish(metrics);
      return told(o.out, metrics);
    } finally {
      dispose(trained.params);
    }
  } finally {
    folder.close();
  }
}

async function watched(o: TrainRunOptions, folder: RunFolder): Promise<Trained> {
  let bar: Progress | undefined;
  try {
    return await train(o.recipe, {
      start: o.start, loss: supervisedLoss(o.model), batchOf: o.batchOf, checkpoints: folder.checkpoints(), checkpointSeconds: o.checkpointSeconds, signal: o.signal,
      onProgress: ({ step, steps, loss, rate }) => (bar ??= new Progress(o.label, steps)).update(step, `loss ${loss.toFixed(3)} · rate ${rate.toExponential(1)} · ${(process.memoryUsage.rss() / 2 ** 30).toFixed(1)} GB`),
    });
  } finally {
    bar?.end();
  }
}

async function finish(o: TrainRunOptions, folder: RunFolder, trained: Trained): Promise<Record<string, unknown>> {
  const { params } = trained, dir = join(o.out, 'model');
  const tensors = Object.fromEntries(Object.entries(storedTensors(o.model, params)).map(([name, x]) => [name, { ...x, dtype: 'F16' as const }]));
  const facts = { name: basename(resolve(o.out)), ...o.facts, parameters: count(params), steps: trained.step, recipe: o.recipe, trainedOn: o.trainedOn, checkpoint: 'the last step' };
  savePretrained(dir, { config: o.config, tensors, copyFrom: o.tokenizerDir, card: facts });
  folder.write('history.json', trained.history);
  // The scores that are recorded are those of the half-precision file, read again.
  const saved = await loadRunnable(dir);
  try {
    const scores = finiteJson(await o.score(saved)), metrics = { status: 'ok', ...facts, scores, seconds: trained.seconds, peakBytes: peakBytes(), ...provenance() };
    writeWhole(join(dir, 'zsaq.json'), `${canonicalJson({ ...facts, scores, made: { seconds: Math.round(trained.seconds), ...provenance() } }, 2)}\n`);
    return metrics;
  } finally {
    dispose(saved.params);
  }
}

function told(out: string, metrics: Record<string, unknown>): Outcome {
  const scores = Object.entries(metrics.scores as Record<string, Score>).map(([name, s]) => `${name}: ${s.metric} ${(s.score as number | null)?.toFixed(2) ?? 'no value'} on ${s.examples} ${s.metric === 'perplexity' ? 'tokens' : 'examples'}\n`);
  return { text: `${scores.join('')}run folder: ${out}\nmodel: ${out}/model\n`, json: { ...metrics, out } };
}

/** How a model that another one begins with is named in the other one's card: as its own card has it, else by its folder. */
export function baseOf(dir: string, card: Record<string, unknown> | undefined): { name: string; card: boolean } {
  return { name: typeof card?.name === 'string' ? card.name : basename(resolve(dir)), card: card !== undefined };
}

/** The sets that a card says a model has seen. */
export function trainedBefore(card: Record<string, unknown> | undefined): Record<string, unknown>[] {
  const list = card?.trainedOn;
  return Array.isArray(list) ? list as Record<string, unknown>[] : [];
}
