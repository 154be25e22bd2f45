// npm run bench: the same work here and in PyTorch, in turns, on the same weights, batch and number of threads.
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ready, writeWhole, ZsaqError } from '../src/index';
import { provenance } from '../src/commands/provenance';
import { toText } from '../src/report/table';
import { agree, summarize, type Ratio } from './compare';
import { Worker, type Prepare, type Run } from './protocol';
import { LEVELS, prepareShape, SETTINGS, SHAPES } from './shapes';

const root = join(__dirname, '..');
const CASES = ['forward', 'backward', 'step', 'qat'] as const;
const TOLERANCE: Readonly<Record<typeof CASES[number], number>> = { forward: 1e-3, backward: 1e-3, step: 2e-2, qat: 2e-2 };
const HELP = `npm run bench -- [CASE | SHAPE]... [options]     times against PyTorch, below 1 we are faster

  CASE              ${CASES.join(' | ')}: forward pass; with all gradients; a student step of SAM-SGA; the same without SAM (all)
  SHAPE             ${Object.keys(SHAPES).join(' | ')} (all)
  --runs N          measured runs of each side, in turns, after two that warm up (7)
  --bf16            let PyTorch use bfloat16 autocast, against our float32
  --json FILE       also write the result as JSON

PyTorch's python is the one on the path, which \`npm run bench\` makes. Do nothing else on the machine meanwhile. Example: npm run bench -- step minilm --json bench.json`;

async function measure(name: Prepare['case'], shape: string, runs: number, precision: 'fp32' | 'bf16'): Promise<{ ratio: Ratio; versions: object }> {
  const folder = await prepareShape(shape, join(root, '.cache', 'bench')), threads = cpus().length;
  const request: Prepare = { do: 'prepare', case: name, folder, precision, threads, levels: [LEVELS.low, LEVELS.high, LEVELS.zero], ...SETTINGS };
  const ours = new Worker('TensorFlow', process.execPath, ['-r', 'tsx/cjs', join(__dirname, 'worker.ts')]);
  const pytorch = new Worker('PyTorch', 'python', [join(__dirname, 'pytorch', 'worker.py')]);
  try {
    const versions = { ...await ours.hello(), ...await pytorch.hello() };
    await ours.prepare(request);
    await pytorch.prepare(request);
    const series: [Run[], Run[]] = [[], []];
    let difference = 0;
    for (let i = -2; i < runs; i++) {
      const pair = [await ours.run(), await pytorch.run()] as const;
      // the first answers are those of equal weights; later ones have gone their own ways by roundings at the grid's borders
      if (i === -2) difference = agree(`${name}/${shape}`, pair[0].values, pair[1].values, precision === 'bf16' ? 0.2 : TOLERANCE[name]);
      if (i >= 0) pair.forEach((run, side) => series[side].push(run));
    }
    const [a, b] = series.map(summarize);
    return { versions, ratio: { name, shape, precision: { ours: 'fp32', pytorch: precision }, ours: a, pytorch: b, ratio: a.median / b.median, difference, runs } };
  } finally {
    await Promise.all([ours.close(), pytorch.close()]);
  }
}

function tableOf(ratios: readonly Ratio[]): string {
  const mb = (bytes: number): number => Math.round(bytes / 2 ** 20);
  return toText({
    columns: [{ name: 'case' }, { name: 'shape' }, { name: 'PyTorch as' }, { name: 'ours', unit: 'ms', digits: 1 }, { name: 'PyTorch', unit: 'ms', digits: 1 }, { name: 'ratio', digits: 2 }, { name: 'ratio of minima', digits: 2 }, { name: 'our peak', unit: 'MB' }, { name: 'PyTorch peak', unit: 'MB' }, { name: 'answers differ by' }],
    rows: ratios.map((r) => [r.name, r.shape, r.precision.pytorch, r.ours.median, r.pytorch.median, r.ratio, r.ours.minimum / r.pytorch.minimum, mb(r.ours.peakBytes), mb(r.pytorch.peakBytes), r.difference.toExponential(0)]),
    note: 'medians of runs in turns; ratio = ours / PyTorch, below 1 we are faster; peak: resident memory of the whole process',
  });
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: {
    runs: { type: 'string', default: '7' }, bf16: { type: 'boolean', default: false }, json: { type: 'string' }, help: { type: 'boolean', default: false },
  } });
  if (values.help) return console.log(HELP);
  const unknown = positionals.find((x) => !(CASES as readonly string[]).includes(x) && !(x in SHAPES)), runs = Number(values.runs);
  if (unknown !== undefined) throw new ZsaqError('usage', `benchmark: there is no case or shape "${unknown}": choose ${[...CASES, ...Object.keys(SHAPES)].join(', ')}`);
  if (!Number.isInteger(runs) || runs < 1) throw new ZsaqError('usage', `--runs ${values.runs}: a whole number from 1`);
  await ready();
  if (loadavg()[0] > 0.5 * cpus().length) console.error(`warning: the machine is busy (load ${loadavg()[0].toFixed(1)}): these times will not be worth much`);
  const chosen = <T extends string>(all: readonly T[]): readonly T[] => { const some = all.filter((x) => positionals.includes(x)); return some.length ? some : all; };
  const ratios: Ratio[] = [];
  let versions: object = {};
  for (const shape of chosen(Object.keys(SHAPES))) {
    for (const name of chosen(CASES)) {
      const measured = await measure(name, shape, runs, values.bf16 ? 'bf16' : 'fp32');
      ratios.push(measured.ratio), ({ versions } = measured);
      console.log(`${name} ${shape}: ${measured.ratio.ours.median.toFixed(1)} ms, PyTorch ${measured.ratio.pytorch.median.toFixed(1)} ms, ratio ${measured.ratio.ratio.toFixed(2)}`);
      if (values.json) writeWhole(values.json, `${JSON.stringify({ ratios, versions, threads: cpus().length, load: loadavg()[0], date: new Date().toISOString(), ...provenance() }, null, 1)}\n`);
    }
  }
  console.log(tableOf(ratios));
}

main().catch((error: unknown) => {
  console.error(error instanceof ZsaqError ? error.message : error);
  process.exitCode = 1;
});
