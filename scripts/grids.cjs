'use strict';
// Pictures of the grids for src/quant/README.md, from the quantizer itself: `node scripts/grids.cjs` draws them, a test draws them again.
const path = require('node:path');
require('tsx/cjs');
const { ready } = require('../src/core/backend.ts');
const { transfer } = require('../src/quant/measure.ts');
const { lineFigure } = require('../src/report/figure.ts');
const { toSvg } = require('../src/report/svg.ts');
const { writeWhole } = require('../src/io/file.ts');

const folder = path.resolve(__dirname, '../src/quant/pictures');
/** Weights that the grid is fitted to, from the smallest to the largest. */
const RANGES = { symmetric: [-1, 1], stretched: [-1, 1], asymmetric: [-0.2, 1] };
const POINTS = 361, FROM = -1.2, TO = 1.2;

/** Q(w) over w for weights that reach from `low` to `high`, at 2, 3 and 4 bits. */
async function drawn(grid) {
  await ready();
  const x = Float32Array.from({ length: POINTS }, (_, i) => FROM + ((TO - FROM) * i) / (POINTS - 1)), [low, high] = RANGES[grid];
  const staircase = (bits) => transfer({ bits, grid, granularity: 'row', scale: 'absmax', learned: false }, [low, high], x).quantized;
  const rounded = (values) => Array.from(values, (v) => Number(v.toFixed(4)) + 0);
  const lines = [2, 3, 4].map((bits) => ({ name: `${bits} bits`, x: rounded(x), y: rounded(staircase(bits)) }));
  return toSvg(lineFigure({ title: `${grid}: weights from ${low} to ${high}`, x: { title: 'w' }, y: { title: 'Q(w)', range: [-1.1, 1.1] }, lines }), { width: 560, height: 340 });
}

module.exports = { drawn, folder, grids: Object.keys(RANGES) };

if (require.main === module) (async () => { for (const grid of Object.keys(RANGES)) writeWhole(path.join(folder, `${grid}.svg`), await drawn(grid)); })();
