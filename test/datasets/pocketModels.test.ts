import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { anyTask, pocketModelPath, pocketTask, pocketText } from '../../datasets';
import { minimalPairs, pocketVocabulary } from '../../datasets/pocket';
import { dispose, evaluateTask, loadModel, loadTokenizer, perplexity, ready, tf, tokenStream } from '../../src/index';

const names = ['pocket-bert', 'pocket-opt', 'pocket-generator'] as const;
interface Card {
  seed: number;
  trainedOn: { set: string; split: string; amount: number; sha256: string }[];
  scores: Record<'dev' | 'test', { metric: string; score: number; examples: number }>;
}
const cardOf = (name: (typeof names)[number]): Card => JSON.parse(readFileSync(join(pocketModelPath(name), 'zsaq.json'), 'utf8'));

describe('pocket models', function () {
  this.timeout(180_000);
  before(() => ready());

  it('ship in a few megabytes, each with its card and the pocket vocabulary', () => {
    let bytes = 0;
    for (const name of names) {
      const dir = pocketModelPath(name);
      assert.ok(existsSync(dir), `${dir} is missing: npx tsx datasets/pocket/train.ts ${name}`);
      for (const file of readdirSync(dir)) bytes += statSync(join(dir, file)).size;
      assert.equal(readFileSync(join(dir, 'vocab.txt'), 'utf8'), pocketVocabulary().join('\n') + '\n');
      const [trained] = cardOf(name).trainedOn;
      assert.equal(trained.split, 'train');
      assert.match(trained.sha256, /^[0-9a-f]{64}$/);
    }
    assert.ok(bytes < 6e6, `${bytes} bytes`);
  });

  it('come from sets that do not meet', () => {
    const sets = names.map((name) => cardOf(name).trainedOn.map((t) => t.set).join());
    assert.deepEqual(sets, ['pocket-sentiment', 'pocket-tales', 'pocket-reports']);
    for (const set of sets) assert.ok(anyTask(set));
  });

  it('the classifier has the score of its card, at least 93', async () => {
    const dir = pocketModelPath('pocket-bert'), { model, params } = await loadModel(dir), { task, examples } = pocketTask('pocket-sentiment', 'dev');
    const { score } = await evaluateTask(model, params, loadTokenizer(dir), task, examples);
    dispose(params);
    const card = cardOf('pocket-bert').scores.dev;
    assert.ok(Math.abs(score - card.score) < 0.2 && score >= 93, `${score}, card ${card.score}`);
  });

  for (const [name, family] of [['pocket-opt', 'tales'], ['pocket-generator', 'reports']] as const) {
    it(`${name} has the perplexity of its card on ${family}`, async () => {
      const dir = pocketModelPath(name), { model, params } = await loadModel(dir), tokenizer = loadTokenizer(dir);
      const { score } = await perplexity(model, params, tokenStream(pocketText(family, 'test'), tokenizer));
      dispose(params);
      const card = cardOf(name).scores.test;
      assert.ok(Math.abs(score / card.score - 1) < 0.005 && score < 40, `${score}, card ${card.score}`);
    });
  }

  it('the language model has learnt the grammar: it prefers the acceptable sentence of most minimal pairs', async () => {
    const dir = pocketModelPath('pocket-opt'), { model, params } = await loadModel(dir), tokenizer = loadTokenizer(dir), sep = tokenizer.special.sep!;
    const logLikelihood = (text: string): number => tf.tidy(() => {
      const ids = [sep, ...tokenizer.encode(text)], n = ids.length - 1;
      const logits = model.forward(params, { ids: tf.tensor2d([ids.slice(0, n)], [1, n], 'int32') }).logits;
      const logs = tf.logSoftmax(tf.reshape(logits, [n, -1])).dataSync(), width = logs.length / n;
      return ids.slice(1).reduce((sum, id, i) => sum + logs[i * width + id], 0);
    });
    let right = 0, all = 0;
    for (const { acceptable, unacceptable } of minimalPairs('test')) {
      right += Number(logLikelihood(acceptable) > logLikelihood(unacceptable));
      if (++all === 300) break;
    }
    dispose(params);
    console.log(`      ${((100 * right) / all).toFixed(1)} of 100 pairs`);
    assert.ok(right / all > 0.85, `${right} of ${all}`);
  });
});
