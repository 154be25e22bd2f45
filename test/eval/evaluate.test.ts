import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadTask } from '../../datasets/glue';
import { loadText } from '../../datasets/languageModel';
import { findTask } from '../../datasets/tasks';
import { ready, tf } from '../../src/core/backend';
import { ZsaqError } from '../../src/core/error';
import { tensorCount } from '../../src/core/memory';
import { Stream } from '../../src/core/random';
import { dispose } from '../../src/core/tree';
import { evaluateTask, outputOrder } from '../../src/eval/glue';
import { perplexity, tokenLosses, wordPerplexity } from '../../src/eval/perplexity';
import type { Example, TaskSpec } from '../../src/eval/task';
import { loadModel } from '../../src/models/load';
import type { Head, Model } from '../../src/models/model';
import { tokenStream } from '../../src/text/stream';
import { loadTokenizer } from '../../src/text/tokenizer';
import { hard, tokenizerOf } from '../text/synthetic';

/** A model whose logits are a function of its inputs, worked out on the host. */
function stub(head: Head, vocabSize: number, logits: (ids: number[][], mask: number[][]) => number[] | number[][] | number[][][]): Model {
  return {
    head, vocabSize, maxLength: 64, padId: 0,
    forward(_params: unknown, { ids, mask }: { ids: any; mask?: any }) {
      const rows = ids.arraySync() as number[][];
      return { logits: tf.tensor(logits(rows, mask?.arraySync() ?? rows)), hidden: [tf.zeros([1])] };
    },
  } as unknown as Model;
}

const task: TaskSpec = { name: 'toy', kind: 'classification', metric: 'accuracy', secondary: ['f1', 'matthews'], pair: false, labelNames: ['no', 'yes'], note: '' };
const tokenizer = tokenizerOf(hard.sets[0]);

const rejects = (act: Promise<unknown>, code: string, message: RegExp) => assert.rejects(act, (e) => e instanceof ZsaqError && e.code === code && message.test(e.message));

