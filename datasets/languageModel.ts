import { ZsaqError } from '../src/index';
import { firstExisting, readLines } from './files';
import { findTask } from './tasks';

/** The names under which the sets are handed on: this project's, the original ones, Mikolov's. */
function candidates(name: string, split: string): string[] {
  return [`${name}/${split}.txt`, ...(name === 'ptb' ? [`ptb/ptb.${split}.txt`] : [`${name}/wiki.${split}.tokens`])];
}

/**
 * The lines of a language-modelling set as they are in the file: words with `<unk>`.
 *
 * WikiText-103's validation and test articles are those of WikiText-2 (with fewer words replaced by `<unk>`): a model's two
 * scores on them are not two findings.
 *
 * @param split `train`, `valid` (or `validation`, `dev`) or `test`
 * @throws ZsaqError 'usage' for an unknown set or split, 'missing' for no folder or file, 'format' for text that is not UTF-8
 * @example loadText('wikitext-2', 'test', process.env.ZSAQ_DATA!).length // 4358
 */
export function loadText(name: string, split: string, dataDir: string): string[] {
  const task = findTask(name);
  if (task.kind !== 'languageModel') throw new ZsaqError('usage', `${task.name} has examples, not running text: read it with loadTask`);
  const part = /^(dev|validation)$/.test(split) ? 'valid' : split;
  if (!['train', 'valid', 'test'].includes(part)) throw new ZsaqError('usage', `${task.name} has no split ${JSON.stringify(split)}: choose train, valid or test`);
  const lines = readLines(firstExisting(dataDir, candidates(task.name, part), `${task.name} ${part}${hint(task.name, part)}`));
  if (!lines.some((line) => line.trim())) throw new ZsaqError('format', `the ${part} text of ${task.name} in ${dataDir} is empty: fetch it again`);
  return lines;
}

function hint(name: string, split: string): string {
  return name === 'wikitext-103' && split !== 'train' ? ' (its articles are those of wikitext-2)' : '';
}
