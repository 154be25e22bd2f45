'use strict';
// What the README and docs/deploy.md show of results, from result files and never typed or drawn.
//   node scripts/readme.cjs               writes the tables between their marks, and the README's picture
//   node scripts/readme.cjs add RUN...    first keeps the metrics of finished runs of zsaq quantize in reproductions/results/start
//   node scripts/readme.cjs models RUN... first keeps those of zsaq finetune and pretrain in reproductions/results/models
const fs = require('node:fs');
const path = require('node:path');
require('tsx/cjs');
const { methodTable } = require('../src/commands/methodTable.ts');
const { METHODS } = require('../src/quantize.ts');
const { barFigure } = require('../src/report/figure.ts');
const { toSvg } = require('../src/report/svg.ts');
const { toMarkdown } = require('../src/report/table.ts');
const { canonicalJson, writeWhole } = require('../src/io/file.ts');

const { savedResults, ratioTable } = require('../bench/result.ts');
const { findIn, report } = require('../reproductions/report/report.ts');
const { summarize } = require('../reproductions/report/summary.ts');
const { encoders } = require('../reproductions/setups.ts');
const { against, shortTable } = require('../reproductions/report/matrixView.ts');
const { cellsAt, variant, variants } = require('../reproductions/specs/matrix.ts');

const root = path.resolve(__dirname, '..'), reproductions = path.join(root, 'reproductions', 'results');
const results = path.join(reproductions, 'start'), models = path.join(reproductions, 'models'), bench = path.join(reproductions, 'bench'), cells = path.join(reproductions, 'cells'), figures = path.join(reproductions, 'figures');
const PICTURED = { task: 'SST-2', bits: 'W2A8', rows: { ptqPlain: 'rounding (plain)', ptq: 'rounding (fitted)', gptq: 'GPTQ', zeroQuant: 'ZeroQuant (+ LKD)', qatRandom: 'QAT-Rand', llmQat: 'LLM-QAT', adversarial: 'adversarial', samSga: 'SAM-SGA', qatReal: 'QAT-GT (real data)' } }, picture = path.join(figures, 'first.svg');
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
    const { preset, examples, metric } = all[0], different = (value) => [...new Set(all.map(value))].filter(Boolean).join(' or ');
    const note = `${metric} (${metric === 'perplexity' ? 'lower' : 'higher'} is better) on ${examples} ${metric === 'perplexity' ? 'tokens' : 'sentences'}; preset ${preset}, where it trains with ${different((run) => run.steps)} steps; seed ${different((run) => String(run.seed))}, commit ${different((run) => run.commit)}. Files: reproductions/results/start`;
    return toMarkdown({ ...methodTable(title, all[0], all), note });
  }).join('\n');
}

/** Models that `zsaq finetune` and `zsaq pretrain` made: one row for each score of each. */
function renderModels(made) {
  const rows = made.flatMap((m) => Object.entries(m.scores).map(([split, { metric, score, examples }], i) => (i ? [null, null, null, null, null] : [
    m.name, m.trainedOn.map(({ set, rows: n }) => `${set} (${n.toLocaleString('en')} ${m.command === 'pretrain' ? 'lines' : 'examples'})`).join(', '), m.parameters / 1e6, m.recipe.rate.toExponential(), m.steps,
  ]).concat([split, metric, score, examples, i ? null : m.seconds / 60])));
  const commits = [...new Set(made.map((m) => m.commit))].join(', ');
  return made.length ? toMarkdown({
    columns: [{ name: 'model' }, { name: 'trained on' }, { name: 'parameters', unit: 'M', digits: 1 }, { name: 'peak rate' }, { name: 'steps' }, { name: 'scored on' }, { name: 'metric' }, { name: 'score', digits: 2 }, { name: 'of' }, { name: 'time', unit: 'min', digits: 0 }],
    rows, note: `weights of the last step; seed 0; commit ${commits}; times on a machine that did other work as well. Files: reproductions/results/models`,
  }) : 'No model made here is recorded yet.\n';
}

/** Cases of the benchmark that say most; the others are in the files. */
const SHOWN = ['samSga', 'recomputed', 'qat', 'evaluation', 'quantizeWeight', 'quantizeActivation', 'load', 'tokens'];