describe('evaluation of classification and regression', () => {
  before(ready);
  const count = (row: number[]) => row.reduce((a, b) => a + b, 0);
  // Says "yes" for texts of more than two tokens between [CLS] and [SEP]; its outputs stand in the order yes, no.
  const model = stub({ kind: 'classification', labels: ['YES', 'No'] }, 500, (_ids, mask) => mask.map((m) => [count(m) - 4.5, 0]));
  const examples: Example[] = [{ text: 'the', label: 0 }, { text: 'the the the', label: 1 }, { text: 'the the', label: 1 }, { text: 'the the the the', label: 1 }];

  it('compares by label name, in the order of the examples, whatever the batches', async () => {
    for (const batchTokens of [1, 8, 1000]) {
      const before = tensorCount();
      const r = await evaluateTask(model, {}, tokenizer, task, examples, { batchTokens });
      assert.deepEqual([...r.predictions], [0, 1, 0, 1]);
      assert.deepEqual([r.metric, r.score, r.examples, r.details.accuracy], ['accuracy', 75, 4, 75]);
      assert.ok(Math.abs(r.details.f1! - 80) < 1e-9);
      assert.equal(tensorCount(), before);
    }
  });
  it('cuts at maxLength and tells how far it is', async () => {
    const seen: number[] = [];
    const r = await evaluateTask(model, {}, tokenizer, task, examples, { maxLength: 4, batchTokens: 8, onProgress: ({ done, total }) => seen.push(done / total) });
    assert.deepEqual([...r.predictions], [0, 0, 0, 0]);
    assert.deepEqual(seen, [0.5, 1]);
  });
  it('cuts at the model\'s own length too', async () => {
    const seen: number[] = [], short = { head: { kind: 'classification', labels: ['no', 'yes'] }, vocabSize: 500, maxLength: 4, padId: 0, forward: (_: unknown, { ids }: { ids: { shape: number[] } }) => { seen.push(ids.shape[1]); return { logits: tf.zeros([ids.shape[0], 2]), hidden: [] }; } } as unknown as Model;
    await evaluateTask(short, {}, tokenizer, task, [{ text: 'the the the the the', label: 0 }]);
    assert.deepEqual(seen, [4]);
  });

  it('refuses examples whose text or label is none, for they would count as wrong', async () => {
    const of = (changes: Partial<TaskSpec>, ...bad: unknown[]) => evaluateTask(model, {}, tokenizer, { ...task, ...changes }, [...examples, ...bad] as Example[]);
    await rejects(of({}, { text: 'a', label: 'yes' }), 'range', /toy: example 4 has the label "yes": give the place of its name among no, yes, 0 to 1/);
    await rejects(of({}, { text: 'a', label: 2 }), 'range', /the label 2/);
    await rejects(of({}, { sentence: 'a', label: 1 }), 'range', /example 4 has no text/);
    await rejects(of({ metric: 'exact' as never }), 'usage', /no metric "exact": choose accuracy/);
  });

  it('follows a given label order, and GLUE\'s where the model never named its labels', () => {
    assert.deepEqual(outputOrder(model, task), [1, 0]);
    assert.deepEqual(outputOrder(model, task, ['no', 'yes']), [0, 1]);
    assert.deepEqual(outputOrder({ head: { kind: 'classification', labels: ['LABEL_0', 'LABEL_1'] } }, task), [0, 1]);
    const mnli = findTask('MNLI');
    assert.deepEqual(outputOrder({ head: { kind: 'classification', labels: ['contradiction', 'Entailment', 'NEUTRAL'] } }, mnli), [2, 0, 1]);
  });
  it('counts an answer that is not finite as wrong', async () => {
    const broken = stub({ kind: 'classification', labels: ['no', 'yes'] }, 500, (ids) => ids.map(() => [NaN, 0]));
    const r = await evaluateTask(broken, {}, tokenizer, task, examples);
    assert.equal(r.score, 0);
    assert.ok(r.predictions.every(Number.isNaN));
  });
  it('correlates regression values, and gives NaN for constant ones', async () => {
    const regression: TaskSpec = { ...task, kind: 'regression', metric: 'pearsonSpearman', secondary: ['pearson'], labelNames: [] };
    const values: Example[] = examples.map((e, i) => ({ ...e, label: [1, 3, 2, 4][i] }));
    const line = await evaluateTask(stub({ kind: 'regression' }, 500, (_ids, mask) => mask.map((m) => [count(m)])), {}, tokenizer, regression, values);
    assert.deepEqual([line.metric, Math.round(line.score * 1e6) / 1e6], ['mean of Pearson and Spearman', 100]);
    const flat = await evaluateTask(stub({ kind: 'regression' }, 500, (ids) => ids.map(() => [1])), {}, tokenizer, regression, values);
    assert.ok(Number.isNaN(flat.score));
  });
  it('refuses heads, labels and lists that do not fit, and stops when asked to', async () => {
    await rejects(evaluateTask(stub({ kind: 'regression' }, 9, () => []), {}, tokenizer, task, examples), 'mismatch', /regression head/);
    await rejects(evaluateTask(stub({ kind: 'classification', labels: ['a', 'b', 'c'] }, 9, () => []), {}, tokenizer, task, examples), 'mismatch', /3 labels/);
    await rejects(evaluateTask(stub({ kind: 'classification', labels: ['left', 'right'] }, 9, () => []), {}, tokenizer, task, examples), 'mismatch', /left, right/);
    await rejects(evaluateTask(stub({ kind: 'classification', labels: ['yes', 'no'] }, 9, () => []), {}, tokenizer, task, examples), 'mismatch', /the tokenizer has 257 tokens, the model 9/);
    await rejects(evaluateTask(model, {}, tokenizer, task, []), 'range', /no examples/);
    await rejects(evaluateTask(model, {}, tokenizer, task, examples, { signal: { aborted: true } }), 'cancelled', /stopped/);
  });
});

