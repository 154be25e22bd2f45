import { ZsaqError } from '../src/index';
import { filesOf, type DataFile } from './registry';
import { findTask, TASKS } from './tasks';

/** One file of a data folder and the Parquet files of the hub from which it is made. */
export interface HubFile {
  file: DataFile;
  /** the hub's data set, `organization/name` */
  dataset: string;
  revision: string;
  /** Parquet files, whose rows follow one another */
  parts: readonly string[];
  form: HubForm;
}

/** How a row of the hub becomes a line of a file. */
export interface HubForm {
  /** columns of the Parquet file that are read */
  columns: readonly string[];
  header?: string;
  /** @throws ZsaqError 'format' where a value is not what it should be */
  line(row: Record<string, unknown>): string;
}

type Row = Record<string, unknown>;

const GLUE = 'nyu-mll/glue', WIKITEXT = 'Salesforce/wikitext', PTB = 'ptb-text-only/ptb_text_only';

/** A GLUE task on the hub: its columns there, and the official columns here. What the hub leaves out of the official file stays empty. */
interface GlueForm { config: string; text: string; pair?: string; header?: string; cells(text: string, pair: string, label: unknown, index: string): string[] }

const names = (labels: readonly string[], label: unknown): string => labels[Number(label)] ?? badLabel(label);
const TWO = ['0', '1'];

const MNLI_COLUMNS = 'index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse\tsentence1\tsentence2';

/** MNLI's training file names one annotator's label, its validation files five. */
function mnli(annotators: number): GlueForm {
  const labels = Array.from({ length: annotators }, (_, i) => `label${i + 1}`);
  return {
    config: 'mnli', text: 'premise', pair: 'hypothesis', header: [MNLI_COLUMNS, ...labels, 'gold_label'].join('\t'),
    cells: (text, pair, label, index) => [index, '', '', '', '', '', '', '', text, pair, ...labels.map(() => ''), names(findTask('MNLI').labelNames, label)],
  };
}

const FORMS: Readonly<Record<string, (split: string) => GlueForm>> = {
  CoLA: () => ({ config: 'cola', text: 'sentence', cells: (text, _pair, label) => ['', names(TWO, label), Number(label) === 0 ? '*' : '', text] }),
  'SST-2': () => ({ config: 'sst2', text: 'sentence', header: 'sentence\tlabel', cells: (text, _pair, label) => [text, names(TWO, label)] }),
  MRPC: () => ({
    config: 'mrpc', text: 'sentence1', pair: 'sentence2', header: 'Quality\t#1 ID\t#2 ID\t#1 String\t#2 String',
    cells: (text, pair, label) => [names(TWO, label), '', '', text, pair],
  }),
  'STS-B': () => ({
    config: 'stsb', text: 'sentence1', pair: 'sentence2', header: 'index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore',
    cells: (text, pair, label, index) => [index, '', '', '', '', '', '', text, pair, score(label)],
  }),
  QQP: () => ({
    config: 'qqp', text: 'question1', pair: 'question2', header: 'id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate',
    cells: (text, pair, label, index) => [index, '', '', text, pair, names(TWO, label)],
  }),
  MNLI: (split) => mnli(split === 'train' ? 1 : 5),
  'MNLI-mm': () => mnli(5),
  QNLI: () => ({
    config: 'qnli', text: 'question', pair: 'sentence', header: 'index\tquestion\tsentence\tlabel',
    cells: (text, pair, label, index) => [index, text, pair, names(findTask('QNLI').labelNames, label)],
  }),
  RTE: () => ({
    config: 'rte', text: 'sentence1', pair: 'sentence2', header: 'index\tsentence1\tsentence2\tlabel',
    cells: (text, pair, label, index) => [index, text, pair, names(findTask('RTE').labelNames, label)],
  }),
};

/** Scores are published with three decimals; the hub keeps them as float32. */
function score(label: unknown): string {
  const value = Number(label);
  return value >= 0 && value <= 5 ? value.toFixed(3) : badLabel(label);
}

