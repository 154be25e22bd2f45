import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { bleu, compressionRatio, distinctN, embeddingSpread, energyDistance, meanEmbeddings, measureDiversity, selfBleu, tokenDivergence, vendiScore } from '../../src/analysis/diversity';
import { fixture } from '../fixtures/dump';

interface Expected { tokens: string[][]; vectors: number[][]; distinct: [number, number]; bleu: number[]; selfBleu: number; compression: number; vendi: number; spread: number }
const { between, ...texts } = JSON.parse(readFileSync(fixture('diversity', 'expected.json'), 'utf8')) as Record<'varied' | 'alike' | 'short', Expected> & { between: { tokenDivergence: number; energyDistance: number } };
const close = (a: number, b: number, what: string, tolerance = 1e-9) => assert.ok(Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b)), `${what}: ${a}, not ${b}`);

describe('analysis/diversity', () => {
  for (const [name, e] of Object.entries(texts)) {
    it(`${name}: as NLTK, vendi-score, SciPy and gzip measure it`, () => {
      close(distinctN(e.tokens, 1), e.distinct[0], 'distinct-1');
      close(distinctN(e.tokens, 2), e.distinct[1], 'distinct-2');
      e.tokens.forEach((hypothesis, i) => close(bleu(hypothesis, e.tokens.filter((_, k) => k !== i)), e.bleu[i], `BLEU of ${hypothesis.join(' ')}`));
      close(selfBleu(e.tokens), e.selfBleu, 'self-BLEU');
      close(compressionRatio(e.tokens), e.compression, 'compression', 0.05); // Node's zlib finds other matches than Python's: three bytes of sixty
      close(vendiScore(e.vectors), e.vendi, 'Vendi');
      close(embeddingSpread(e.vectors), e.spread, 'spread');
    });
  }

  it('distances between two texts, as SciPy and dcor measure them', () => {
    close(tokenDivergence(texts.varied.tokens, texts.alike.tokens), between.tokenDivergence, 'token divergence');
    close(energyDistance(texts.varied.vectors, texts.alike.vectors), between.energyDistance, 'energy distance');
  });

  const batches = fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 4, maxLength: 8 }), { minLength: 2, maxLength: 6 });
  it('equal examples are the least varied ones, and measures keep to their ranges', () => {
    fc.assert(fc.property(batches, (batch) => {
      const same = batch.map(() => batch[0]);
      close(selfBleu(same), 1, 'self-BLEU of equal examples');
      assert.ok(selfBleu(batch) <= 1 + 1e-9 && selfBleu(batch) >= 0);
      assert.ok(distinctN(batch, 2) > 0 && distinctN(batch, 2) <= 1);
      close(tokenDivergence(batch, [...batch].reverse()), 0, 'a batch and itself');
      close(tokenDivergence([[1, 2]], [[3]]), 1, 'nothing shared');
    }));
    fc.assert(fc.property(fc.array(fc.array(fc.double({ min: 0.1, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 }), { minLength: 2, maxLength: 8 }), (vectors) => {
      const score = vendiScore(vectors);
      assert.ok(score >= 1 - 1e-6 && score <= vectors.length + 1e-6);
      close(vendiScore(vectors.map(() => vectors[0])), 1, 'one example over and over', 1e-6);
      assert.ok(energyDistance(vectors, vectors) === 0);
    }));
    close(vendiScore([[1, 0], [0, 1]]), 2, 'two at right angles');
  });

  it('all measures of a batch at once are those of its examples and of their mean embeddings', () => {
    const batch = [[0, 1, 1], [2, 1]], vectors = meanEmbeddings(batch, [1, 0, 0, 1, 2, 2], 2);
    assert.deepEqual(vectors.map((v) => [...v].map((x) => Number(x.toFixed(6)))), [[0.333333, 0.666667], [1, 1.5]]);
    const measured = measureDiversity(batch, vectors);
    assert.deepEqual([measured.distinct1, measured.distinct2, measured.selfBleu], [3 / 5, 1, selfBleu(batch, 2)]);
    assert.deepEqual([measured.vendi, measured.spread], [vendiScore(vectors), embeddingSpread(vectors)]);
  });

  it('one example, or one too short, is refused', () => {
    assert.throws(() => selfBleu([[1, 2]]), /at least two/);
    assert.throws(() => distinctN([[1]], 2), /longer/);
  });
});
