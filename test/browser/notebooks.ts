// Every notebook in a real browser: JupyterLab runs all cells without an error; what was saved shows its figures untrusted and as a page.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readNotebook, root, textOf, withParameters, type Notebook } from '../notebooks/execute';
import { PICTURES, useLab, type Lab } from './lab';

const folder = join(root, 'notebooks'), names = readdirSync(folder).filter((name) => name.endsWith('.ipynb')).sort();

/** Sizes for a test, of those parameters that a notebook has. */
const SMALL: Readonly<Record<string, unknown>> = { preset: 'smoke', steps: 6, sentences: 100, longest: 1000, seeds: 2 };

function small(notebook: Notebook): Notebook {
  const cell = notebook.cells.find((c) => c.metadata.tags?.includes('parameters'));
  if (!cell) return notebook;
  return withParameters(notebook, Object.fromEntries(Object.entries(SMALL).filter(([name]) => new RegExp(`\\blet ${name} =`).test(textOf(cell.source)))));
}

describe('browser: every notebook', function () {
  this.timeout(600_000);
  let lab: Lab;

  useLab((started) => { lab = started; });

  for (const name of names) {
    it(`${name} runs every cell without an error`, async () => {
      await lab.open(small(readNotebook(join(folder, name))), name);
      const code = (await lab.runAll(name)).cells.filter((c) => c.cell_type === 'code');
      for (const c of code) assert.ok(c.outputs!.every((o) => o.output_type !== 'error'), `${textOf(c.source)}\n${JSON.stringify(c.outputs).slice(0, 600)}`);
      assert.ok(code.every((c) => typeof c.execution_count === 'number' || textOf(c.source).trim() === ''), 'all of them were run');
      await lab.picture(name.replace('.ipynb', ''));
      await lab.command('kernelmenu:shutdown');
    });
  }

  it('figures of a saved notebook are there when it is reopened untrusted', async () => {
    await lab.open(readNotebook(join(folder, '40-explore.ipynb')), '40-explore.ipynb');
    await lab.page.locator('.jp-CodeCell', { hasText: 'view(exploredFigure())' }).locator('.js-plotly-plot .scatterlayer .trace, .jp-OutputArea-output img').first().waitFor();
    await lab.picture('untrusted');
  });

  it('the page that nbconvert writes shows each figure', async () => {
    execFileSync(process.execPath, [join(root, 'scripts', 'notebook', 'command.cjs'), 'html', join(folder, '40-explore.ipynb'), '--output-dir', PICTURES], { stdio: 'pipe' });
    const file = join(PICTURES, '40-explore.html'), page = await lab.browser.newPage();
    await page.goto(pathToFileURL(file).href);
    const widths = await page.evaluate(() => [...document.images].map((image) => image.naturalWidth));
    assert.ok(widths.length > 0 && widths.every((w) => w > 300), `widths of the pictures: ${widths.join(', ')}`);
    await page.close();
    rmSync(file);
  });
});