function badLabel(label: unknown): never {
  throw new ZsaqError('format', `the label ${String(label)} is none of the task's: fetch the labelled files (train and validation)`);
}

function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new ZsaqError('format', `column "${column}" holds ${value === null || value === undefined ? 'nothing' : typeof value} where text belongs: fetch the file again`);
  return value;
}

/** A cell of a TSV file. Tabs and line ends would end it: they are white space to every tokenizer here, as the space in their place is. */
function cell(row: Row, column: string): string { return text(row, column).replace(/[\t\r\n]+/g, ' '); }

function glueForm({ text: a, pair: b, header, cells }: GlueForm): HubForm {
  return {
    columns: b === undefined ? [a, 'label', 'idx'] : [a, b, 'label', 'idx'], header,
    line: (row) => cells(cell(row, a), b === undefined ? '' : cell(row, b), row.label, String(Number(row.idx))).join('\t'),
  };
}

/** WikiText's rows are lines with their line feed, or nothing for an empty line, which the original file ends with a space. */
const WIKITEXT_FORM: HubForm = { columns: ['text'], line: (row) => text(row, 'text').replace(/\n$/, '') || ' ' };

/** PTB's rows are stripped; in the original file a space stands on both sides. */
const PTB_FORM: HubForm = { columns: ['sentence'], line: (row) => ` ${text(row, 'sentence')} ` };

/** Names under which `hubFiles` knows something: the tasks, and `glue` for all of GLUE. */
export const HUB_SETS: readonly string[] = ['glue', ...TASKS.map((task) => task.name).filter((name) => name !== 'MNLI-mm')];

/**
 * The files of a set, and where on the hub they come from: training and validation files of GLUE tasks (their test files
 * have no labels), all three of a text. MNLI stands for both its validation sets.
 *
 * @param set a task in any spelling, or `glue`
 * @throws ZsaqError 'usage' for another name
 * @example hubFiles('RTE').map((f) => f.parts[0]) // ['rte/train-00000-of-00001.parquet', 'rte/validation-00000-of-00001.parquet']
 */
export function hubFiles(set: string): HubFile[] {
  if (set.toLowerCase() === 'glue') return Object.keys(FORMS).flatMap(filesOnHub);
  let name: string;
  try {
    ({ name } = findTask(set));
  } catch (error) {
    throw new ZsaqError('usage', `there is no set ${JSON.stringify(set)} to get: choose one of ${HUB_SETS.join(', ')}`, { cause: error });
  }
  return /^MNLI/.test(name) ? ['MNLI', 'MNLI-mm'].flatMap(filesOnHub) : filesOnHub(name);
}

function filesOnHub(task: string): HubFile[] {
  const files = filesOf(task).filter((file) => ['train', 'dev', 'valid', 'test'].includes(file.split));
  return files.map((file) => {
    const split = file.split === 'valid' ? 'validation' : file.split;
    if (task === 'ptb') return { file, dataset: PTB, revision: 'refs/convert/parquet', parts: [`penn_treebank/${split}/0000.parquet`], form: PTB_FORM };
    if (task.startsWith('wikitext')) {
      const shards = task.startsWith('wikitext-103') && split === 'train' ? 2 : 1;
      return { file, dataset: WIKITEXT, revision: 'main', parts: parts(`${task}-v1/${split}`, shards), form: WIKITEXT_FORM };
    }
    const form = FORMS[task](split), validation = task === 'MNLI' ? 'validation_matched' : task === 'MNLI-mm' ? 'validation_mismatched' : 'validation';
    return { file, dataset: GLUE, revision: 'main', parts: parts(`${form.config}/${split === 'dev' ? validation : split}`, 1), form: glueForm(form) };
  });
}

function parts(stem: string, count: number): string[] {
  const five = (n: number) => String(n).padStart(5, '0');
  return Array.from({ length: count }, (_, i) => `${stem}-${five(i)}-of-${five(count)}.parquet`);
}
