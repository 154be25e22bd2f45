import { join } from 'node:path';
import { shown, ZsaqError, type Example, type TaskSpec } from '../src/index';
import { firstExisting, readLines } from './files';
import { findTask } from './tasks';

/** How a task's files are laid out. GLUE writes no quotes: a quotation mark in a column is part of the text. */
interface Layout {
  folder: string;
  /** names of the columns where the file has no header */
  columns?: readonly string[];
  text: string;
  pair?: string;
  label: string;
  /** what the label column says for each of the task's labels, in their order; absent where it says their names */
  values?: readonly string[];
  /** Quora's official training file has a few rows with columns missing; everybody drops them */
  dropShortRows?: boolean;
}

const SENTENCES = { text: 'sentence1', pair: 'sentence2' } as const;
const BINARY = ['0', '1'] as const;

const LAYOUTS: Readonly<Record<string, Layout>> = {
  CoLA: { folder: 'CoLA', columns: ['source', 'label', 'mark', 'sentence'], text: 'sentence', label: 'label', values: BINARY },
  'SST-2': { folder: 'SST-2', text: 'sentence', label: 'label', values: BINARY },
  MRPC: { folder: 'MRPC', text: '#1 String', pair: '#2 String', label: 'Quality', values: BINARY },
  'STS-B': { folder: 'STS-B', ...SENTENCES, label: 'score' },
  QQP: { folder: 'QQP', text: 'question1', pair: 'question2', label: 'is_duplicate', values: BINARY, dropShortRows: true },
  MNLI: { folder: 'MNLI', ...SENTENCES, label: 'gold_label' },
  'MNLI-mm': { folder: 'MNLI', ...SENTENCES, label: 'gold_label' },
  QNLI: { folder: 'QNLI', text: 'question', pair: 'sentence', label: 'label' },
  RTE: { folder: 'RTE', ...SENTENCES, label: 'label' },
};

/**
 * The labelled examples of a GLUE task from its TSV file (`<data>/glue/SST-2/dev.tsv` or `<data>/SST-2/dev.tsv`).
 *
 * @param name a task's name in any spelling that `findTask` knows
 * @param split `train`, `dev` (or `validation`), or a file's own name such as `train_full` or `test_labelled`
 * @throws ZsaqError 'usage' for an unknown task, 'missing' for no folder or file, 'format' for wrong columns or labels
 * @example loadTask('SST-2', 'dev', process.env.ZSAQ_DATA!).examples.length // 872
 */
export function loadTask(name: string, split: string, dataDir: string): { task: TaskSpec; examples: Example[] } {
  const task = findTask(name), layout = LAYOUTS[task.name];
  if (!layout) throw new ZsaqError('usage', `${task.name} is text for language models, without examples: read it with loadText`);
  const file = `${fileName(task.name, split)}.tsv`;
  const path = firstExisting(dataDir, [join('glue', layout.folder, file), join(layout.folder, file)], `${task.name} ${split}`);
  return { task, examples: parseExamples(readLines(path), task, path) };
}

function fileName(task: string, split: string): string {
  if (!/^(dev|valid|validation)$/.test(split)) return split;
  return task === 'MNLI' ? 'dev_matched' : task === 'MNLI-mm' ? 'dev_mismatched' : 'dev';
}

/** The examples in the lines of a task's TSV file. @throws ZsaqError 'format' naming file, line and what is wrong */
export function parseExamples(lines: readonly string[], task: TaskSpec, path: string): Example[] {
  const layout = LAYOUTS[task.name];
  const header = layout.columns ?? lines[0]?.split('\t') ?? [];
  const places = [layout.text, layout.pair, layout.label].map((column) => {
    if (column === undefined) return -1;
    const place = header.indexOf(column);
    if (place < 0) throw new ZsaqError('format', `${path} has no column "${column}" but ${header.slice(0, 12).map(shown).join(', ')}: give the labelled file of ${task.name} in GLUE's layout`);
    return place;
  });
  const [text, pair, label] = places;
  const examples: Example[] = [];
  for (let i = layout.columns ? 0 : 1; i < lines.length; i++) {
    const cells = lines[i].split('\t');
    if (cells.length !== header.length) {
      if (layout.dropShortRows && cells.length < header.length) continue;
      throw new ZsaqError('format', `${path} line ${i + 1} has ${cells.length} columns instead of ${header.length}: fetch the file again`);
    }
    const value = labelOf(cells[label], task, layout, `${path} line ${i + 1}`);
    examples.push(layout.pair === undefined ? { text: cells[text], label: value } : { text: cells[text], pair: cells[pair], label: value });
  }
  if (!examples.length) throw new ZsaqError('format', `${path} has no examples: fetch the file again`);
  return examples;
}

function labelOf(cell: string, task: TaskSpec, layout: Layout, where: string): number {
  if (task.kind === 'regression') {
    const score = Number(cell);
    if (cell.trim() === '' || !(score >= 0 && score <= 5)) throw new ZsaqError('format', `${where} has the score ${shown(cell)}, which is not a number from 0 to 5: fetch the file again`);
    return score;
  }
  const values = layout.values ?? task.labelNames;
  const index = values.indexOf(cell);
  if (index < 0) throw new ZsaqError('format', `${where} has the label ${shown(cell)}, which is none of ${values.join(', ')}: give the labelled file of ${task.name}`);
  return index;
}