describe('perplexity', () => {
  before(ready);
  const V = 7;
  const ids = Array.from({ length: 41 }, () => 0).map(((s) => () => s.int(V))(new Stream('perplexity test', 1)));
  /** log p(next | this) of a fixed table, known on the host in float64 */
  const table = ((s) => Array.from({ length: V }, () => Array.from({ length: V }, () => Math.fround(s.normal() * 2))))(new Stream('table', 2));
  const model = stub({ kind: 'languageModel' }, V, (rows) => rows.map((r) => r.map((id) => table[id])));
  const loss = (from: number, to: number) => Math.log(table[from].reduce((a, b) => a + Math.exp(b), 0)) - table[from][to];
  const mean = (from: number, to: number) => { let s = 0; for (let i = from; i < to; i++) s += loss(ids[i], ids[i + 1]); return s / (to - from); };

  it('equals a float64 sum over the windows, whatever the batch', async () => {
    const before = tensorCount();
    for (const batch of [1, 3, undefined]) {
      const r = await perplexity(model, {}, ids, { window: 6, batch });
      assert.equal(r.examples, 36); // 40 predictions, windows of 6: the rest of 4 is left out
      assert.ok(Math.abs(r.nll - mean(0, 36)) < 1e-6, `${r.nll} ${mean(0, 36)}`);
      assert.ok(Math.abs(r.score - Math.exp(r.nll)) < 1e-12);
      assert.equal(r.windows.length, 6);
      r.windows.forEach((x, i) => assert.ok(Math.abs(x - mean(6 * i, 6 * (i + 1))) < 1e-6, `window ${i}`));
    }
    assert.equal(tensorCount(), before);
  });
  it('counts every prediction once where windows overlap', async () => {
    const r = await perplexity(model, {}, ids, { window: 6, stride: 2 });
    assert.equal(r.examples, 40);
    assert.ok(Math.abs(r.nll - mean(0, 40)) < 1e-6);
  });
  it('counts every prediction once whatever the batch, and a window has the mean of those that it counts', async () => {
    const size = 7, text = Array.from({ length: 41 }, (_, i) => (i * i + 3 * i) % size), table = Array.from({ length: size }, (_, a) => Array.from({ length: size }, (_, b) => Math.sin(3 * a + 5 * b)));
    const bigrams = { head: { kind: 'languageModel' }, vocabSize: size, forward: (_: unknown, { ids: x }: { ids: never }) => ({ logits: tf.gather(tf.tensor2d(table), x), hidden: [] }) } as unknown as Model;
    const losses = text.slice(1).map((b, i) => Math.log(table[text[i]].reduce((sum, z) => sum + Math.exp(z), 0)) - table[text[i]][b]), mean = (from: number, to: number) => losses.slice(from, to).reduce((sum, x) => sum + x, 0) / (to - from);
    for (const batch of [1, 4, undefined]) {
      const r = await perplexity(bigrams, {}, text, { window: 6, stride: 2, batch });
      assert.equal(r.examples, 40);
      assert.ok(Math.abs(r.nll - mean(0, 40)) < 1e-6);
      r.windows.forEach((x, k) => assert.ok(Math.abs(x - (k ? mean(4 + 2 * k, 6 + 2 * k) : mean(0, 6))) < 1e-6, `window ${k}`));
    }
  });

  it('of a model that knows nothing is the size of the vocabulary', async () => {
    const flat = stub({ kind: 'languageModel' }, V, (rows) => rows.map((r) => r.map(() => Array<number>(V).fill(3))));
    assert.ok(Math.abs((await perplexity(flat, {}, ids, { window: 4 })).score - V) < 1e-5);
  });
  it('of a word is exp(total nll / words), whatever the tokens are', () => {
    assert.ok(Math.abs(wordPerplexity(Math.log(2), 201, 100) - 4) < 1e-12); // 200 predictions of log 2 over 100 words
    const total = 300;
    assert.ok(Math.abs(wordPerplexity(total / 50, 51, 25) - wordPerplexity(total / 200, 201, 25)) < 1e-6);
    assert.throws(() => wordPerplexity(1, 1, 5), /two tokens and a word/);
    assert.throws(() => wordPerplexity(1, 5, 0), /two tokens and a word/);
  });
  it('gives NaN where logits are NaN', async () => {
    const broken = stub({ kind: 'languageModel' }, V, (rows) => rows.map((r) => r.map(() => Array<number>(V).fill(NaN))));
    assert.ok(Number.isNaN((await perplexity(broken, {}, ids, { window: 4 })).score));
  });
  it('has losses equal to float64 on the host', async () => {
    const s = new Stream('logits', 3), n = 50, width = 300;
    const logits = tf.tensor2d(Float32Array.from({ length: n * width }, () => 20 * s.normal()), [n, width]);
    const targets = tf.tensor1d(Int32Array.from({ length: n }, () => s.int(width)), 'int32');
    const losses = tokenLosses(logits, targets);
    const host = await logits.array(), wanted = await targets.data();
    const got = await losses.data();
    host.forEach((row, i) => {
      const top = Math.max(...row), exact = top + Math.log(row.reduce((t, v) => t + Math.exp(v - top), 0)) - row[wanted[i]];
      assert.ok(Math.abs(got[i] - exact) < 1e-5 * Math.max(1, exact), `${i}: ${got[i]} instead of ${exact}`);
    });
    dispose({ logits, targets, losses });
  });
  it('refuses other heads, foreign ids, short texts and gaps', async () => {
    await rejects(perplexity(stub({ kind: 'regression' }, V, () => []), {}, ids), 'mismatch', /language model/);
    await rejects(perplexity(model, {}, [...ids, V], { window: 6 }), 'range', /token id 7 at place 41/);
    await rejects(perplexity(model, {}, ids), 'range', /41 tokens do not fill/);
    await rejects(perplexity(model, {}, ids, { window: 4, stride: 5 }), 'range', /stride of 5/);
    await rejects(perplexity(model, {}, ids, { window: 4, signal: { aborted: true } }), 'cancelled', /stopped/);
  });
});

