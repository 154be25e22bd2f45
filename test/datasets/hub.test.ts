import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadTask } from '../../datasets/glue';
import { HUB_SETS, hubFiles, type HubFile } from '../../datasets/hub';
import { DATA_FILES } from '../../datasets/registry';
import { ZsaqError } from '../../src/index';
import { openParquet } from '../../src/io/parquet';

const FIXTURES = join(__dirname, '..', 'fixtures', 'datasets');

/** The file that a hub file becomes, from the fixtures' Parquet files. */
async function written({ parts, form }: HubFile): Promise<string> {
  let text = form.header ? `${form.header}\n` : '';
  for (const part of parts) {
    const file = await openParquet(join(FIXTURES, part));
    for await (const rows of file.read(form.columns)) text += rows.map((row) => `${form.line(row)}\n`).join('');
    file.close();
  }
  return text;
}

const row = (columns: Record<string, unknown>): Record<string, unknown> => ({ label: 1n, idx: 7, ...columns });
const form = (set: string, split = 'dev') => hubFiles(set).find(({ file }) => file.split === split)!.form;

describe('data sets on the hub', () => {
  it('knows the Parquet files of every set', () => {
    const where = (set: string) => hubFiles(set).map(({ file, dataset, revision, parts }) => `${file.path} ${dataset}@${revision} ${parts.join(' ')}`);
    assert.deepEqual(where('sst2'), [
      'glue/SST-2/train.tsv nyu-mll/glue@main sst2/train-00000-of-00001.parquet', 'glue/SST-2/dev.tsv nyu-mll/glue@main sst2/validation-00000-of-00001.parquet',
    ]);
    const mnli = [
      'glue/MNLI/train.tsv nyu-mll/glue@main mnli/train-00000-of-00001.parquet', 'glue/MNLI/dev_matched.tsv nyu-mll/glue@main mnli/validation_matched-00000-of-00001.parquet',
      'glue/MNLI/dev_mismatched.tsv nyu-mll/glue@main mnli/validation_mismatched-00000-of-00001.parquet',
    ];
    assert.deepEqual(where('MNLI'), mnli);
    assert.deepEqual(where('mnli-mm'), mnli);
    assert.deepEqual(where('WikiText-103'), [
      'wikitext-103/train.txt Salesforce/wikitext@main wikitext-103-v1/train-00000-of-00002.parquet wikitext-103-v1/train-00001-of-00002.parquet',
      'wikitext-103/valid.txt Salesforce/wikitext@main wikitext-103-v1/validation-00000-of-00001.parquet', 'wikitext-103/test.txt Salesforce/wikitext@main wikitext-103-v1/test-00000-of-00001.parquet',
    ]);
    assert.equal(where('wikitext-2-raw-v1')[2], 'wikitext-2-raw/test.txt Salesforce/wikitext@main wikitext-2-raw-v1/test-00000-of-00001.parquet');
    assert.equal(where('ptb')[1], 'ptb/valid.txt ptb-text-only/ptb_text_only@refs/convert/parquet penn_treebank/validation/0000.parquet');
    assert.equal(where('glue').length, 17);
    const known = new Set(HUB_SETS.flatMap(hubFiles).map(({ file }) => file.path));
    const others = DATA_FILES.map((f) => f.path).filter((path) => !known.has(path));
    assert.deepEqual(others, ['glue/SST-2/train_full.tsv', 'glue/MRPC/test_labelled.tsv']); // cuts of this project's own
    assert.throws(() => hubFiles('pocket-tales'), (e) => e instanceof ZsaqError && e.code === 'usage' && /choose one of glue, CoLA, .*ptb$/.test(e.message));
  });

  it('writes GLUE so that its reader finds text, pair and label again', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'zsaq-hub-'));
    try {
      const [a, b, c] = ['The cat sat on the mat.', 'It rained all day.', 'Nobody saw the "grey" fox.'], pairs = [b, 'Zwölf Äpfel 🍎 und\u2028drei Birnen', a];
      for (const one of hubFiles('glue')) {
        mkdirSync(dirname(join(dir, one.file.path)), { recursive: true });
        writeFileSync(join(dir, one.file.path), await written(one));
        const { task, examples } = loadTask(one.file.task, one.file.split, dir), labels = task.kind === 'regression' ? [3.8, 0, 5] : task.labelNames.length === 3 ? [0, 1, 2] : [0, 1, 0];
        assert.deepEqual(examples.slice(0, 3), [a, b, c].map((text, i) => ({ text, ...(task.pair && { pair: pairs[i] }), label: labels[i] })), one.file.path);
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('writes the official columns', () => {
    const header = (set: string, split?: string) => form(set, split).header?.split('\t').length;
    assert.deepEqual([header('CoLA'), header('SST-2'), header('MRPC'), header('STS-B'), header('QQP'), header('MNLI', 'train'), header('MNLI'), header('QNLI'), header('RTE')], [undefined, 2, 5, 10, 6, 12, 16, 4, 4]);
    assert.equal(form('CoLA').line(row({ sentence: 'a' })), '\t1\t\ta');
    assert.equal(form('CoLA').line(row({ sentence: 'a', label: 0n })), '\t0\t*\ta');
    assert.equal(form('RTE').line(row({ sentence1: 'a', sentence2: 'b' })), '7\ta\tb\tnot_entailment');
    assert.equal(form('STS-B').line(row({ sentence1: 'a', sentence2: 'b', label: Math.fround(1.6) })), '7\t\t\t\t\t\t\ta\tb\t1.600');
    assert.equal(form('SST-2').line(row({ sentence: 'a\tb\r\nc' })), 'a b c\t1', 'what would end a cell becomes a space');
  });

  it('writes WikiText and PTB byte for byte as they were published', async () => {
    const [train] = hubFiles('wikitext-2'), [ptb] = hubFiles('ptb');
    assert.equal(await written(train), ' \n = Title = \n \n The <unk> fox of 1903 ran @-@ home . \n');
    assert.equal(await written(ptb), " no it was n't <unk> monday \n some N crashed \n");
  });

  it('refuses unlabelled rows and other columns', () => {
    const refused = (act: () => unknown, message: RegExp) => assert.throws(act, (e) => e instanceof ZsaqError && e.code === 'format' && message.test(e.message));
    refused(() => form('RTE').line(row({ sentence1: 'a', sentence2: 'b', label: -1n })), /label -1 is none of the task's/);
    refused(() => form('STS-B').line(row({ sentence1: 'a', sentence2: 'b', label: -1 })), /label -1/);
    refused(() => form('SST-2').line(row({ sentence: null })), /"sentence" holds nothing where text belongs/);
  });
});