function renderBench(saved) {
  const ratios = saved.flatMap((r) => r.ratios).filter((r) => SHOWN.includes(r.name));
  if (!ratios.length) return 'No undisturbed result is recorded yet.\n';
  const devices = [...new Set(saved.map((r) => `${r.device}, commit ${r.commit}`))].join('; '), { torch, tensorflow } = saved[0].versions;
  return toMarkdown({ ...ratioTable(ratios), note: `medians of turns taken one after the other; below 1 we are faster; peaks are resident memory beyond the loaded libraries. PyTorch ${torch}, TensorFlow ${tensorflow}; ${devices}. Files: reproductions/results/bench` });
}

/** The reports that the README shows: the tables of both kinds of models, and these figures once there is something to draw. */
const TABLES = ['table1', 'table3'], FIGURES = ['figure4', 'beta', 'figure2'];

/** Rows of the matrix that the first table sets SAM-SGA against. */
const FIRST = ['full', 'qatReal', 'zeroQuant', 'gptq', 'qatRandom', 'qatRandomLong', 'llmQat', 'frozen', 'adversarial'];

/** What came out, for whoever reads no further. */
function renderShort(gains) {
  return gains.length ? toMarkdown(shortTable('SAM-SGA against others at W2A8: MiniLM, average over the tasks that both have been run on', gains)) : 'Nothing has been compared yet.\n';
}

/** Findings and tables at 2 bits, then the figures. */
function renderPaper({ tables, pictures }) {
  return [...tables.map(renderReport), ...pictures.map(({ title, file }) => `![${title}](${file})\n`)].join('\n');
}

function renderReport({ id, title, done, cells, notes, tables }) {
  if (!done) return `No cell of ${title} has been run yet: \`zsaq reproduce ${id}\`.\n`;
  const shown = tables.filter((table) => !/W[48]A8$/.test(table.title)).map(toMarkdown), more = shown.length < tables.length ? ['The tables at other widths stand in [notebook 10](notebooks/10-tables.ipynb).\n'] : [];
  const progress = done < cells ? [`${done} of ${cells} cells have been run; \`zsaq reproduce ${id}\` runs the others.\n`] : [];
  return [`### ${title}\n`, ...notes.map((note) => `${note}\n`), ...shown, ...more, ...progress].join('\n');
}

/** What becomes of models on their way out: sizes, agreement, scores. */
function renderExports(all) {
  if (!all.length) return 'No export has been measured yet.\n';
  return all.map(({ model, scoredOn, lines, commit }) => toMarkdown({
    title: model, columns: [{ name: 'bits' }, { name: 'format' }, { name: 'file', unit: 'MB', digits: 2 }, { name: 'over the sum of its parts', unit: '%', digits: 1 }, { name: 'linear weights, of fp32', digits: 2 }, { name: 'largest difference of a logit' }, { name: 'our score', digits: 2 }, { name: 'in ONNX Runtime', digits: 2 }],
    rows: lines.map((l) => [l.bits, l.format, l.bytes / 2 ** 20, 100 * (l.bytes / l.theory - 1), l.linear / l.linearFull, Math.max(0, ...Object.values(l.differences)).toExponential(1), l.ours, l.score]),
    note: `rounding to nearest, W2A8 on the stretched grid, which compressed-tensors has no word for; scored on ${scoredOn}; commit ${commit}. Files: reproductions/results/exports`,
  })).join('\n');
}

/** Latency, loading and memory in the runtimes, at the middle one of the lengths. */
function renderDeploy(all) {
  if (!all.length) return 'Nothing has been measured yet.\n';
  return all.map(({ model, lines, lengths, energy, device, commit }) => toMarkdown({
    title: model, columns: [{ name: 'bits' }, { name: 'runtime' }, { name: 'cores' }, { name: 'form' }, { name: 'file', unit: 'MB', digits: 1 }, { name: 'load', unit: 'ms', digits: 0 }, ...lengths.map((n) => ({ name: `${n} tokens`, unit: 'ms', digits: 1 })), { name: 'memory', unit: 'MB', digits: 0 }],
    rows: lines.map((l) => [l.bits, l.runtime.replace(/ \d.*$/, ''), l.threads, l.format, l.fileBytes / 2 ** 20, l.loadMs, ...lengths.map((n) => l.latency[n].p50), l.memoryBytes === null ? null : l.memoryBytes / 2 ** 20]),
    note: `median latency at batch 1 (the files have p95 and throughput too); memory beyond the loaded runtime; energy: ${energy}; ${device}, commit ${commit}. Files: reproductions/results/deploy`,
  })).join('\n');
}

