import { perplexity } from '../eval/perplexity';
import { checkVocabulary } from '../models/model';
import { tokenStream } from '../text/stream';
import { loadTokenizer } from '../text/tokenizer';
import { windowBatches } from '../text/training';
import { makeScorer } from './score';
import { trainingText } from './trainingData';
import { trainRun, type TrainRunOptions } from './trainRun';
import type { Outcome } from './command';
import type { TrainingRecipe } from '../train/loop';

/** How byte-level text is joined: as in the file. WordPiece has its own separator token. */
const SEPARATOR = '\n';

/** One training of a language model on running text. */
export interface TextRunOptions extends Pick<TrainRunOptions, 'label' | 'out' | 'model' | 'config' | 'start' | 'tokenizerDir' | 'facts' | 'settings' | 'checkpointSeconds' | 'signal'> {
  text: string;
  dataDir: string | undefined;
  /** of the weights that it begins with */
  trainedBefore: readonly Record<string, unknown>[];
  /** passes' worth of tokens, unless `steps` are given */
  epochs?: number;
  steps?: number;
  /** windows of a batch, and tokens of a window */
  batch: number;
  window: number;
  seed: number;
  recipe: Omit<TrainingRecipe, 'steps'>;
}

/** Trains on windows from random places of a text; scores perplexity on its validation and test files. */
export async function textRun(o: TextRunOptions): Promise<Outcome> {
  const tokenizer = loadTokenizer(o.tokenizerDir), { model, batch, seed } = o, window = Math.min(o.window, model.maxLength);
  const { task, lines, validation, source } = trainingText(o.text, o.dataDir), scorer = makeScorer(task.name, o.dataDir, model, tokenizer, o.signal);
  checkVocabulary(tokenizer, model);
  const ids = Int32Array.from(tokenStream(lines, tokenizer, { separator: SEPARATOR }));
  const steps = o.steps ?? Math.round((o.epochs! * ids.length) / (batch * window));
  console.error(`${task.name}: ${ids.length} training tokens; ${steps} steps of ${batch} x ${window} are ${((steps * batch * window) / ids.length).toFixed(2)} passes`);
  const facts = { ...o.facts, text: task.name, batch, window, seed, passes: (steps * batch * window) / ids.length, trainingTokens: ids.length };
  return trainRun({
    ...o, settings: { ...o.settings, ...facts, train: source }, recipe: { ...o.recipe, steps }, facts,
    batchOf: windowBatches(ids, { name: 'text', seed, batchSize: batch, window }), trainedOn: [...o.trainedBefore, source],
    async score(saved) {
      const test = await scorer.score(`scoring ${task.name}`, saved.model, saved.params, saved.hooks), { context, stride, tokenization } = scorer.protocol!;
      const valid = await perplexity(saved.model, saved.params, tokenStream(validation, tokenizer, { separator: SEPARATOR }), { window: context, stride, signal: o.signal });
      const protocol = `windows of ${context} predictions, stride ${stride}, nothing carried over; ${tokenization}`;
      return {
        [`${task.name} test`]: { ...test, protocol },
        [`${task.name} validation`]: { task: task.name, metric: valid.metric, score: valid.score, examples: valid.examples, protocol },
      };
    },
  });
}
