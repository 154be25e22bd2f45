import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadTask } from '../../datasets/glue';
import { loadText } from '../../datasets/languageModel';
import { filesOf } from '../../datasets/registry';
import { findTask, TASKS } from '../../datasets/tasks';
import { ZsaqError } from '../../src/index';

/** One file of each layout, written as GLUE writes it; the sentences are ours. */
const FILES: Record<string, string> = {
  'glue/CoLA/dev.tsv': 'aa00\t1\t\tThe cat sat.\nbb00\t0\t*\tCat the sat.\n',
  'glue/SST-2/dev.tsv': 'sentence\tlabel\na fine film \t1\ndull \t0\n',
  'glue/MRPC/dev.tsv': 'Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1\t2\tHe "left.\tHe went.\n',
  'glue/STS-B/dev.tsv': 'index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n0\tg\tf\ty\t1\tnone\tnone\tA dog.\tA cat.\t1.250\n',
  'glue/QQP/dev.tsv': 'id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\t"Who is ""he""?"\tWho?\t0\n7\tcut short\n4\t5\t6\tA?\tA?\t1\r\n',
  'glue/MNLI/dev_matched.tsv': `${mnliHeader(5)}\n${mnliRow('A.', 'B.', 5, 'neutral')}\n`,
  'glue/MNLI/dev_mismatched.tsv': `${mnliHeader(5)}\n${mnliRow('C.', 'D.', 5, 'contradiction')}\n`,
  'glue/MNLI/train.tsv': `${mnliHeader(1)}\n${mnliRow('E.', 'F.', 1, 'entailment')}\n`,
  'glue/QNLI/dev.tsv': 'index\tquestion\tsentence\tlabel\n0\tWhere?\tHere.\tnot_entailment\n',
  'glue/RTE/dev.tsv': 'index\tsentence1\tsentence2\tlabel\n0\tIt rains.\tIt is wet.\tentailment\n',
};

function mnliHeader(annotators: number): string {
  return ['index', 'promptID', 'pairID', 'genre', 'sentence1_binary_parse', 'sentence2_binary_parse', 'sentence1_parse', 'sentence2_parse', 'sentence1', 'sentence2',
    ...Array.from({ length: annotators }, (_, i) => `label${i + 1}`), 'gold_label'].join('\t');
}
function mnliRow(a: string, b: string, annotators: number, label: string): string {
  return ['0', '1', '1n', 'fiction', '', '', '', '', a, b, ...Array(annotators).fill('neutral'), label].join('\t');
}

describe('GLUE files', () => {
  let dir = '';
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'zsaq-glue-'));
    for (const [path, text] of Object.entries(FILES)) write(dir, path, text);
  });
  after(() => rmSync(dir, { recursive: true }));

  it('reads each task\'s own columns and maps labels by name', () => {
    assert.deepEqual(loadTask('cola', 'dev', dir).examples, [{ text: 'The cat sat.', label: 1 }, { text: 'Cat the sat.', label: 0 }]);
    assert.deepEqual(loadTask('sst2', 'validation', dir).examples, [{ text: 'a fine film ', label: 1 }, { text: 'dull ', label: 0 }]);
    assert.deepEqual(loadTask('MRPC', 'dev', dir).examples, [{ text: 'He "left.', pair: 'He went.', label: 1 }]);
    assert.deepEqual(loadTask('stsb', 'dev', dir).examples, [{ text: 'A dog.', pair: 'A cat.', label: 1.25 }]);
    assert.deepEqual(loadTask('QNLI', 'dev', dir).examples, [{ text: 'Where?', pair: 'Here.', label: 1 }]);
    assert.deepEqual(loadTask('RTE', 'dev', dir).examples, [{ text: 'It rains.', pair: 'It is wet.', label: 0 }]);
  });
  it('reads MNLI with sixteen columns and with twelve, matched and mismatched', () => {
    assert.deepEqual(loadTask('MNLI', 'dev', dir).examples, [{ text: 'A.', pair: 'B.', label: 1 }]);
    assert.deepEqual(loadTask('mnli-mismatched', 'dev', dir).examples, [{ text: 'C.', pair: 'D.', label: 2 }]);
    assert.deepEqual(loadTask('MNLI', 'train', dir).examples, [{ text: 'E.', pair: 'F.', label: 0 }]);
  });
  it('keeps quotation marks, drops QQP\'s rows with columns missing, and takes carriage returns away', () => {
    assert.deepEqual(loadTask('QQP', 'dev', dir).examples, [{ text: '"Who is ""he""?"', pair: 'Who?', label: 0 }, { text: 'A?', pair: 'A?', label: 1 }]);
  });
  it('finds the files in a folder that is GLUE\'s own, too', () => {
    assert.equal(loadTask('RTE', 'dev', join(dir, 'glue')).examples.length, 1);
  });

  it('refuses bad input in one sentence that says where', () => {
    const bad = mkdtempSync(join(tmpdir(), 'zsaq-glue-bad-'));
    try {
      refused(() => loadTask('RTE', 'dev', join(bad, 'nowhere')), 'missing', /no data folder/);
      refused(() => loadTask('RTE', 'dev', bad), 'missing', /RTE dev.*glue\/RTE\/dev\.tsv/);
      refused(() => loadTask('rot13', 'dev', bad), 'usage', /rot13.*CoLA, SST-2/);
      refused(() => loadTask('ptb', 'dev', bad), 'usage', /loadText/);
      refused(() => loadText('SST-2', 'dev', bad), 'usage', /loadTask/);
      refused(() => loadText('ptb', 'second', bad), 'usage', /train, valid or test/);
      refused(() => loadText('wikitext-103', 'test', bad), 'missing', /those of wikitext-2/);
      const cases: [string, string, RegExp][] = [
        ['', 'no column', /no column "sentence1"/],
        ['index\tsentence1\tsentence2\n0\ta\tb\n', 'unlabelled test file', /no column "label"/],
        ['index\tsentence1\tsentence2\tlabel\n0\ta\tb\n', 'short row', /line 2 has 3 columns instead of 4/],
        ['index\tsentence1\tsentence2\tlabel\n0\ta\tb\tmaybe\n', 'bad label', /line 2.*"maybe".*entailment, not_entailment/],
        ['index\tsentence1\tsentence2\tlabel\n', 'no rows', /no examples/],
      ];
      for (const [text, , message] of cases) {
        write(bad, 'glue/RTE/dev.tsv', text);
        refused(() => loadTask('RTE', 'dev', bad), 'format', message);
      }
      for (const score of ['', 'five', '-0.1', '5.1']) {
        write(bad, 'glue/STS-B/dev.tsv', FILES['glue/STS-B/dev.tsv'].replace('1.250', score));
        refused(() => loadTask('STS-B', 'dev', bad), 'format', /0 to 5/);
      }
      writeFileSync(join(bad, 'glue/RTE/dev.tsv'), Buffer.from([0x69, 0xff, 0xfe]));
      refused(() => loadTask('RTE', 'dev', bad), 'format', /UTF-8/);
    } finally { rmSync(bad, { recursive: true }); }
  });
});

