import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bert, lastJson, opt, scratch, zsaq } from './helpers';

interface Result { task: string; metric: string; score: number; examples: number; details: Record<string, number>; protocol?: Record<string, unknown>; companions?: Result[]; notes: string[] }

describe('zsaq eval', () => {
  const s = scratch();
  after(() => s.remove());

  const run = async (...args: string[]): Promise<{ result: Result; text: string }> => {
    const ended = await zsaq('eval', '--json', ...args);
    assert.equal(ended.code, 0, ended.stderr);
    return { result: lastJson(ended) as unknown as Result, text: ended.stderr };
  };

  it('reports perplexity of tokens and of words, and the protocol', async () => {
    const data = s.path('data');
    mkdirSync(join(data, 'wikitext-2'), { recursive: true });
    writeFileSync(join(data, 'wikitext-2', 'test.txt'), ' \n = the dog = \n \n the dog saw the <unk> cat . \n'.repeat(40));
    const { result, text } = await run('--model', opt, '--task', 'wikitext-2', '--data', data, '--context', '32', '--stride', '16');
    const { details, protocol } = result, words = 40 * (4 + 4 + 7);
    assert.deepEqual([result.metric, details.words], ['perplexity', words]);
    assert.ok(Math.abs(details.wordPerplexity - Math.exp(Math.log(result.score) * (details.tokens - 1) / words)) < 1e-6 * details.wordPerplexity);
    assert.deepEqual([protocol!.context, protocol!.stride, protocol!.separator], [32, 16, null]);
    assert.match(String(protocol!.tokenization), /WordPiece tokens: lines stripped/);
    assert.match(text, /perplexity of a word +\S+ +600\n/);
    assert.match(text, /Windows of 32 predictions every 16, nothing carried over; WordPiece/);
    assert.match(text, /text of WikiText-103 is that of WikiText-2/);
    assert.equal(result.notes.length, 1);
    mkdirSync(join(data, 'wikitext-2-raw'), { recursive: true });
    writeFileSync(join(data, 'wikitext-2-raw', 'test.txt'), ' the dog saw the cat . \n'.repeat(200));
    const raw = await run('--model', opt, '--task', 'wikitext-2-raw', '--data', data);
    assert.deepEqual([raw.result.details.wordPerplexity, raw.result.protocol!.words, raw.result.protocol!.context], [undefined, null, 128]);
    writeFileSync(join(data, 'wikitext-2', 'test.txt'), ' the dog saw the cat . \n'.repeat(200));
    const mixed = await zsaq('eval', '--model', opt, '--task', 'wikitext-2', '--data', data);
    assert.match(mixed.stderr, /^zsaq: .*test\.txt is not the text of wikitext-2: 0\.00 % of its words are <unk>, as in wikitext-2-raw.*\n$/);
    assert.equal(mixed.code, 1);
  });

  it('reports both sets of MNLI', async () => {
    const data = s.path('mnli'), model = s.copy(bert, 'three'), config = join(model, 'config.json');
    writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, 'utf8')), id2label: { 0: 'entailment', 1: 'not_entailment' }, label2id: undefined }));
    mkdirSync(join(data, 'MNLI'), { recursive: true });
    const header = 'sentence1\tsentence2\tgold_label\n';
    writeFileSync(join(data, 'MNLI', 'dev_matched.tsv'), `${header}a\tb\tneutral\n`);
    writeFileSync(join(data, 'MNLI', 'dev_mismatched.tsv'), `${header}a\tb\tneutral\n`);
    const refused = await zsaq('eval', '--model', model, '--task', 'MNLI', '--data', data);
    assert.match(refused.stderr, /the model tells 2 labels apart .*MNLI has 3/);
    const models = process.env.ZSAQ_MODELS;
    if (!models) return void console.log('      the scores skipped: set ZSAQ_MODELS');
    const { result, text } = await run('--model', join(models, 'minilm-mnli'), '--task', 'MNLI', '--data', data);
    assert.deepEqual([result.task, result.examples, result.companions!.map(({ task, examples }) => [task, examples])], ['MNLI', 1, [['MNLI-mm', 1]]]);
    assert.match(text, /MNLI +accuracy .*\nMNLI-mm +accuracy /);
  });

  it('a mistake is one sentence', async () => {
    for (const [args, sentence, code] of [
      [['--task', 'pocket-tales', '--context', '0'], /a context of 0: the model takes 1 to/, 1], [['--task', 'pocket-tales', '--context', '99999'], /a context of 99999: the model takes 1 to/, 1],
      [['--task', 'pocket-tales', '--context', '8', '--stride', '9'], /a stride of 9: give 1 to the context, 8/, 1], [['--task', 'pocket-tales', '--stride', 'x'], /--stride x: give a whole number/, 2],
      [['--task', 'RTE'], /RTE needs its data: give --data DIR, or set ZSAQ_DATA|languageModel head/, 1],
    ] as const) {
      const ended = await zsaq('eval', '--model', opt, ...args);
      assert.match(ended.stderr, sentence);
      assert.match(ended.stderr, /^zsaq: [^\n]+\n$/);
      assert.deepEqual([ended.code, ended.stdout], [code, '']);
    }
  });
});
