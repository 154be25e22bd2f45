import { join } from 'node:path';
import { ZsaqError, type Example, type TaskSpec } from '../src/index';
import { acceptabilityExamples } from './pocket/acceptability';
import { documents, renderDocument, type Family, type Split } from './pocket/corpus';
import { sentimentExamples } from './pocket/sentiment';

export { minimalPairs, type MinimalPair } from './pocket/acceptability';
export { pocketVocabulary, writePocketTokenizer } from './pocket/tokenizer';
export type { Family, Split } from './pocket/corpus';

/** The tasks of the text that ships with the package, in the form of `datasets/tasks.ts`. */
export const POCKET_TASKS: readonly TaskSpec[] = [
  {
    name: 'pocket-sentiment', kind: 'classification', metric: 'accuracy', secondary: [], pair: false, labelNames: ['negative', 'positive'],
    note: 'judgement of the main clause under negation, concession and report; generated',
  },
  {
    name: 'pocket-acceptability', kind: 'classification', metric: 'matthews', secondary: ['accuracy'], pair: false,
    labelNames: ['unacceptable', 'acceptable'], note: 'one broken rule of grammar or none; generated',
  },
  languageModel('pocket-tales', 'generated stories; what the pocket language model is trained and scored on'),
  languageModel('pocket-reports', 'generated news; what the pocket generator is trained on'),
];

function languageModel(name: string, note: string): TaskSpec {
  return { name, kind: 'languageModel', metric: 'perplexity', secondary: [], pair: false, labelNames: [], note };
}

/** The tasks that have labelled examples. */
export type PocketTask = 'pocket-sentiment' | 'pocket-acceptability';

/** Examples of a split where no other count is asked for; tokens likewise. */
const EXAMPLES = { train: 60000, dev: 1500, test: 1500 } as const;
const TOKENS = { train: 2_000_000, dev: 20_000, test: 20_000 } as const;

/** The bundled models: a folder of `datasets/pocket/models`. */
export const pocketModelPath = (name: 'pocket-bert' | 'pocket-opt' | 'pocket-generator'): string => join(__dirname, 'pocket', 'models', name);

/**
 * Labelled examples of a pocket task, the same on every machine.
 *
 * @param count by default 60,000 of train, 1,500 of dev and test; a longer list begins with the shorter one
 * @throws ZsaqError 'usage' for an unknown task or split, 'range' for a count that is no whole number from 1 on
 * @example pocketTask('pocket-sentiment', 'dev').examples[0] // such as { text: '...', label: 1 }
 */
export function pocketTask(name: PocketTask, split: Split, count?: number): { task: TaskSpec; examples: Example[] } {
  const task = POCKET_TASKS.find((t) => t.name === name);
  if (!task || task.kind !== 'classification') {
    throw new ZsaqError('usage', `there is no pocket task ${JSON.stringify(name)} with examples: choose pocket-sentiment or pocket-acceptability`);
  }
  const wanted = checked(split, count, EXAMPLES, 'examples');
  return { task, examples: name === 'pocket-sentiment' ? sentimentExamples(split, wanted) : acceptabilityExamples(split, wanted) };
}

/**
 * Running text for language models, one document a line, the same on every machine.
 *
 * @param family `tales` (language model) or `reports` (generators); they share words but no sentence
 * @param tokens at least so many tokens, marks counted; by default 2,000,000 of train and 20,000 of dev and test
 * @throws ZsaqError 'usage' for an unknown family or split, 'range' for a count that is no whole number from 1 on
 * @example pocketText('tales', 'test').length // about 200 lines
 */
export function pocketText(family: Family, split: Split, tokens?: number): string[] {
  if (family !== 'tales' && family !== 'reports') {
    throw new ZsaqError('usage', `there is no pocket text ${JSON.stringify(family)}: choose tales or reports`);
  }
  const wanted = checked(split, tokens, TOKENS, 'tokens'), lines: string[] = [];
  let written = 0;
  for (const document of documents(family, split)) {
    lines.push(renderDocument(document));
    for (const sentence of document) written += sentence.tokens.length;
    if (written >= wanted) return lines;
  }
  return lines;
}

function checked(split: Split, count: number | undefined, usual: Readonly<Record<Split, number>>, what: string): number {
  if (!Object.hasOwn(usual, split)) {
    throw new ZsaqError('usage', `there is no split ${JSON.stringify(split)} of the pocket data: choose train, dev or test`);
  }
  const wanted = count ?? usual[split];
  if (!Number.isSafeInteger(wanted) || wanted < 1) throw new ZsaqError('range', `${count} ${what} cannot be written: give a whole number from 1 on`);
  return wanted;
}
