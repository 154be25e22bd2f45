import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { ZsaqError } from '../core/error';
import { sha256File } from '../io/file';
import { anyTask, loadText, pocketTask, pocketText } from '../../datasets';
import { firstExisting, readLines } from '../../datasets/files';
import { parseExamples } from '../../datasets/glue';
import { filesOf } from '../../datasets/registry';
import type { Example, TaskSpec } from '../eval/task';
import type { DataSource } from '../methods/method';
import type { RealText } from '../methods/realText';

/** Training examples of a task, the whole set before a sample of it. */
export interface TrainingExamples { task: TaskSpec; examples: Example[]; source: DataSource }

/** Lines of running text for training and for validation. */
export interface TrainingText { task: TaskSpec; lines: string[]; validation: string[]; source: DataSource }

/**
 * The training examples of a task: a file in the task's layout, else the largest training file that is there (SST-2 has
 * `train_full.tsv` beside a sample, `train.tsv`), else the bundled set.
 *
 * @throws ZsaqError 'usage' for a task without training examples, 'missing', 'format'
 */
export function trainingExamples(name: string, dataDir: string | undefined, file?: string): TrainingExamples {
  const task = anyTask(name);
  if (task.kind === 'languageModel') throw new ZsaqError('usage', `${task.name} is running text: give it as --text`);
  if (task.name.startsWith('pocket-') && file === undefined) {
    const { examples } = pocketTask(task.name as 'pocket-sentiment', 'train');
    return { task, examples, source: { set: task.name, split: 'train', rows: examples.length, sha256: digest(examples.map((e) => `${e.label}\t${e.text}`)) } };
  }
  if (task.name.startsWith('pocket-')) throw new ZsaqError('usage', `${task.name} is written by the project itself: leave --train away`);
  const path = file ?? trainFile(task, dataDir), examples = parseExamples(readLines(path), task, path);
  return { task, examples, source: { set: task.name, split: 'train', file: basename(path), rows: examples.length, sha256: sha256File(path) } };
}

function trainFile(task: TaskSpec, dataDir: string | undefined): string {
  const files = filesOf(task.name).filter((f) => f.split.startsWith('train')).sort((a, b) => b.rows - a.rows);
  if (!files.length) throw new ZsaqError('usage', `${task.name} has no training set of its own: train on ${task.name.replace(/-mm$/, '')}`);
  const candidates = files.flatMap(({ path }) => [path, path.replace(/^glue\//, '')]);
  return firstExisting(needed(task.name, dataDir), candidates, `the training set of ${task.name}`);
}

/**
 * Running text: the training and the validation lines of a set.
 *
 * @throws ZsaqError 'usage' for a set that is no running text, 'missing', 'format', 'mismatch'
 */
export function trainingText(name: string, dataDir: string | undefined): TrainingText {
  const task = anyTask(name);
  if (task.kind !== 'languageModel') throw new ZsaqError('usage', `${task.name} has examples, not running text: it is a --task of finetune`);
  const pocket = task.name.startsWith('pocket-') ? task.name.slice('pocket-'.length) as 'tales' : undefined;
  const read = (split: 'train' | 'valid'): string[] => (pocket ? pocketText(pocket, split === 'valid' ? 'dev' : split) : loadText(task.name, split, needed(task.name, dataDir)));
  const lines = read('train');
  return { task, lines, validation: read('valid'), source: { set: task.name, split: 'train', rows: lines.length, sha256: digest(lines) } };
}

/** What a method that learns from real text gets for a task: its training split, never another one. MNLI's two dev sets share one. */
export function realText(name: string, dataDir: string | undefined): RealText {
  return anyTask(name).kind === 'languageModel' ? trainingText(name, dataDir) : trainingExamples(name.replace(/-mm$/, ''), dataDir);
}

function needed(task: string, dataDir: string | undefined): string {
  if (!dataDir) throw new ZsaqError('missing', `${task} needs its data: give --data DIR, or set ZSAQ_DATA`);
  return dataDir;
}

/** SHA-256 of the lines, a line feed after each: that of the file, where it ends its lines so. */
function digest(lines: readonly string[]): string {
  return createHash('sha256').update(lines.map((line) => `${line}\n`).join('')).digest('hex');
}
