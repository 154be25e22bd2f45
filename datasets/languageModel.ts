import { ZsaqError } from '../src/index';
import { firstExisting, readLines } from './files';
import { filesOf, SAME_TEXT } from './registry';
import { findTask } from './tasks';

/** The names under which the sets are handed on: this project's, the original ones, Mikolov's. */
function candidates(name: string, split: string): string[] {
  const original = name === 'ptb' ? `ptb.${split}.txt` : `wiki.${split}.${name.endsWith('-raw') ? 'raw' : 'tokens'}`;
  return [`${name}/${split}.txt`, `${name}/${original}`];
}

/**
 * The lines of a language-modelling set as they are in the file: words with `<unk>`, or in the raw sets without.
 *
 * WikiText-103's validation and test articles are those of WikiText-2 (with fewer words replaced by `<unk>`): a model's two
 * scores on them are not two findings.
 *
 * @param split `train`, `valid` (or `validation`, `dev`) or `test`
 * @throws ZsaqError 'usage' for an unknown set or split, 'missing' for no folder or file, 'format' for text that is not UTF-8,
 *   'mismatch' for the text of another set, as its share of `<unk>` tells
 * @example loadText('wikitext-2', 'test', process.env.ZSAQ_DATA!).length // 4358
 */
export function loadText(name: string, split: string, dataDir: string): string[] {
  const task = findTask(name);
  if (task.kind !== 'languageModel') throw new ZsaqError('usage', `${task.name} has examples, not running text: read it with loadTask`);
  const part = /^(dev|validation)$/.test(split) ? 'valid' : split;
  if (!['train', 'valid', 'test'].includes(part)) throw new ZsaqError('usage', `${task.name} has no split ${JSON.stringify(split)}: choose train, valid or test`);
  const path = firstExisting(dataDir, candidates(task.name, part), `${task.name} ${part}${hint(task.name, part)}`);
  const lines = readLines(path);
  if (!lines.some((line) => line.trim())) throw new ZsaqError('format', `the ${part} text of ${task.name} in ${dataDir} is empty: fetch it again`);
  checkUnknowns(lines, task.name, path);
  return lines;
}

function hint(name: string, split: string): string {
  return name.startsWith('wikitext-103') && split !== 'train' ? ` (its articles are those of ${name.replace('103', '2')})` : '';
}

/**
 * Bounds of the share of `<unk>` among the words. Published for the training texts: 2.7 % in WikiText-2, 0.4 % in
 * WikiText-103 (Merity et al. 2016); 5 to 6 % in WikiText-2's validation and test files and in PTB. Raw text has none.
 */
const RAW = 0.0005, FEW = 0.02;
const UNKNOWNS: Readonly<Record<string, readonly [number, number]>> = {
  'wikitext-2': [FEW, 1], 'wikitext-103': [RAW, FEW], 'wikitext-2-raw': [0, RAW], 'wikitext-103-raw': [0, RAW], ptb: [FEW, 1],
};

/** Too few words tell nothing. */
const LEAST_WORDS = 1000;

function checkUnknowns(lines: readonly string[], name: string, path: string): void {
  let words = 0, unknown = 0;
  for (const line of lines) for (const word of wordsOf(line)) {
    words++;
    if (word === '<unk>') unknown++;
  }
  const share = unknown / words, [least, most] = UNKNOWNS[name];
  if (words < LEAST_WORDS || (share >= least && share < most)) return;
  const like = share < RAW ? 'wikitext-2-raw or wikitext-103-raw' : share < FEW ? 'wikitext-103' : 'wikitext-2';
  throw new ZsaqError('mismatch',
    `${path} is not the text of ${name}: ${(100 * share).toFixed(2)} % of its words are <unk>, as in ${like}; put the file of ${name} there, or name the set that it is`);
}

function wordsOf(line: string): string[] { return line.split(/\s+/).filter(Boolean); }

/** A text as models are scored on it. */
export interface RunningText {
  lines: string[];
  /** what stands between the lines for byte-level tokenizers */
  separator: string;
  /** words of a tokenized set, with one end of line a line, over which per-word perplexity is taken; undefined for raw text */
  words?: number;
  /** what a reader of the score must know */
  notes: string[];
}

/**
 * The test text of a set with its lines as the rows of the hub's data set, which GPTQ's protocol joins: WikiText's with their
 * line feed and nothing for an empty line, by an empty line; PTB's stripped, by a space (Frantar et al. 2022, `datautils.py`).
 *
 * @throws as `loadText`
 */
export function loadRunningText(name: string, dataDir: string): RunningText {
  const task = findTask(name), stored = loadText(name, 'test', dataDir);
  const notes = task.name.startsWith('wikitext') ? [SAME_TEXT] : [];
  const words = filesOf(task.name)[0].words === undefined ? undefined : stored.reduce((n, line) => n + wordsOf(line).length + 1, 0);
  if (task.name === 'ptb') return { lines: stored.map((line) => line.trim()), separator: ' ', words, notes };
  return { lines: stored.map((line) => (line.trim() ? `${line}\n` : '')), separator: '\n\n', words, notes };
}
