import { shown, ZsaqError, type TaskSpec } from '../src/index';

const ENTAILMENT = ['entailment', 'not_entailment'] as const;
const THREE_WAY = ['entailment', 'neutral', 'contradiction'] as const;

/** The eight GLUE tasks (both MNLI sets) and the language-modelling sets, WikiText tokenized and raw; labels in GLUE's order, metrics as GLUE's. */
export const TASKS: readonly TaskSpec[] = [
  {
    name: 'CoLA', kind: 'classification', metric: 'matthews', secondary: ['accuracy'], pair: false, labelNames: ['unacceptable', 'acceptable'],
    note: 'linguistic acceptability (Warstadt et al. 2018)',
  },
  {
    name: 'SST-2', kind: 'classification', metric: 'accuracy', secondary: [], pair: false, labelNames: ['negative', 'positive'],
    note: 'sentiment of film reviews (Socher et al. 2013)',
  },
  {
    name: 'MRPC', kind: 'classification', metric: 'accuracy', secondary: ['f1'], pair: true, labelNames: ['not_equivalent', 'equivalent'],
    note: 'paraphrases in news (Dolan and Brockett 2005)',
  },
  {
    name: 'STS-B', kind: 'regression', metric: 'pearsonSpearman', secondary: ['pearson', 'spearman'], pair: true, labelNames: [],
    note: 'similarity from 0 to 5 (Cer et al. 2017)',
  },
  {
    name: 'QQP', kind: 'classification', metric: 'accuracy', secondary: ['f1'], pair: true, labelNames: ['not_duplicate', 'duplicate'],
    note: 'duplicate questions on Quora; read as Hugging Face reads it, quotes of the file kept',
  },
  {
    name: 'MNLI', kind: 'classification', metric: 'accuracy', secondary: [], pair: true, labelNames: THREE_WAY,
    note: 'inference, matched genres (Williams et al. 2018)',
  },
  {
    name: 'MNLI-mm', kind: 'classification', metric: 'accuracy', secondary: [], pair: true, labelNames: THREE_WAY,
    note: 'inference, mismatched genres; no training set of its own',
  },
  {
    name: 'QNLI', kind: 'classification', metric: 'accuracy', secondary: [], pair: true, labelNames: ENTAILMENT,
    note: 'does the sentence answer the question (from SQuAD 1.1)',
  },
  {
    name: 'RTE', kind: 'classification', metric: 'accuracy', secondary: [], pair: true, labelNames: ENTAILMENT,
    note: 'textual entailment, RTE1, 2, 3 and 5',
  },
  languageModel('wikitext-2', 'Wikipedia articles as words with <unk> (Merity et al. 2016); its validation and test articles are those of WikiText-103'),
  languageModel('wikitext-103', 'fifty times the training text of WikiText-2; its validation and test articles are those of WikiText-2'),
  languageModel('wikitext-2-raw', 'WikiText-2 with every word as it was written, none as <unk>: another text for a model, and other scores'),
  languageModel('wikitext-103-raw', 'WikiText-103 with every word as it was written; its validation and test files are those of wikitext-2-raw'),
  languageModel('ptb', 'Wall Street Journal in Mikolov\'s preprocessing: lower case, numbers as N, rare words as <unk>'),
];

function languageModel(name: string, note: string): TaskSpec {
  return { name, kind: 'languageModel', metric: 'perplexity', secondary: [], pair: false, labelNames: [], note };
}

const ALIASES: Readonly<Record<string, string>> = {
  sst: 'SST-2', sts: 'STS-B', mnlim: 'MNLI', mnlimatched: 'MNLI', mnlimismatched: 'MNLI-mm',
  wikitext: 'wikitext-2', wiki2: 'wikitext-2', wiki103: 'wikitext-103', penntreebank: 'ptb',
  wikitext2v1: 'wikitext-2', wikitext103v1: 'wikitext-103', wikitext2rawv1: 'wikitext-2-raw', wikitext103rawv1: 'wikitext-103-raw',
};

/**
 * A task by name, in any case, with or without hyphens.
 *
 * @throws ZsaqError 'usage' with the names that are known
 * @example findTask('sst2').name // 'SST-2'
 */
export function findTask(name: string): TaskSpec {
  const key = name.toLowerCase().replace(/[-_. /]/g, '');
  const task = TASKS.find((t) => t.name.toLowerCase().replace(/-/g, '') === key || t.name === ALIASES[key]);
  if (!task) throw new ZsaqError('usage', `there is no task ${shown(name)}: choose one of ${TASKS.map((t) => t.name).join(', ')}`);
  return task;
}

/** The tasks that are reported together with a task: MNLI's mismatched genres beside the matched ones. */
export function companionsOf(name: string): readonly string[] { return findTask(name).name === 'MNLI' ? ['MNLI-mm'] : []; }
