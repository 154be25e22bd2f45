import { existsSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ready } from '../core/backend';
import { dispose } from '../core/tree';
import { refuseLeak } from '../methods/leak';
import { loadRunnable } from '../export/packed';
import { writeWhole } from '../io/file';
import { barFigure } from '../report/figure';
import { toPage } from '../report/html';
import { toText } from '../report/table';
import { loadTokenizer } from '../text/tokenizer';
import { pocketModelPath } from '../../datasets';
import { optional, wholeNumber, type Command } from './command';
import { methodTable, rowTitle } from './methodTable';
import { quantizeRun, type RunMetrics } from './quantizeRun';
import { makeScorer } from './score';

const JOBS = [
  { model: 'pocket-bert', task: 'pocket-sentiment' },
  { model: 'pocket-opt', task: 'pocket-tales' },
] as const;
const STEPS = 100;
/** On these two models the covering scale does better than the fitted one, for every method alike. */
const SCALE = 'plan.scale=absmax';
const RUNS = [
  { method: 'ptq', name: 'ptq-ternary', set: [SCALE, 'plan.grid=symmetric'] },
  { method: 'ptq', name: 'ptq', set: [SCALE] },
  { method: 'qatRandom', name: 'qatRandom', set: [SCALE, `steps=${STEPS}`] },
  { method: 'samSga', name: 'samSga', set: [SCALE, `steps=${STEPS}`] },
];

export const startCommand: Command = {
  name: 'start',
  summary: 'the main job: quantize the bundled BERT and OPT to 2 bits and compare methods',
  help: `zsaq start [--out DIR] [--seed N]

  --out DIR   where the run folders go (runs/start)
  --seed N    seed (0)`,
  options: { out: { type: 'string' }, seed: { type: 'string' } },
  async run(values, signal) {
    await ready();
    const root = optional(values, 'out') ?? join('runs', 'start'), seed = wholeNumber(values, 'seed', 0);
    const generator = await loadRunnable(pocketModelPath('pocket-generator')), all: RunMetrics[] = [], tables: string[] = [];
    for (const { model: name, task } of JOBS) {
      const dir = pocketModelPath(name), teacher = await loadRunnable(dir), tokenizer = loadTokenizer(dir);
      refuseLeak(generator.card, teacher.card, task);
      const scorer = makeScorer(task, undefined, teacher.model, tokenizer, signal);
      console.error(`${name} on ${task}: ${scorer.task.note}`);
      const fullPrecision = await scorer.score('full precision', teacher.model, teacher.params, {}), runs: RunMetrics[] = [];
      const measure = `${fullPrecision.metric}, ${fullPrecision.metric === 'perplexity' ? 'lower' : 'higher'} is better`;
      for (const { method, name: run, set } of RUNS) {
        const out = join(root, `${name}-W2A8-${run}`);
        // the job is done anew each time; only an interrupted one continues
        if (existsSync(join(out, 'metrics.json'))) rmSync(out, { recursive: true });
        const metrics = await quantizeRun({
          teacher, tokenizer, generator, scorer, fullPrecision, out, signal, say: () => undefined, quantize: { bits: 'W2A8', method, preset: 'mini', set, seed },
        });
        if (metrics.status === 'cancelled') return { text: 'stopped; `npm start` continues this row, and does those before it anew\n', json: { status: 'cancelled', runs: all }, exitCode: 130 };
        console.error(`${rowTitle(metrics)}: ${metrics.metric} ${metrics.quantized?.toFixed(2)} (full precision ${fullPrecision.score.toFixed(2)}) · ${out}`);
        runs.push(metrics);
        all.push(metrics);
      }
      writeWhole(join(root, `${name}.html`), await toPage({ title: `${name} at 2 bits, without data`, sections: [{
        text: `${task}: ${measure}; ${STEPS} steps where something is trained, seed ${seed}.`,
        figure: barFigure({ title: `${name} at W2A8: ${task}`, y: { title: fullPrecision.metric }, digits: 2, bars: runs.map((r) => ({ name: rowTitle(r), value: r.quantized })), reference: { name: 'full precision', value: fullPrecision.score } }),
      }] }));
      tables.push(toText(methodTable(`${name} at 2 bits, no data: ${task} (${measure})`, runs[0], runs)));
      dispose(teacher.params);
    }
    const here = relative(process.cwd(), root) || root;
    const next = `Figures:      ${JOBS.map(({ model }) => join(here, `${model}.html`)).join(', ')}
Run folders:  beside them, one for each row: settings, metrics, the packed model; where something was trained, its history and curves (figure.html)

Try next:
  npx zsaq quantize --help       your own model: any folder with BERT or OPT weights
  npx zsaq doctor                what this machine has
  npm run lab                    the same in a notebook, with live curves
`;
    const failed = all.find((r) => r.status !== 'ok'); // as `zsaq quantize` ends
    return { text: `\n${tables.join('\n')}\n${next}`, json: { status: failed?.status ?? 'ok', runs: all }, exitCode: failed ? 3 : 0 };
  },
};
