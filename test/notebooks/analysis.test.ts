// Notebooks on what was measured: saved as they were executed, small, and the quickest of them runs again.
import { strict as assert } from 'node:assert';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkSaved, execute, readNotebook, root, whyNot, withParameters } from './execute';

const folder = join(root, 'notebooks'), names = readdirSync(folder).filter((name) => /^(05|5\d)-.*\.ipynb$/.test(name));

describe('notebooks: analysis', function () {
  this.timeout(300_000);

  it('there is one for each part', () => assert.deepEqual(names.map((name) => name.replace(/^\d\d-|\.ipynb$/g, '')).sort(), ['convergence', 'cost', 'diversity', 'failures', 'first-experiments', 'flatness']));

  for (const name of names) {
    it(`${name} is saved with the outputs of a run, in order, without errors, small, and holds no path of the machine`, () => {
      checkSaved(join(folder, name));
    });
  }

  it('50-convergence runs', async function () {
    const reason = whyNot();
    if (reason) { console.log(reason); this.skip(); }
    const { code, output } = await execute(withParameters(readNotebook(join(folder, '50-convergence.ipynb')), { longest: 1000, seeds: 2 }));
    assert.equal(code, 0, output);
  });
});