describe('tasks', () => {
  it('are found by any spelling', () => {
    for (const [spelling, name] of [['sst2', 'SST-2'], ['SST-2', 'SST-2'], ['sts_b', 'STS-B'], ['WikiText2', 'wikitext-2'], ['wikitext103', 'wikitext-103'], ['PTB', 'ptb'], ['mnli_matched', 'MNLI'], ['MNLI-MM', 'MNLI-mm']]) {
      assert.equal(findTask(spelling).name, name);
    }
  });
  it('have files in the registry, GLUE\'s metrics, and label names where there are classes', () => {
    for (const task of TASKS) {
      assert.ok(filesOf(task.name).length > 0, task.name);
      assert.equal(task.labelNames.length > 1, task.kind === 'classification', task.name);
    }
    assert.equal(findTask('CoLA').metric, 'matthews');
    assert.deepEqual(findTask('QQP').secondary, ['f1']);
  });
});

describe('GLUE\'s real files', () => {
  it('have the published number of examples and both label orders of the model cards', function () {
    const data = process.env.ZSAQ_DATA;
    if (!data) { console.log('      skipped: set ZSAQ_DATA'); this.skip(); }
    for (const task of TASKS) {
      for (const file of filesOf(task.name).filter((f) => f.sha256)) {
        const rows: number = task.kind === 'languageModel' ? loadText(task.name, file.split, data).length : loadTask(task.name, file.split, data).examples.length;
        assert.equal(rows, file.rows, file.path);
      }
    }
    const count = (name: string) => loadTask(name, 'dev', data).examples.reduce<number[]>((n, e) => { n[e.label] = (n[e.label] ?? 0) + 1; return n; }, []);
    assert.deepEqual(count('SST-2'), [428, 444]);
    assert.deepEqual(count('MRPC'), [129, 279]);
    assert.deepEqual(count('CoLA'), [322, 721]);
    assert.deepEqual(count('RTE'), [146, 131]);
    assert.deepEqual(count('QNLI'), [2702, 2761]);
    assert.deepEqual(count('QQP'), [617, 383]);
    assert.deepEqual(count('MNLI'), [333, 318, 349]);
    assert.deepEqual(count('MNLI-mm'), [350, 316, 334]);
  });
});

function write(dir: string, path: string, text: string): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
}

function refused(act: () => unknown, code: string, message: RegExp): void {
  assert.throws(act, (error) => {
    assert.ok(error instanceof ZsaqError, String((error as Error).stack));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.ok(!error.message.includes('\n'));
    return true;
  });
}
