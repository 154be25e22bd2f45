// Teachers of one's own: heads, cards, the file that is read, scores of the saved model, interruption, bad input.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { savePretrained } from '../../src/io/pretrained';
import { openSafetensors } from '../../src/io/safetensors';
import { loadModel, storedTensors } from '../../src/models/load';
import { pocketTask, pocketText } from '../../datasets';
import { bert, lastJson, opt, scratch, spawnZsaq, zsaq } from './helpers';

interface Card { name: string; base: { name: string; card: boolean }; fresh: string[]; trainedOn: { set: string; split: string; file?: string; rows: number; sha256: string }[]; scores: Record<string, { score: number }>; checkpoint: string }

const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;
const sha = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('zsaq finetune', () => {
  const s = scratch(), data = s.path('data');
  after(() => s.remove());

  const write = (path: string, lines: readonly string[]) => {
    mkdirSync(s.path(...path.split('/').slice(0, -1)), { recursive: true });
    writeFileSync(s.path(path), `${lines.join('\n')}\n`);
  };
  const labelled = (split: 'train' | 'dev', n: number) => pocketTask('pocket-sentiment', split, n).examples;
  const finetune = (out: string, ...args: string[]) => zsaq('finetune', '--data', data, '--batch', '16', '--out', s.path(out), '--json', ...args);
  const cardOf = (out: string) => readJson<Card>(s.path(out, 'model', 'zsaq.json'));

  before(async () => {
    const sst = (split: 'train' | 'dev', n: number) => ['sentence\tlabel', ...labelled(split, n).map((e) => `${e.text}\t${e.label}`)];
    write('data/glue/SST-2/train_full.tsv', sst('train', 400));
    write('data/glue/SST-2/train.tsv', sst('train', 100));
    write('data/glue/SST-2/dev.tsv', sst('dev', 80));
    const pairs = (n: number, label: (i: number) => string | number) => labelled('train', 2 * n).slice(0, n).map((e, i) => [i, e.text, labelled('train', 2 * n)[n + i].text, label(i)]);
    for (const [split, n] of [['train', 64], ['dev', 24]] as const) {
      write(`data/glue/RTE/${split}.tsv`, ['index\tsentence1\tsentence2\tlabel', ...pairs(n, (i) => ['entailment', 'not_entailment'][i % 2]).map((r) => r.join('\t'))]);
      write(`data/glue/STS-B/${split}.tsv`, ['index\tsentence1\tsentence2\tscore', ...pairs(n, (i) => (i % 11) / 2).map((r) => r.join('\t'))]);
      write(`data/glue/CoLA/${split}.tsv`, labelled(split, n).map((e) => `gj04\t${e.label}\t\t${e.text}`));
    }
    const text = (split: 'train' | 'dev' | 'test') => pocketText('reports', split, 6000).map((line) => line.split(' ').map((w, i) => (i % 25 ? w : '<unk>')).join(' '));
    for (const [name, split] of [['train', 'train'], ['valid', 'dev'], ['test', 'test']] as const) write(`data/ptb/${name}.txt`, text(split));

    // As all-MiniLM-L6-v2 is stored: names without prefix, no head; here not even the pooler.
    const { model, params, config } = await loadModel(bert), { id2label: _, label2id: __, problem_type: ___, ...bare } = config;
    const body = Object.entries(storedTensors(model, params)).filter(([name]) => !/pooler|classifier/.test(name)).map(([name, x]) => [name.replace(/^bert\./, ''), x]);
    savePretrained(s.path('bare'), { config: { ...bare, architectures: ['BertModel'] }, tensors: Object.fromEntries(body), copyFrom: bert });
  });

  it('gives an encoder without a head one, trains on the full set, and records what it did', async () => {
    const ended = await finetune('sst2', '--model', s.path('bare'), '--task', 'sst2', '--epochs', '4', '--rate', '3e-4'), json = lastJson(ended);
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stderr, /SST-2: 400 training examples of train_full\.tsv; new bert\.pooler\.dense\.weight/);
    const card = cardOf('sst2');
    assert.deepEqual(card.trainedOn, [{ set: 'SST-2', split: 'train', file: 'train_full.tsv', rows: 400, sha256: sha(s.path('data/glue/SST-2/train_full.tsv')) }]);
    assert.deepEqual([card.name, card.base, card.checkpoint], ['sst2', { name: 'bare', card: false }, 'the last step']);
    assert.deepEqual(card.fresh, ['bert.pooler.dense.weight', 'bert.pooler.dense.bias', 'classifier.weight', 'classifier.bias']);

    const config = readJson<Record<string, unknown>>(s.path('sst2/model/config.json'));
    assert.deepEqual([config.architectures, config.id2label, config.label2id, config.problem_type, config.dtype],
      [['BertForSequenceClassification'], { 0: 'negative', 1: 'positive' }, { negative: 0, positive: 1 }, 'single_label_classification', 'float16']);
    const file = openSafetensors(s.path('sst2/model/model.safetensors'));
    assert.deepEqual(file.info('classifier.weight'), { ...file.info('classifier.weight'), dtype: 'F16', shape: [2, 128] });
    file.close();

    const scored = lastJson(await zsaq('eval', '--model', s.path('sst2/model'), '--task', 'SST-2', '--data', data, '--json'));
    const { score } = (json.scores as Card['scores'])['SST-2 dev'];
    assert.equal(score, scored.score);
    assert.equal(card.scores['SST-2 dev'].score, score);
    assert.ok(score > 65, `accuracy ${score} of an encoder that has seen the task before`);
    const metrics = readFileSync(s.path('sst2/metrics.json'), 'utf8');
    for (const key of ['seed', 'commit', 'backend', 'device', 'seconds', 'steps', 'recipe', 'epochs']) assert.ok(key in (JSON.parse(metrics) as object), key);
    assert.ok(!metrics.includes(s.path()), 'a path of this machine');
    const history = readJson<{ step: number; loss: number }[]>(s.path('sst2/history.json'));
    assert.deepEqual(history.map((e) => e.step), [50, 100]);
    assert.ok(history[1].loss < history[0].loss, JSON.stringify(history));

    assert.match((await finetune('sst2', '--model', s.path('bare'), '--task', 'sst2', '--epochs', '4', '--rate', '3e-4')).stderr, /already finished/);
    assert.match((await finetune('sst2', '--model', s.path('bare'), '--task', 'sst2', '--epochs', '4', '--rate', '1e-4')).stderr, /holds a run with other settings/);
  });

  it('keeps a head that tells the same labels apart, and of another task\'s all but its outputs; the cards add up', async () => {
    const kept = await finetune('again', '--model', s.path('sst2/model'), '--task', 'SST-2', '--train', s.path('data/glue/SST-2/train.tsv'), '--epochs', '1');
    assert.match(kept.stderr, /100 training examples of train\.tsv; the head is kept/);
    assert.deepEqual(cardOf('again').trainedOn.map((t) => [t.set, t.rows]), [['SST-2', 400], ['SST-2', 100]]);
    const other = await finetune('cola', '--model', s.path('sst2/model'), '--task', 'CoLA', '--epochs', '1');
    assert.equal(other.code, 0, other.stderr);
    assert.deepEqual(cardOf('cola').fresh, ['classifier.weight', 'classifier.bias']);
    assert.deepEqual([cardOf('cola').base, cardOf('cola').trainedOn.map((t) => t.set)], [{ name: 'sst2', card: true }, ['SST-2', 'CoLA']]);
    assert.deepEqual(readJson<{ id2label: unknown }>(s.path('cola/model/config.json')).id2label, { 0: 'unacceptable', 1: 'acceptable' });
  });

  it('trains pairs, and a regression on one logit', async () => {
    const pair = lastJson(await finetune('rte', '--model', bert, '--task', 'RTE', '--epochs', '1'));
    assert.equal((pair.scores as Card['scores'])['RTE dev'].score, lastJson(await zsaq('eval', '--model', s.path('rte/model'), '--task', 'RTE', '--data', data, '--json')).score);
    const ended = await finetune('stsb', '--model', bert, '--task', 'STS-B', '--epochs', '30', '--rate', '5e-4');
    assert.equal(ended.code, 0, ended.stderr);
    const history = readJson<{ loss: number }[]>(s.path('stsb/history.json'));
    assert.ok(history.at(-1)!.loss < 2, `squared error ${history.at(-1)!.loss} of scores from 0 to 5, whose variance is 2.5`);
    assert.equal(readJson<{ problem_type: string }>(s.path('stsb/model/config.json')).problem_type, 'regression');
  });

  it('goes on training a language model on a text', async () => {
    const before = lastJson(await zsaq('eval', '--model', opt, '--task', 'ptb', '--data', data, '--json'));
    const ended = await finetune('text', '--model', opt, '--text', 'ptb', '--max-length', '64', '--batch', '4', '--epochs', '1', '--rate', '1e-3'), scores = lastJson(ended).scores as Card['scores'];
    assert.equal(ended.code, 0, ended.stderr);
    assert.ok(scores['ptb test'].score < 0.8 * (before.score as number), `${scores['ptb test'].score} after, ${String(before.score)} before`);
    assert.ok(scores['ptb validation'].score > 1);
    assert.deepEqual(cardOf('text').trainedOn.map((t) => [t.set, t.sha256]), [['pocket-tales', cardOf('text').trainedOn[0].sha256], ['ptb', sha(s.path('data/ptb/train.txt'))]]);
  });

  it('stops at Ctrl-C with a checkpoint; the same command continues to a bit-identical model', async () => {
    const args = (out: string) => ['finetune', '--model', bert, '--task', 'SST-2', '--data', data, '--epochs', '2', '--batch', '8', '--checkpoint-seconds', '0', '--out', s.path(out)];
    assert.equal((await spawnZsaq(args('whole'))).code, 0);
    let timer: NodeJS.Timeout | undefined;
    const checkpoints = () => (existsSync(s.path('stopped/checkpoints')) ? readdirSync(s.path('stopped/checkpoints')).filter((n) => n.endsWith('.safetensors')) : []);
    const stopped = await spawnZsaq(args('stopped'), (_, child) => {
      timer ??= setInterval(() => { if (checkpoints().length) { clearInterval(timer); child.kill('SIGINT'); } }, 10);
    });
    clearInterval(timer);
    assert.equal(stopped.code, 130, stopped.stderr);
    assert.match(stopped.stdout, /stopped after \d+ steps; the same command continues from the last checkpoint/);
    assert.ok(checkpoints().length && !existsSync(s.path('stopped/model')));
    const continued = await spawnZsaq(args('stopped'));
    assert.equal(continued.code, 0, continued.stderr);
    for (const name of ['model/model.safetensors', 'history.json']) assert.equal(sha(s.path('stopped', name)), sha(s.path('whole', name)), name);
    assert.ok(!existsSync(s.path('stopped/checkpoints')), 'a finished run needs none');
  }).timeout(180_000);

  const wrong: [string, string[], RegExp, number][] = [
    ['neither a task nor a text', ['--model', bert], /give either --task or --text/, 2],
    ['both', ['--model', bert, '--task', 'RTE', '--text', 'ptb'], /give either --task or --text/, 2],
    ['a text as task', ['--model', opt, '--task', 'ptb'], /ptb is running text: give it as --text/, 2],
    ['a task as text', ['--model', opt, '--text', 'RTE'], /RTE has examples, not running text: it is a --task of finetune/, 2],
    ['a language model on a task', ['--model', opt, '--task', 'RTE'], /is a opt model, and RTE needs an encoder/, 1],
    ['a classifier on a text', ['--model', bert, '--text', 'ptb'], /ptb is text for a language model/, 1],
    ['a set without training file', ['--model', bert, '--task', 'MNLI-mm'], /MNLI-mm has no training set of its own: train on MNLI/, 2],
    ['a file that is not there', ['--model', bert, '--task', 'MRPC'], /no file for the training set of MRPC in .*glue\/MRPC\/train\.tsv/, 1],
    ['a file of another layout', ['--model', bert, '--task', 'RTE', '--train', s.path('data/glue/SST-2/dev.tsv')], /dev\.tsv has no column "sentence1"/, 1],
    ['a batch larger than the set', ['--model', bert, '--task', 'RTE', '--batch', '500'], /64 examples do not fill 1 batches of 500: make the batch smaller/, 1],
    ['no step at all', ['--model', bert, '--task', 'RTE', '--epochs', '0.01'], /a training of 0 steps/, 1],
    ['a rate of nothing', ['--model', bert, '--task', 'RTE', '--rate', '0'], /--rate 0: give a number above 0/, 2],
    ['a batch of nothing', ['--model', bert, '--task', 'RTE', '--batch', '0'], /--batch 0: give a whole number of at least 1/, 2],
    ['no room for a token', ['--model', bert, '--task', 'RTE', '--max-length', '2'], /a maximal length of 2 leaves no room for the special tokens/, 1],
    ['a rate that breaks it', ['--model', bert, '--task', 'RTE', '--rate', '1e30', '--epochs', '3'], /at step \d+: lower the learning rate/, 1],
  ];
  for (const [what, args, message, code] of wrong) {
    it(`refuses ${what} in a sentence`, async () => {
      const ended = await finetune(`bad/${what.replace(/ /g, '-')}`, ...args);
      assert.match(ended.stderr, message);
      assert.equal(ended.code, code);
      assert.ok(!/\n\s+at /.test(ended.stderr) && !existsSync(s.path(`bad/${what.replace(/ /g, '-')}/model`)));
    });
  }
});
