// The search for the recipe: what its rules say of the committed results is what stands in the code.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { METHODS, type MethodId } from '../../src/index';
import { contentOf, type Cell } from '../../reproductions/cells/cell';
import { allResults } from '../../reproductions/cells/result';
import { FROZEN, recipeAt } from '../../reproductions/recipe';
import { CANDIDATES, chosen, chosenShort, recipeOf, SEARCH, tried, triedFour, triedLater, triedWhole, unbeaten, type Tried } from '../../reproductions/specs/search';

describe('the search for the recipe', () => {
  const results = allResults(join(__dirname, '..', '..', 'reproductions', 'results', 'cells')), find = (cell: Cell) => results.get(contentOf(cell));

  it('has run every cell', () => {
    assert.deepEqual(SEARCH.cells('mini').filter((c) => !find(c)).map((c) => c.set.join(' ')), []);
  });

  it('unbeaten are those nowhere worse than the defaults that no other of their plan is at least as good as on both bundled models, and better on one; a third place does not count', () => {
    const of = (change: string, ...shares: (number | null)[]): Tried => ({ change, shares, score: null });
    const all = [of('a', 1, 1, 0.1), of('b', 0.5, 1), of('c', 2, 0.1), of('d', 0.5, 1), of('e', null, 0.1), of('f', 0.6, 0.95), of('plan.scale=twn', 0.9, 1)];
    assert.deepEqual(unbeaten(all).map((t) => t.change), ['b', 'd', 'f', 'plan.scale=twn']);
  });

  for (const { method, real, fast, whole, later } of CANDIDATES) {
    it(`${method}: on SST-2 is what nothing beats on the bundled models, and what is chosen is nowhere worse than the defaults`, () => {
      const all = tried(find, 'mini', method).filter((t) => t.change === null || t.change !== fast);
      for (const { change } of unbeaten(all)) assert.ok(change === null || real.includes(change), `${change} goes on`);
      const [defaults] = all, found = all.find((t) => t.change === chosenShort(find, 'mini', method).join(' ')) ?? defaults;
      assert.ok(found.shares.every((x, i) => x! <= 1.02 * defaults.shares[i]!), 'it breaks none');
    });

    if (whole) it(`${method}: at full length begins with what short runs chose, and keeps it or what beats it by 2 %`, () => {
      const all = triedWhole(find, 'mini', method), best = Math.min(...all.map((t) => t.share!)), kept = all.find((t) => t.change === chosen(find, 'mini', method).join(' '))!;
      assert.deepEqual([all[0].change, all[0].share], [chosenShort(find, 'mini', method).join(' '), 1]);
      assert.equal(kept.share, best <= 0.98 ? best : 1);
    });

    if (later) it(`${method}: after the freeze begins with the recipe, and measures every change on the recipe's banks`, () => {
      const [first, ...others] = triedLater(find, 'mini', method);
      assert.equal(first.change, chosen(find, 'mini', method).join(' '));
      assert.ok(first.on.every((x) => x.share === null || x.share === 1) && first.on.some((x) => x.share === 1));
      for (const { change, on } of others) assert.ok(on.some((x) => x.share !== null), change);
    });
  }

  it('from 4 bits on takes what is nearest to the teacher at W4A8, for all that train', () => {
    const kept = triedFour(find, 'mini', 'samSga').find((t) => t.kept)!;
    assert.equal(kept.title, recipeAt('samSga', 'mini', 'W4A8').join(' '));
    assert.ok(triedFour(find, 'mini', 'samSga').every((t) => t.share! >= kept.share!));
    const ofStudent = (method: MethodId, bits: string): string[] => recipeAt(method, 'mini', bits).filter((s) => !/^(generator\.|beta=)/.test(s));
    for (const method of ['adversarial', 'qatRandom', 'qatReal', 'llmQat'] as const) assert.deepEqual(ofStudent(method, 'W8A8'), ofStudent('samSga', 'W4A8'));
  });

  it('freezes for every method what it has found, the same loss and scales for all that train', () => {
    for (const method of Object.keys(METHODS) as MethodId[]) assert.deepEqual(FROZEN[method] ?? [], recipeOf(find, 'mini', method), method);
    const shared = (['samSga', 'adversarial', 'qatRandom', 'qatReal', 'llmQat'] as const).map((method) => (FROZEN[method] ?? []).filter((s) => /^(divergence|plan)\./.test(s)));
    for (const settings of shared) assert.deepEqual(settings, shared[0]);
  });
});
