// `npm run bench:long [-- --notebook]`: many steps of SAM-SGA on the bundled model. Neither tensors nor resident memory may grow; a file and a figure say so.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { pocketModelPath } from '../datasets';
import { canonicalJson, disposeQuantized, loadRunnable, loadTokenizer, quantize, ready, writeWhole, ZsaqError } from '../src/index';
import { provenance } from '../src/commands/provenance';
import { tensorCount } from '../src/core/memory';
import { lineFigure, Progress, toSvg, type Figure } from '../src/report';

const { notebookOf } = require('../scripts/notebook/command.cjs') as { notebookOf(...sources: string[]): object };

/** Memory is looked at where steps stand alike: at a multiple of the snapshots' 20 and the generator's 5. */
const EVERY = 20;
/** The share of the run in which graphs, pools and the collector's heap find their size; parts of the rest that are compared; the growth that is allowed. */
const WARM_UP = 0.1, PARTS = 5, MOST_GROWTH = 0.05;

/** Tensors alive and resident bytes after a step. */
export interface MemoryPoint { step: number; tensors: number; residentBytes: number }

/**
 * What a long run showed. Resident memory goes up and down with the collector's turns, by a tenth and more, so that `growth` is that of the largest
 * mean of a fifth of the run over the first fifth's; `swing` is how far a single point is above that.
 */
export interface Flatness { points: number; tensors: [least: number, most: number]; growth: number; swing: number; flat: boolean }

/** Judges the points after the warm-up. */
export function flatness(points: readonly MemoryPoint[]): Flatness {
  const after = points.slice(Math.ceil(points.length * WARM_UP));
  if (after.length < PARTS) throw new ZsaqError('usage', `${points.length} points say nothing about memory: take ${EVERY * 2 * PARTS} steps or more`);
  const means = Array.from({ length: PARTS }, (_, i) => after.slice(Math.floor(i * after.length / PARTS), Math.floor((i + 1) * after.length / PARTS))).map((part) => part.reduce((sum, p) => sum + p.residentBytes, 0) / part.length);
  const counts = after.map((p) => p.tensors), tensors: Flatness['tensors'] = [Math.min(...counts), Math.max(...counts)];
  const growth = Math.max(...means) / means[0] - 1, swing = Math.max(...after.map((p) => p.residentBytes)) / means[0] - 1;
  return { points: after.length, tensors, growth, swing, flat: tensors[0] === tensors[1] && growth <= MOST_GROWTH };
}

/** Resident memory and tensors against steps. */
export function memoryFigure(points: readonly MemoryPoint[]): Figure {
  const x = points.map((p) => p.step);
  return lineFigure({
    title: `Resident memory over ${x[x.length - 1]} steps of SAM-SGA`, x: { title: 'step' }, y: { title: 'MB' },
    lines: [{ name: 'resident memory', x, y: points.map((p) => p.residentBytes / 2 ** 20) }],
  });
}

/** The run itself, in this process: a file and a figure in `out`, named after the model and, where a notebook's kernel runs it, that. */
export async function longRun(steps: number, out: string, inNotebook = false): Promise<Flatness & { steps: number; status: string }> {
  await ready();
  const teacher = await loadRunnable(pocketModelPath('pocket-bert')), generator = await loadRunnable(pocketModelPath('pocket-generator'));
  const points: MemoryPoint[] = [], bar = new Progress('SAM-SGA, pocket-bert', steps);
  const run = await quantize({
    teacher, generator, tokenizer: loadTokenizer(teacher.dir), bits: 'W2A8', preset: 'smoke', set: [`steps=${steps}`],
    onProgress: ({ step }) => {
      if (step % EVERY === 0) points.push({ step, tensors: tensorCount(), residentBytes: process.memoryUsage.rss() });
      bar.update(step, `${tensorCount()} tensors · ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MB`);
    },
  });
  bar.end();
  disposeQuantized(run);
  const found = flatness(points), result = { steps: run.cost.steps, status: run.status, seconds: run.cost.seconds, ...found, curve: points, date: new Date().toISOString().slice(0, 10), ...provenance() };
  mkdirSync(out, { recursive: true });
  const name = join(out, `pocket-bert${inNotebook ? '-notebook' : ''}`);
  writeWhole(`${name}.json`, `${canonicalJson(result, 1)}\n`);
  writeWhole(`${name}.svg`, await toSvg(memoryFigure(points)));
  return { ...found, steps: run.cost.steps, status: run.status };
}

/** The same as the only cell of a notebook, in the project's kernel. */
async function inKernel(steps: number, out: string): Promise<Flatness & { steps: number; status: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'zsaq-long-')), file = join(folder, 'long.ipynb');
  try {
    const source = `import { longRun } from './bench/longRun';\nJSON.stringify(await longRun(${steps}, ${JSON.stringify(resolve(out))}, true))`;
    writeFileSync(file, JSON.stringify(notebookOf(source)));
    const { status } = spawnSync(process.execPath, [join(__dirname, '..', 'scripts', 'notebook', 'command.cjs'), 'run', file], { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ZSAQ_CELL_SECONDS: String(24 * 3600) } });
    if (status !== 0) throw new ZsaqError('missing', 'the cell did not run to its end: its error stands above');
    const { points, tensors, growth, swing, flat, steps: made, status: ended } = JSON.parse(readFileSync(join(out, 'pocket-bert-notebook.json'), 'utf8'));
    return { points, tensors, growth, swing, flat, steps: made, status: ended };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { steps: { type: 'string' }, out: { type: 'string' }, notebook: { type: 'boolean' }, json: { type: 'boolean' } } });
  const steps = Number(values.steps ?? 20_000), out = values.out ?? join('reproductions', 'results', 'long');
  const { status, ...found } = await (values.notebook ? inKernel : longRun)(steps, out), { tensors, growth, swing, flat } = found;
  (values.json ? process.stderr : process.stdout).write(`${found.steps} steps: ${tensors[0] === tensors[1] ? `${tensors[0]} tensors throughout` : `${tensors.join(' to ')} tensors`}, mean memory up by ${(100 * growth).toFixed(1)}% after the warm-up (single points by ${(100 * swing).toFixed(1)}%): ${flat ? 'flat' : 'NOT FLAT'}\nwritten to ${out}\n`);
  if (values.json) console.log(JSON.stringify(found));
  return flat && status === 'ok' ? 0 : 1;
}

if (require.main === module) main().then((code) => { process.exitCode = code; });
