'use strict';
// What the README shows of results, from result files and never typed or drawn.
//   node scripts/readme.cjs            writes the tables between the marks of README.md, and its picture
//   node scripts/readme.cjs add RUN... first keeps the metrics of finished run folders in reproductions/results/start
const fs = require('node:fs');
const path = require('node:path');
require('tsx/cjs');
const { methodTable, rowTitle } = require('../src/commands/methodTable.ts');
const { METHODS } = require('../src/quantize.ts');
const { barFigure } = require('../src/report/figure.ts');
const { toSvg } = require('../src/report/svg.ts');
const { toMarkdown } = require('../src/report/table.ts');
const { canonicalJson, writeWhole } = require('../src/io/file.ts');

const root = path.resolve(__dirname, '..');
const readme = path.join(root, 'README.md'), results = path.join(root, 'reproductions', 'results', 'start');
const PICTURED = { model: 'minilm-sst2', bits: 'W2A8' }, picture = path.join(results, `${PICTURED.model}-${PICTURED.bits}.svg`);
const BEGIN = '<!-- results -->', END = '<!-- /results -->';
const ORDER = Object.keys(METHODS);

/** What a run folder measured, with its model's name and without the places of this machine. */
function measured(folder) {
  const json = (name) => JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8'));
  const { out, ...metrics } = json('metrics.json');
  if (metrics.status !== 'ok' || !metrics.task) throw new Error(`${folder} is no finished run with a score`);
  return { ...metrics, model: path.basename(json('config.json').model) };
}

function add(folders) {
  fs.mkdirSync(results, { recursive: true });
  for (const folder of folders) {
    const run = measured(folder);
    // roundings on other grids, GPTQ on other inputs and their like are other rows
    const method = [run.method, run.variant].filter(Boolean).join('-').replace(/[^\w.]+/g, '-');
    writeWhole(path.join(results, `${run.model}-${run.bits}-${method}-${run.seed}.json`), `${canonicalJson(run, 2)}\n`);
  }
}

/** One table for each model and task, in the order of the file names, or a sentence where there is no result. */
function render(runs) {
  if (!runs.length) return 'No results are committed yet.\n';
  const groups = new Map();
  for (const run of runs) {
    const key = `${run.model} on ${run.task}`;
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups].map(([title, all]) => {
    all.sort((a, b) => a.bits.localeCompare(b.bits) || ORDER.indexOf(a.method) - ORDER.indexOf(b.method) || b.grid.localeCompare(a.grid) || a.seed - b.seed);
    const { preset, examples, metric, commit } = all[0];
    const steps = Math.max(...all.map((run) => run.steps)), seeds = [...new Set(all.map((run) => run.seed))].join(', ');
    const note = `${metric} (${metric === 'perplexity' ? 'lower' : 'higher'} is better) on ${examples} ${metric === 'perplexity' ? 'tokens' : 'sentences'}; preset ${preset} with ${steps} steps, seed ${seeds}, commit ${commit}. Files: reproductions/results/start`;
    return toMarkdown({ ...methodTable(title, all[0], all), note });
  }).join('\n');
}

/** The README with the tables between its marks. */
function filled(text, runs) {
  const from = text.indexOf(BEGIN), to = text.indexOf(END);
  if (from < 0 || to < from) throw new Error(`README.md must hold ${BEGIN} and ${END}`);
  return `${text.slice(0, from + BEGIN.length)}\n\n${render(runs)}\n${text.slice(to)}`;
}

function readResults() {
  if (!fs.existsSync(results)) return [];
  return fs.readdirSync(results).filter((name) => name.endsWith('.json')).sort().map((name) => JSON.parse(fs.readFileSync(path.join(results, name), 'utf8')));
}

/** Bars of one real model at 2 bits beside full precision. */
async function drawn(runs) {
  const shown = runs.filter((run) => run.model === PICTURED.model && run.bits === PICTURED.bits).sort((a, b) => a.quantized - b.quantized);
  const [{ task, metric, fullPrecision }] = shown;
  return toSvg(barFigure({
    title: `${PICTURED.model} at ${PICTURED.bits}, without data: ${task}`, y: { title: `${metric} (%)`, range: [0, 100] },
    bars: shown.map((run) => ({ name: rowTitle(run), value: run.quantized })), reference: { name: 'full precision', value: fullPrecision },
  }));
}

module.exports = { filled, readResults, drawn, picture };

if (require.main === module) {
  const [command, ...folders] = process.argv.slice(2);
  if (command === 'add') add(folders);
  writeWhole(readme, filled(fs.readFileSync(readme, 'utf8'), readResults()));
  drawn(readResults()).then((svg) => writeWhole(picture, svg));
}