describe('scores of the shared models', () => {
  const data = process.env.ZSAQ_DATA, models = process.env.ZSAQ_MODELS;
  // The two long ones (a minute each) run with ZSAQ_ALL_SCORES=1.
  const long = new Set(['minilm-qnli', 'opt-wikitext']);
  const names = ['minilm-sst2', 'minilm-mrpc', 'minilm-stsb', 'minilm-rte', 'minilm-qnli', 'minilm-qqp', 'minilm-mnli', 'opt-wikitext', 'opt-ptb'];
  before(ready);
  for (const name of names) {
    it(name, async function () {
      if (!data || !models) { console.log('      skipped: set ZSAQ_DATA and ZSAQ_MODELS'); this.skip(); }
      if (long.has(name) && !process.env.ZSAQ_ALL_SCORES) { console.log('      skipped: a long one, set ZSAQ_ALL_SCORES=1'); this.skip(); }
      this.timeout(600_000);
      const wanted = (JSON.parse(readFileSync(join(models, 'scores.json'), 'utf8')) as Record<string, { task: string; score: number; metric: string; examples: number; tolerance: number }>)[name];
      const { model, params } = await loadModel(join(models, name)), tok = loadTokenizer(join(models, name));
      const r = wanted.metric === 'perplexity'
        ? await perplexity(model, params, tokenStream(loadText(wanted.task, 'test', data), tok))
        : await (({ task: t, examples }) => evaluateTask(model, params, tok, t, examples))(loadTask(wanted.task, 'dev', data));
      dispose(params);
      assert.deepEqual([r.metric, r.examples], [wanted.metric, wanted.examples]);
      assert.ok(Math.abs(r.score - wanted.score) <= wanted.tolerance, `${r.score} instead of ${wanted.score}`);
    });
  }
});
