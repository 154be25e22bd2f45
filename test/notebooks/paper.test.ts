// The notebooks of the paper's tables, figures and questions: each runs from result files alone, and every spec is in one of them.
import { strict as assert } from 'node:assert';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { paper, partsOf, SPECS } from '../../reproductions';
import { bundleOf } from '../../src/report/notebook';
import { execute, readNotebook, root, textOf, whyNot, withParameters } from './execute';

const NAMES = ['10-tables', '20-figures', '30-open-questions'], file = (name: string): string => join(root, 'notebooks', `${name}.ipynb`);

/** A mime bundle as a notebook stores it, without pictures: their marks have no numbers of their own. */
function saved(bundle: Record<string, unknown>): unknown {
  const kept = Object.entries(bundle).filter(([type]) => type !== 'image/svg+xml').map(([type, value]) => [type, type.startsWith('text/') ? textOf(value) : value]);
  return JSON.parse(JSON.stringify(Object.fromEntries(kept)));
}

describe('notebooks of the paper', function () {
  this.timeout(600_000);

  it('show every table, figure and question, each with a heading of its own', () => {
    const shown = [...NAMES, '40-explore'].flatMap((name) => readNotebook(file(name)).cells.flatMap((c) => (c.cell_type === 'code' ? [...textOf(c.source).matchAll(/showPaper\('(\w+)', preset\)/g)].map(([, id]) => id) : [])));
    assert.deepEqual([...shown].sort(), SPECS.map((s) => s.id).sort());
    for (const name of [...NAMES, '40-explore']) assert.ok(statSync(file(name)).size < 1e6, name);
  });

  it('have saved what the committed results give: every sentence, table and point', async () => {
    for (const name of [...NAMES, '40-explore']) {
      for (const cell of readNotebook(file(name)).cells) {
        const id = /await showPaper\('(\w+)', preset\)/.exec(textOf(cell.source))?.[1];
        if (!id || cell.cell_type !== 'code') continue;
        const drawn = await Promise.all(partsOf(paper(id)).map(async (part) => saved(await bundleOf(part, { picture: false }))));
        const stored = cell.outputs!.map((o) => saved(o.data!)), differs = drawn.findIndex((part, i) => !isDeepStrictEqual(part, stored[i]));
        assert.ok(differs < 0 && stored.length === drawn.length, `${name}, ${id}, output ${differs + 1} is another one: \`npm run notebook -- run notebooks/${name}.ipynb\` draws it again`);
      }
    }
  });

  it('run at preset smoke without an error in any cell', async function () {
    const reason = whyNot();
    if (reason) { console.log(reason); this.skip(); }
    // one kernel for the cells of all three: the first brings imports and parameters
    const [first, ...others] = NAMES.map((name) => readNotebook(file(name))), more = others.flatMap((n) => n.cells.filter((c) => c.cell_type === 'code' && !['imports', 'parameters'].includes(c.id)));
    for (const other of others) for (const id of ['imports', 'parameters']) assert.equal(textOf(other.cells.find((c) => c.id === id)!.source), textOf(first.cells.find((c) => c.id === id)!.source));
    const { code, output, notebook } = await execute(withParameters({ ...first, cells: [...first.cells, ...more] }, { preset: 'smoke' }));
    assert.equal(code, 0, output);
    for (const cell of notebook.cells.filter((c) => /await showPaper/.test(textOf(c.source)))) assert.match(JSON.stringify(cell.outputs), /The paper/, cell.id);
  });
});
