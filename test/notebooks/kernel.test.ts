// The project's kernel, through the same program that `npm run notebook` uses.
import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { execute, notebookOf, root, textOf, whyNot } from './execute';

describe('notebook kernel', function () {
  this.timeout(300_000);
  before(function () {
    const reason = whyNot();
    if (reason) { console.log(reason); this.skip(); }
  });

  it('fails a notebook with a cell that throws, and says which cell and line', async () => {
    const { code, output, notebook } = await execute(notebookOf('const a = 1;', "const b = a + 1;\nif (b === 2) throw new RangeError('b must not be 2');", '"never reached"'));
    assert.equal(code, 1);
    assert.match(output, /FAILED in cell 2/);
    assert.match(output, /RangeError: b must not be 2\n.*cell 2, line 2/);
    assert.deepEqual(notebook.cells[2].outputs, []);
  });

  it('fails a cell whose promise is rejected, and one that does not compile', async () => {
    const rejected = await execute(notebookOf("await Promise.reject(new Error('later'));"));
    assert.equal(rejected.code, 1);
    assert.match(rejected.output, /Error: later/);
    const wrong = await execute(notebookOf("const n: number = 'seven';"));
    assert.equal(wrong.code, 1);
    assert.match(wrong.output, /not assignable to type 'number'/);
  });

  it('shows a mistake with the library in one sentence', async () => {
    const { code, notebook } = await execute(notebookOf("import { parseBits } from './src/index';", "\nparseBits('W9A8')"));
    assert.equal(code, 1);
    const [error] = notebook.cells[1].outputs!;
    assert.equal(error.ename, 'ZsaqError');
    assert.match(textOf((error as { traceback?: unknown }).traceback), /^bits "W9A8": give W2A8.*\(line 2 of this cell\)$/);
  });

  it('finds names of earlier cells in shorthand properties and patterns, which stock tslab does not, and takes a later `let` for an earlier one', async () => {
    const { code, output, notebook } = await execute(notebookOf(
      'let a = 1, c = 3, steps = 200;\nconst f = ({ a }: { a: number }) => a + 1;', 'let steps = 5;\nconst both = { a, c };\n({ a, c = 7 } = { a: steps } as { a: number; c?: number });',
      'JSON.stringify([both, { a, c }, f({ a })])',
    ));
    assert.equal(code, 0, output);
    assert.equal(textOf(notebook.cells[2].outputs![0].data!['text/plain']), '[{"a":1,"c":3},{"a":5,"c":7},6]');
  });

  it('goes on when a file appears beside a module, where stock tslab stops for ever', async () => {
    const cache = join(root, '.cache');
    mkdirSync(cache, { recursive: true });
    const folder = mkdtempSync(join(cache, 'kernel-test-')), here = `./${relative(root, folder)}`;
    try {
      mkdirSync(join(folder, 'data'));
      writeFileSync(join(folder, 'data', 'index.ts'), 'export const a = 1;\n');
      writeFileSync(join(folder, 'module.ts'), "export { a } from './data';\n"); // looks for data.ts first, and so the compiler watches the folder
      const { code, output, notebook } = await execute(notebookOf(
        `import { writeFileSync } from 'node:fs';\nimport { a } from '${here}/module';\na`,
        `writeFileSync('${here}/later.ts', 'export const b = 2;');\nawait new Promise((next) => setTimeout(next, 1000));`,
        `import { b } from '${here}/later';\na + b`,
      ));
      assert.equal(code, 0, output);
      assert.equal(textOf(notebook.cells[2].outputs![0].data!['text/plain']), '3');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
