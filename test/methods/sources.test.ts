// Where the inputs of the methods to compare with come from: text a model writes itself, and real training text.
import assert from 'node:assert/strict';
import { Streams } from '../../src/core/random';
import { dispose } from '../../src/core/tree';
import { adversarial } from '../../src/methods/adversarial';
import { full } from '../../src/methods/full';
import { passes, realSource } from '../../src/methods/real';
import { tokenized } from '../../src/methods/realText';
import { samSga } from '../../src/methods/samSga';
import { disposeInputs } from '../../src/methods/source';
import { WrittenSource } from '../../src/methods/written';
import { generate } from '../../src/models/generate';
import { makeTokenizer } from '../../src/text/tokenizer';
import { free, tiny, tinyConfig, tinySettings, values, type Tiny } from './tiny';
import type { Job, RealData } from '../../src/methods/method';
import type { AdversarialConfig } from '../../src/methods/adversarial';

const layout = (form: Job['form']) => ({ batch: 4, seq: 8, form, shortest: 0.5, correlation: 0 });
const source = { set: 'tiny', split: 'train', rows: 3, sha256: '' };

describe('methods/written', () => {
  let encoder: Tiny, decoder: Tiny;
  before(async () => { [encoder, decoder] = [await tiny(), await tiny('opt-pre')]; });
  after(() => { encoder.dispose(); decoder.dispose(); });

  it('first tokens sweep over the vocabulary, greedy tokens follow, then samples of ordinary tokens; the bank is made once', () => {
    const { teacher } = decoder, job = decoder.job();
    let calls = 0;
    const counted = { ...teacher, model: { ...teacher.model, forward: ((...args) => { calls++; return teacher.model.forward(...args); }) as typeof teacher.model.forward } };
    const written = new WrittenSource({ ...job, teacher: counted }, layout('tokens'), 52, { greedy: 3, temperature: 1, by: 'teacher' }, new Streams(1)), rows: number[][] = [];
    const draw = () => {
      const { inputs, tokens } = written.next();
      assert.deepEqual([...inputs.ids!.dataSync()], [...tokens!]);
      disposeInputs(inputs);
      return [0, 1, 2, 3].map((r) => [...tokens!.slice(8 * r, 8 * r + 8)]);
    };
    for (let i = 0; i < 13; i++) rows.push(...draw());
    assert.deepEqual(rows.slice(0, 50).map((r) => r[0]).sort((a, b) => a - b), [...job.vocabulary], 'each token begins one sequence');
    assert.deepEqual(rows.slice(50).map((r) => r[0]), rows.slice(0, 2).map((r) => r[0]), 'then the sweep begins again');
    assert.ok(rows.flat().every((id) => job.vocabulary.includes(id)), 'no special tokens');
    const greedy = generate(teacher, rows.map((r) => [r[0]]), { maxTokens: 3, temperature: 0, candidates: job.vocabulary });
    assert.deepEqual(rows.map((r) => r.slice(1, 4)), greedy);
    assert.ok(new Set(rows.map(String)).size > 50, 'the rest is sampled');
    const before = calls, bank = new Set(rows.map(String)), again = Array.from({ length: 13 }, draw).flat();
    assert.equal(calls, before, 'nothing is written a second time');
    assert.deepEqual(again.map(String).sort(), rows.map(String).sort(), 'the second pass has every sequence once');
    assert.notDeepEqual(again, rows);
    assert.ok(bank.size > 0);
  });

  it('the teacher writes where it is a language model, else the generator, behind [CLS]', () => {
    const written = new WrittenSource(encoder.job(), layout('single'), 8, { greedy: 7, temperature: 1, by: 'teacher' }, new Streams(1)), { inputs, tokens } = written.next(), ids = inputs.ids!.dataSync();
    const [row] = generate(encoder.generator, [[tokens![1]]], { maxTokens: 6, temperature: 0, candidates: encoder.job().vocabulary });
    assert.deepEqual([...tokens!.slice(2, 8)], row, 'the generator\'s own words');
    assert.equal(ids[0], 1);
    assert.equal(ids[1], tokens![1], 'the first token is not lost');
    disposeInputs(inputs);
    const self = new WrittenSource(decoder.job({ generator: undefined }), layout('tokens'), 8, { greedy: 7, temperature: 1, by: 'teacher' }, new Streams(1)).next();
    assert.deepEqual([...self.tokens!.slice(1, 8)], generate(decoder.teacher, [[self.tokens![0]]], { maxTokens: 7, temperature: 0, candidates: decoder.job().vocabulary })[0]);
    disposeInputs(self.inputs);
    const { generator } = decoder, asked = new WrittenSource(decoder.job(), layout('tokens'), 8, { greedy: 7, temperature: 1, by: 'generator' }, new Streams(1)).next();
    assert.deepEqual([...asked.tokens!.slice(1, 8)], generate(generator, [[asked.tokens![0]]], { maxTokens: 7, temperature: 0, candidates: decoder.job().vocabulary })[0], 'for a language model too, if it is asked to');
    disposeInputs(asked.inputs);
  });

  it('refuses what cannot write for this teacher', () => {
    const make = (changes: Partial<Job>, seq = 8) => () => new WrittenSource(encoder.job(changes), { ...layout('single'), seq }, 8, { greedy: 1, temperature: 1, by: 'teacher' }, new Streams(1));
    assert.throws(make({ generator: undefined }), /text that a language model writes, and there is none/);
    assert.throws(() => new WrittenSource(decoder.job({ generator: undefined }), layout('tokens'), 8, { greedy: 1, temperature: 1, by: 'generator' }, new Streams(1)), /nor does a teacher that writing\.by=generator sets aside/);
    assert.throws(make({ generator: encoder.teacher }), /must be a causal language model/);
    assert.throws(make({}, 17), /has 16 positions/);
    assert.throws(make({ generator: { ...encoder.generator, model: { ...encoder.generator.model, vocabSize: 61 } } }), /the generator has 61 tokens, the teacher 60/);
  });
});

