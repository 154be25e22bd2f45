// The pictures of the grids are what the quantizer draws now.
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const { drawn, folder, grids } = require('../../scripts/grids.cjs') as { drawn(grid: string): Promise<string>; folder: string; grids: string[] };

describe('quant: pictures of the grids', () => {
  it('one for each grid, all shown on the page', () => {
    const page = readFileSync(join(folder, '../README.md'), 'utf8');
    assert.deepEqual(readdirSync(folder).sort(), grids.map((g) => `${g}.svg`).sort());
    for (const grid of grids) assert.ok(page.includes(`](pictures/${grid}.svg)`), `${grid} is not shown`);
  });

  for (const grid of grids) {
    it(grid, async () => {
      assert.ok(readFileSync(join(folder, `${grid}.svg`), 'utf8') === await drawn(grid), `${grid}.svg is not what the quantizer draws: run node scripts/grids.cjs`);
    });
  }
});