const SECTIONS = { short: renderShort, results: render, models: renderModels, bench: renderBench, paper: renderPaper, exports: renderExports, deploy: renderDeploy };
/** Which of them stand where. */
const PAGES = { 'README.md': ['short', 'results', 'models', 'bench', 'paper'], 'docs/deploy.md': ['exports', 'deploy'] };

/** A page with the tables between its marks, `<!-- NAME -->` and `<!-- /NAME -->`. */
function filled(text, found, page = 'README.md') {
  for (const name of PAGES[page]) {
    const begin = `<!-- ${name} -->`, end = `<!-- /${name} -->`, from = text.indexOf(begin), to = text.indexOf(end);
    if (from < 0 || to < from) throw new Error(`${page} must hold ${begin} and ${end}`);
    text = `${text.slice(0, from + begin.length)}\n\n${SECTIONS[name](found[name])}\n${text.slice(to)}`;
  }
  return text;
}

function readFolder(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder).filter((name) => name.endsWith('.json')).sort().map((name) => JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8')));
}

/** Everything that the README shows. */
function readResults() {
  const find = findIn(cells), pictures = FIGURES.map((id) => report(id, 'mini', find)).flatMap((r) => r.figures.slice(0, 1).map(({ name, figure }) => ({ title: r.title, file: `reproductions/results/figures/${name}.svg`, figure })));
  const short = against({ find, preset: 'mini', setups: encoders('mini'), rows: variants('mini'), bits: [PICTURED.bits] }, FIRST);
  return { short, results: readFolder(results), models: readFolder(models), bench: savedResults(bench), exports: readFolder(path.join(reproductions, 'exports')), deploy: readFolder(path.join(reproductions, 'deploy')), paper: { tables: TABLES.map((id) => report(id, 'mini', find)), pictures, first: firstPicture(find) } };
}

function keepModels(folders) {
  fs.mkdirSync(models, { recursive: true });
  for (const folder of folders) {
    const metrics = JSON.parse(fs.readFileSync(path.join(folder, 'metrics.json'), 'utf8'));
    if (metrics.status !== 'ok' || !metrics.scores) throw new Error(`${folder} is no finished training with scores`);
    writeWhole(path.join(models, `${metrics.name}.json`), `${canonicalJson(metrics, 2)}\n`);
  }
}

/** Bars of one real model at 2 bits beside full precision: rows of Table 1, as far as they have been run. */
function firstPicture(find) {
  const setup = encoders('mini').find(({ task }) => task === PICTURED.task), of = (key) => summarize(find, cellsAt('mini', setup, variant('mini', key), PICTURED.bits)).mean;
  return barFigure({
    title: `${setup.model} at ${PICTURED.bits}: ${PICTURED.task}`, y: { title: 'accuracy (%)', range: [0, 100] },
    bars: Object.entries(PICTURED.rows).filter(([key]) => of(key) !== null).map(([key, name]) => ({ name, value: of(key), aside: variant('mini', key).role === 'mark' })), reference: { name: 'full precision', value: of('full') },
  });
}

/** The files of the pictures from the paper's cells. */
async function drawnPaper({ pictures, first }) {
  return Promise.all([{ file: path.relative(root, picture), figure: first }, ...pictures].map(async ({ file, figure }) => ({ file: path.join(root, file), svg: await toSvg(figure) })));
}

module.exports = { PAGES, filled, readResults, drawnPaper, picture };

if (require.main === module) {
  const [command, ...folders] = process.argv.slice(2);
  if (command === 'add') add(folders);
  if (command === 'models') keepModels(folders);
  const found = readResults();
  for (const page of Object.keys(PAGES)) writeWhole(path.join(root, page), filled(fs.readFileSync(path.join(root, page), 'utf8'), found, page));
  fs.mkdirSync(figures, { recursive: true });
  drawnPaper(found.paper).then((files) => files.forEach(({ file, svg }) => writeWhole(file, svg)));
}