describe('methods/real', () => {
  const job = (data: RealData) => ({ data: () => data, seed: 5, teacher: { model: { padId: 0 }, params: {} } as never });
  const examples = (rows: number[][]): RealData => ({ source, kind: 'examples', rows: rows.length, row: (i, length) => ({ ids: rows[i].slice(0, length), typeIds: rows[i].map((_, k) => (k > 1 ? 1 : 0)).slice(0, length) }) });

  it('examples are cut, padded and masked, each once a pass', () => {
    const s = realSource(job(examples([[1, 5, 2], [1, 6, 7, 8, 9, 2], [1, 2]])), { batch: 3, seq: 4 });
    for (let pass = 0; pass < 3; pass++) {
      const { inputs } = s.next(), read = (x: { dataSync(): ArrayLike<number> }) => [0, 1, 2].map((r) => Array.from(x.dataSync()).slice(4 * r, 4 * r + 4).join(' '));
      const rows = read(inputs.ids!).map((ids, r) => `${ids} | ${read(inputs.mask!)[r]} | ${read(inputs.typeIds!)[r]}`).sort();
      assert.deepEqual(rows, ['1 2 0 0 | 1 1 0 0 | 0 0 0 0', '1 5 2 0 | 1 1 1 0 | 0 0 1 0', '1 6 7 8 | 1 1 1 1 | 0 0 1 1']);
      disposeInputs(inputs);
    }
    const of = passes('x', 1, 50), orders = [0, 1].map((p) => Array.from({ length: 50 }, (_, k) => of(50 * p + k)));
    assert.notDeepEqual(orders[0], orders[1]);
    orders.forEach((o) => assert.equal(new Set(o).size, 50));
  });

  it('running text gives windows from random places, its last tokens too', () => {
    const ids = Int32Array.from({ length: 9 }, (_, i) => i), s = realSource(job({ source, kind: 'stream', ids }), { batch: 40, seq: 5 }), { inputs } = s.next();
    const values = Array.from(inputs.ids!.dataSync()), starts = new Set<number>();
    for (let r = 0; r < 40; r++) {
      starts.add(values[5 * r]);
      assert.deepEqual(values.slice(5 * r, 5 * r + 5), [0, 1, 2, 3, 4].map((k) => values[5 * r] + k));
    }
    assert.deepEqual([...starts].sort(), [0, 1, 2, 3, 4]);
    disposeInputs(inputs);
    assert.throws(() => realSource(job({ source, kind: 'stream', ids }), { batch: 1, seq: 10 }), /9 training tokens/);
    assert.throws(() => realSource(job(examples([])), { batch: 1, seq: 10 }), /no training examples/);
  });

  it('only a training split is tokenized', () => {
    const tokenizer = { kind: 'wordpiece', special: { unk: 3, sep: 2 }, idToToken: () => '[UNK]', encode: (t: string) => t.split(' ').map(Number), encodePair: (a: string, b: string | undefined, n: number) => ({ ids: [a, b].join().split(',').map(Number).slice(0, n), typeIds: [] }) } as unknown as ReturnType<typeof makeTokenizer>;
    const stream = tokenized({ source, lines: ['7 8', '', '9'] }, tokenizer), few = tokenized({ source, examples: [{ text: '4', pair: '5' }] }, tokenizer);
    assert.deepEqual(stream.kind === 'stream' && [...stream.ids], [7, 8, 2, 9, 2]);
    assert.deepEqual(few.kind === 'examples' && few.row(0, 8).ids, [4, 5]);
    for (const split of ['dev', 'test', 'valid', 'validation']) assert.throws(() => tokenized({ source: { ...source, split }, lines: [] }, tokenizer), (e: { code: string }) => e.code === 'leak');
  });
});

describe('methods/adversarial and full', () => {
  it('adversarial is SAM-SGA without SAM, bit for bit; full precision is the teacher', async () => {
    const t = await tiny(), [a, b] = [await adversarial.run(t.job(), tinySettings('adversarial') as unknown as AdversarialConfig), await samSga.run(t.job(), { ...tinyConfig, sam: 'off' })];
    assert.deepEqual(values(a), values(b));
    assert.deepEqual(a.history, b.history);
    assert.ok(!('beta' in adversarial.defaults) && !('sam' in adversarial.defaults));
    const q = await full.run(t.job({ plan: { weights: {}, sites: [], activationBits: null } }), {});
    assert.deepEqual(values(q), values(t.teacher));
    [a, b, q].forEach(free);
    dispose({});
    t.dispose();
  });
});
