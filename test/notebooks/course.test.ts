// The course: each notebook saved as it was executed, and executed again at a small size.
import { strict as assert } from 'node:assert';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkSaved, execute, readNotebook, root, textOf, whyNot, withParameters, type Notebook } from './execute';

const folder = join(root, 'notebooks');

/** The parameters of a small run, and what it must show. */
const COURSE: Readonly<Record<string, { small: Record<string, unknown>; check?(notebook: Notebook): void }>> = {
  '01-quantizers': { small: { sentences: 60 } },
};

const shown = (notebook: Notebook, id: string): string => textOf(notebook.cells.find((c) => c.id === id)!.outputs!.at(-1)!.data!['text/plain']);

describe('notebooks: the course', function () {
  this.timeout(300_000);

  it('every notebook of the course is tested here', () => {
    assert.deepEqual(readdirSync(folder).filter((name) => /^(0[1-4]|9\d)-.*\.ipynb$/.test(name)).map((name) => name.replace('.ipynb', '')).sort(), Object.keys(COURSE));
  });

  for (const [name, { small, check }] of Object.entries(COURSE)) {
    const file = join(folder, `${name}.ipynb`);
    it(`${name} is saved with the outputs of a run`, () => {
      checkSaved(file);
      check?.(readNotebook(file));
    });

    it(`${name} runs without an error in any cell`, async function () {
      const reason = whyNot();
      if (reason) { console.log(reason); this.skip(); }
      const { code, output, notebook } = await execute(withParameters(readNotebook(file), small));
      assert.equal(code, 0, output);
      check?.(notebook);
    });
  }
});
