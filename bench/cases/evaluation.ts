// Scoring a classifier on sentences of SST-2's lengths, and the share of the time that the backend computes.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { evaluateTask, loadModel, Stream, writeWhole, type TaskSpec, type Tokenizer } from '../../src/index';
import { timeBackend } from '../clock';
import { FIRST_WORD } from '../shapes';
import type { Case } from './case';
import type { Prepare } from '../protocol';

/** SST-2's sentences have a median of 23 word pieces, and nearly all between 5 and 60. */
const SENTENCES = 256, MEDIAN = 23, SPREAD = 0.5, SHORTEST = 5, LONGEST = 60;

/** Sentences of random words, as ids, written once. */
export function prepareSentences(dir: string, vocabulary: number): void {
  const file = join(dir, 'sentences.json');
  if (existsSync(file)) return;
  const random = new Stream('sentences', 0);
  const sentences = Array.from({ length: SENTENCES }, () => {
    const length = Math.round(Math.min(LONGEST, Math.max(SHORTEST, MEDIAN * Math.exp(SPREAD * random.normal()))));
    return Array.from({ length }, () => FIRST_WORD + random.int(vocabulary - FIRST_WORD));
  });
  writeWhole(file, JSON.stringify(sentences));
}

const TASK: TaskSpec = { name: 'sentences', kind: 'classification', metric: 'accuracy', secondary: [], pair: false, labelNames: ['negative', 'positive'], note: '' };

export async function evaluationCase({ folder }: Prepare): Promise<Case> {
  const { model, params } = await loadModel(folder), sentences = JSON.parse(readFileSync(join(folder, 'sentences.json'), 'utf8')) as number[][];
  // words are ids already: what is timed is batching, the model and the reading of its answers
  const tokenizer = { special: { pad: model.padId }, encodePair: (text: string) => ({ ids: sentences[Number(text)], typeIds: sentences[Number(text)].map(() => 0) }) } as unknown as Tokenizer;
  const examples = sentences.map((_, i) => ({ text: String(i), label: 0 }));
  const score = () => evaluateTask(model, params, tokenizer, TASK, examples);
  let inside = 0;
  return {
    async run() {
      const { totalMs, insideMs } = await timeBackend(score);
      inside = insideMs / totalMs;
    },
    async check() { return [(await score()).predictions.reduce((sum, p, i) => sum + p * (1 + (i % 7)), 1)]; },
    extras: () => ({ insideBackend: inside }),
  };
}
