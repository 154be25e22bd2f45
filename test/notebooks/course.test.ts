// The course: each notebook saved as it was executed, and executed again at a small size.
import { strict as assert } from 'node:assert';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkSaved, execute, readNotebook, root, textOf, whyNot, withParameters, type Notebook } from './execute';

const folder = join(root, 'notebooks'), scratch = mkdtempSync(join(tmpdir(), 'zsaq-course-'));

/** The parameters of a small run, and what it must show. */
const COURSE: Readonly<Record<string, { small: Record<string, unknown>; check?(notebook: Notebook): void }>> = {
  '01-quantizers': { small: { sentences: 60 } },
  '02-generator': {
    small: { ascents: 3, batches: 1 },
    check(notebook) {
      assert.match(shown(notebook, 'samples'), /before +after +after, ten times as fast/);
      for (const kind of ['straightThrough', 'gumbel', 'soft', 'linear']) assert.match(shown(notebook, 'kinds'), new RegExp(`\\n${kind} +\\d\\.\\d{4}`));
    },
  },
  '03-sam-sga': {
    small: { steps: 6, traced: 2, points: 3 },
    check(notebook) {
      assert.match(shown(notebook, 'trace'), /‖g‖.*\n.*‖ε‖ = β‖ŵ‖.*\n.*ŵ \+ ε +\d/);
      assert.match(shown(notebook, 'table'), /without SAM +\d\.\d{4}.*\nwith SAM +\d\.\d{4}/);
    },
  },
  '90-your-model': {
    small: { steps: 4, out: join(scratch, 'run') },
    check(notebook) {
      const scores = shown(notebook, 'compare');
      for (const method of ['full precision', 'round to nearest', 'SAM-SGA']) assert.match(scores, new RegExp(`\\n${method} +W\\d+A\\d+ +\\d+\\.\\d\\d`));
      assert.match(shown(notebook, 'save'), /packed +0\.\d+ +zsaq \(\w+\) +yes/);
      assert.match(shown(notebook, 'refused'), /compressed-tensors: .*zero point 1\.5/);
    },
  },
};

const shown = (notebook: Notebook, id: string): string => textOf(notebook.cells.find((c) => c.id === id)!.outputs!.at(-1)!.data!['text/plain']);

describe('notebooks: the course', function () {
  this.timeout(300_000);
  after(() => rmSync(scratch, { recursive: true, force: true }));

  it('every notebook of the course is tested here', () => {
    assert.deepEqual(readdirSync(folder).filter((name) => /^(0[1-4]|9\d)-.*\.ipynb$/.test(name)).map((name) => name.replace('.ipynb', '')).sort(), Object.keys(COURSE));
  });

  it('the lines of code that 03-sam-sga quotes are in the files that it names', () => {
    const blocks = readNotebook(join(folder, '03-sam-sga.ipynb')).cells.flatMap((c) => [...textOf(c.source).matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g)]);
    assert.equal(blocks.length, 5);
    for (const [, file, code] of blocks) {
      const lines = new Set(readFileSync(join(root, file), 'utf8').split('\n').map((line) => line.trim()));
      for (const line of code.trim().split('\n')) assert.ok(lines.has(line.trim()), `${file} has no line ${line}`);
    }
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
