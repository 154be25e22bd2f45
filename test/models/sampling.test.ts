// The distribution of the next token against transformers' own, and draws from it.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ZsaqError } from '../../src/core/error';
import { Stream } from '../../src/core/random';
import { checkSampling, drawPlace, nextTokens, sampleToken, type Sampling } from '../../src/models/sampling';
import { readDump, relative } from '../fixtures/dump';

describe('models/sampling', () => {
  const { logits, settings, ...expected } = readDump('models', 'sampling.safetensors'), [rows, size] = logits.shape;
  const row = (r: number) => logits.data.subarray(r * size, (r + 1) * size);

  for (let i = 0; i < settings.shape[0]; i++) {
    const [temperature, topK, topP] = Array.from(settings.data.subarray(3 * i, 3 * i + 3), (x) => Math.fround(x) === x ? Number(x.toPrecision(6)) : x);
    it(`temperature ${temperature}, top k ${topK || 'all'}, top p ${topP}: the probabilities of transformers`, () => {
      for (let r = 0; r < rows; r++) {
        const { ids, probabilities } = nextTokens(row(r), { temperature, topP, ...(topK ? { topK } : {}) }), found = new Float64Array(size);
        ids.forEach((id, k) => { found[id] = probabilities[k]; });
        const wanted = expected[`probabilities.${i}`].data.subarray(r * size, (r + 1) * size);
        assert.deepEqual(ids.slice().sort((a, b) => a - b), Array.from(wanted.keys()).filter((id) => wanted[id] > 0));
        assert.ok(relative(found, wanted) < 1e-6);
      }
    });
  }

  it('is a distribution, the most probable token first, and top p keeps no token more than it needs', () => {
    const numbers = fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(fc.property(numbers, fc.double({ min: 0.05, max: 5, noNaN: true }), fc.integer({ min: 1, max: 50 }), fc.double({ min: 0.01, max: 1, noNaN: true }), (z, temperature, topK, topP) => {
      const { ids, probabilities } = nextTokens(z, { temperature, topK, topP });
      assert.ok(Math.abs(probabilities.reduce((a, b) => a + b) - 1) < 1e-9);
      assert.ok(z[ids[0]] >= Math.max(...z) - 1e-12);
      assert.equal(new Set(ids).size, ids.length);
      for (let i = 1; i < ids.length; i++) assert.ok(probabilities[i - 1] >= probabilities[i]);
      const all = nextTokens(z, { temperature, topK }), share = (n: number) => all.probabilities.slice(0, n).reduce((a, b) => a + b, 0);
      assert.ok(share(ids.length) >= topP - 1e-9);
      assert.ok(ids.length === 1 || share(ids.length - 1) < topP + 1e-9);
    }), { seed: 5, numRuns: 300 });
  });

  it('greedy takes the largest logit, of equal ones the first; candidates keep all others out', () => {
    assert.deepEqual(nextTokens([1, 3, 3, 0], { temperature: 0 }).ids, [1]);
    assert.deepEqual(nextTokens([1, 3, 3, 0], { temperature: 0, candidates: [3, 0] }).ids, [0]);
    assert.deepEqual(nextTokens([1, 3, 3, 0], { temperature: 0, candidates: [2, 1] }).ids, [1]);
    const { ids, probabilities } = nextTokens([1, 9, Math.log(3) + 1, NaN], { candidates: Int32Array.of(0, 2) });
    assert.deepEqual(ids, [2, 0]);
    assert.ok(relative(probabilities, [0.75, 0.25]) < 1e-12);
  });

  it('draws each token as often as it is probable, and the same from the same stream', () => {
    const next = nextTokens(row(0), { topK: 6 }), n = 20_000, draw = (random: Stream) => Array.from({ length: n }, () => sampleToken(next, random));
    const drawn = draw(new Stream('draws', 1));
    assert.deepEqual(draw(new Stream('draws', 1)), drawn);
    const chiSquare = next.ids.reduce((s, id, k) => s + (drawn.filter((x) => x === id).length - n * next.probabilities[k]) ** 2 / (n * next.probabilities[k]), 0);
    assert.ok(chiSquare < 20.5, `chi-square ${chiSquare} with 5 degrees of freedom: 0.1% lie above`);
  });

  it('draws a place of unsorted probabilities as often as it is probable, never an impossible one', () => {
    const p = Float32Array.of(0, 0.5, 0, 0.2, 0.3, 0), n = 20_000, random = new Stream('places', 2), drawn = Array.from({ length: n }, () => drawPlace(p, random));
    const chiSquare = [1, 3, 4].reduce((s, i) => s + (drawn.filter((x) => x === i).length - n * p[i]) ** 2 / (n * p[i]), 0);
    assert.ok(chiSquare < 13.8, `chi-square ${chiSquare} with 2 degrees of freedom: 0.1% lie above`);
    assert.ok(drawn.every((i) => p[i] > 0));
    assert.equal(drawPlace(Float32Array.of(0.4, 0.5, 0), { next: () => 0.99 } as Stream), 1, 'a crumb of rounding goes to the last possible one');
    assert.throws(() => drawPlace(Float32Array.of(NaN, NaN), random), (e) => e instanceof ZsaqError && e.code === 'nonFinite');
  });

  it('refuses settings that no distribution has, and logits that are no numbers', () => {
    const cases: [Sampling, RegExp][] = [
      [{ temperature: -1 }, /temperature -1/], [{ temperature: NaN }, /temperature NaN/], [{ topK: 0 }, /topK 0/], [{ topK: 1.5 }, /topK 1.5/],
      [{ topP: 0 }, /topP 0/], [{ topP: 1.1 }, /topP 1.1/], [{ candidates: [] }, /no candidates/], [{ candidates: [1, 60] }, /candidate 60.*60/],
    ];
    for (const [sampling, message] of cases) assert.throws(() => checkSampling(sampling, 60), (e) => e instanceof ZsaqError && e.code === 'range' && message.test(e.message));
    for (const bad of [NaN, Infinity, -Infinity]) assert.throws(() => nextTokens([0, bad]), (e) => e instanceof ZsaqError && e.code === 'nonFinite' && /token 1/.test(e.message));
  });
});
