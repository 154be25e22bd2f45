import assert from 'node:assert/strict';
import { forwardFlops, methodFlops, START_BATCHES, type Countable } from '../../src/analysis/cost';
import * as layerStart from '../../src/methods/layerStart';

/** A BERT of two layers, hidden 4, feed-forward 8, vocabulary 10, three labels; and an OPT of one layer. */
const layer = (i: number) => ['query', 'key', 'value'].map((part) => [`l.${i}.${part}`, `l.${i}.in`, [4, 4]] as const).concat([[`l.${i}.out`, `l.${i}.out`, [4, 4]], [`l.${i}.wide`, `l.${i}.wide`, [8, 4]], [`l.${i}.narrow`, `l.${i}.narrow`, [4, 8]]] as never);
function model(layers: number, kind: string): Countable {
  const all = Array.from({ length: layers }, (_, i) => layer(i)).flat();
  return {
    linears: all.map(([weight, site]) => ({ weight, site })), shapes: { ...Object.fromEntries(all.map(([weight, , shape]) => [weight, shape])), embeddings: [10, 4], ...(kind === 'languageModel' ? {} : { 'pooler.dense.weight': [4, 4], 'classifier.weight': [3, 4], 'classifier.bias': [3] }) },
    probabilities: Array.from({ length: layers }, (_, i) => `p.${i}`), wordEmbedding: 'embeddings', hiddenSize: 4, head: { kind }, headNames: new Set(kind === 'languageModel' ? [] : ['pooler.dense.weight', 'classifier.weight', 'classifier.bias']),
  };
}
const bert = model(2, 'classification'), opt = model(1, 'languageModel');

// by hand, for 3 examples of 5 tokens: a layer's matrices have 4 x 16 + 2 x 32 = 128 entries
const PASS = 2 * 15 * 128 * 2 /* two layers */ + 2 * 4 * 3 * 25 * 4 /* QKᵀ and PV: 2 x 2 x 3 x 5 x 5 x 4 a layer */ + 2 * 3 * (16 + 12);
const DRAW = 2 * 15 * 128 + 4 * 3 * 25 * 4 + 2 * 15 * 4 * 6 /* the head asks about 6 candidates */;

describe('analysis/cost', () => {
  const size = { batch: 3, seq: 5 }, train = { ...size, steps: 10, stepsPerBatch: 1 };
  const sga = { ...train, sga: 'on', sam: 'on', look: { every: 1 }, adaptation: { kind: 'straightThrough', candidates: 6 }, generator: { mode: 'trained', every: 5, pass: 'own' } };

  it('a pass equals a count by hand', () => {
    assert.equal(forwardFlops(bert, size).total, PASS);
    assert.equal(forwardFlops(opt, { ...size, candidates: 6 }).total, DRAW);
    assert.equal(forwardFlops(opt, size).head, 2 * 15 * 4 * 10, 'the whole vocabulary');
    assert.equal(forwardFlops({ ...bert, head: { kind: 'maskedLanguageModel' }, headNames: new Set(['pooler.dense.weight']) }, size).head, 2 * 15 * (16 + 4 * 10), 'of masked words at every token, a layer of its own before the vocabulary');
  });

  it('SAM-SGA by phase equals a count by hand, and its parts can be left out', () => {
    const { source, generator, teacher, student, sam, update, total } = methodFlops('samSga', sga, bert, opt);
    assert.deepEqual([source, teacher, student, sam], [10 * DRAW, 10 * PASS, 30 * PASS, 30 * PASS]);
    assert.equal(generator, 2 * (3 * DRAW + 4 * PASS), 'two ascents');
    assert.equal(update, 10 * 12 * 256);
    assert.equal(total, source + generator + teacher + student + sam + update);
    assert.equal(methodFlops('adversarial', sga, bert, opt).sam, 0);
    assert.equal(methodFlops('samSga', { ...sga, sga: 'off' }, bert, opt).generator, 0);
    for (const [every, steps] of [[5, 2], [3, 4]]) assert.equal(methodFlops('samSga', { ...sga, look: { every } }, bert, opt).sam, 3 * steps * PASS, 'the first step too');
    assert.equal(methodFlops('samSga', { ...sga, stepsPerBatch: 5 }, bert, opt).teacher, 2 * PASS);
    assert.equal(START_BATCHES, layerStart.START_BATCHES);
    const started = methodFlops('samSga', { ...sga, layerwise: { steps: 4 } }, bert, opt); // two layers with two updates each, on two batches
    assert.deepEqual([started.teacher, started.student, started.update], [12 * PASS, 36 * PASS, 12 * 12 * 256]);
  });

  it('the other methods', () => {
    assert.equal(methodFlops('ptq', {}, bert).total, 0);
    assert.equal(methodFlops('qatRandom', train, bert).total, 40 * PASS + 10 * 12 * 256);
    assert.equal(methodFlops('llmQat', { ...train, sequences: 6 }, bert, opt).source, forwardFlops(opt, { batch: 6, seq: 5 }).total);
    // one site of GPTQ's first layer by hand: q, k and v share their input of 4
    const one: Countable = { ...bert, linears: bert.linears.slice(0, 3), probabilities: [] }, pass = 2 * 15 * 48 + 2 * 3 * 28;
    assert.ok(Math.abs(methodFlops('gptq', { ...size, sequences: 6, inputs: 'random' }, one).student - (pass + 2 * 30 * 16 + (2 / 3) * 64 + 5 * 12 * 16)) < 1e-9);
    const lkd = methodFlops('zeroQuant', { ...size, steps: 10, lkd: 'on', inputs: 'random', sequences: 6 }, bert);
    assert.deepEqual([lkd.teacher, lkd.student, lkd.update], [2 * PASS, 15 * PASS, 5 * 12 * 256]);
  });

  it('a method that needs a generator says so', () => assert.throws(() => methodFlops('samSga', sga, bert), /computes with a generator/));
});
