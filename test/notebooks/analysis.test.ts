// Notebooks on what was measured: saved as they were executed, small, and the quickest of them runs again.
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { execute, readNotebook, root, textOf, whyNot, withParameters } from './execute';

const folder = join(root, 'notebooks'), names = readdirSync(folder).filter((name) => /^(05|5\d)-.*\.ipynb$/.test(name));

describe('notebooks: analysis', function () {
  this.timeout(300_000);

  it('there is one for each part', () => assert.deepEqual(names.map((name) => name.replace(/^\d\d-|\.ipynb$/g, '')).sort(), ['convergence', 'cost', 'diversity', 'failures', 'first-experiments', 'flatness']));

  for (const name of names) {
    it(`${name} is saved with the outputs of a run, in order, without errors, small, and holds no path of the machine`, () => {
      const file = join(folder, name), { cells } = readNotebook(file), code = cells.filter((c) => c.cell_type === 'code');
      assert.deepEqual(code.map((c) => c.execution_count), code.map((_, i) => i + 1));
      assert.ok(code.every((c) => c.outputs!.every((o) => o.output_type !== 'error')));
      const figures = code.flatMap((c) => c.outputs!).filter((o) => o.data?.['application/vnd.plotly.v1+json']);
      assert.ok(figures.length > 0 && figures.every((o) => /^<svg/.test(textOf(o.data!['image/svg+xml']))), 'figures have their pictures');
      assert.ok(statSync(file).size < 1_000_000);
      const text = readFileSync(file, 'utf8');
      for (const place of [root, homedir()]) assert.ok(!text.includes(place), `${place} is in the notebook`);
    });
  }

  it('50-convergence runs', async function () {
    const reason = whyNot();
    if (reason) { console.log(reason); this.skip(); }
    const { code, output } = await execute(withParameters(readNotebook(join(folder, '50-convergence.ipynb')), { longest: 1000, seeds: 2 }));
    assert.equal(code, 0, output);
  });
});
