// npm run bench: the same work here and in PyTorch, in turns, on the same weights, batch and number of threads.
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadModel, ready, writeWhole, ZsaqError } from '../src/index';
import { provenance } from '../src/commands/provenance';
import { canonicalJson } from '../src/io/file';
import { dispose } from '../src/core/tree';
import { codeRange } from '../src/quant/spec';
import { toText } from '../src/report/table';
import { prepareSentences } from './cases/evaluation';
import { prepareQuantizer, weightSpec, WIDTHS } from './cases/quantizer';
import { prepareText } from './cases/tokens';
import { wholeSteps } from './compare';
import { prepareDraws } from './draws';
import { drawRatios } from './figures';
import { measure, type Job } from './measure';
import { overhead } from './overhead';
import { profile } from './profile';
import { CASES, MODES, type CaseName, type Mode } from './protocol';
import { isBusy, ratioTable, remarks, save, type Result } from './result';
import { scaling } from './scaling';
import { EVERY, prepareShape, SHAPES } from './shapes';

const root = join(__dirname, '..'), cache = join(root, '.cache', 'bench'), results = join(root, 'reproductions', 'results', 'bench');

/** The shapes of each case. */
const shapesOf = (name: CaseName): readonly string[] => ({
  quantizeWeight: Object.keys(WIDTHS), quantizeActivation: ['1024x3072'], evaluation: ['minilm'], load: ['minilm', 'bert-base'], tokens: ['text'],
} as Partial<Record<CaseName, string[]>>)[name] ?? Object.keys(SHAPES);
const ALL_SHAPES = [...new Set(CASES.flatMap(shapesOf))];

const HELP = `npm run bench -- [CASE | SHAPE]... [options]     times against PyTorch, below 1 we are faster
npm run bench -- profile [SHAPE] [--save]         where the time of an eager student step goes, by TensorFlow operation
npm run bench -- scaling [--save]                 a student step against batch, length, layers and width
npm run bench -- overhead [--save]                a step of each method and each cheaper form of SAM-SGA, in turns (needs the models of preset mini)

  CASE              forward, backward (all gradients), step (a student step of SAM-SGA), recomputed
                    (the same, our layers computed again for their gradients), qat (the same without SAM), draw (the generator
                    writes a batch), ascent (one step of the generator), quantizeWeight, quantizeActivation, evaluation, load, tokens (all);
                    step, draw and ascent together also give samSga, a whole step with an ascent every ${EVERY} steps
  SHAPE             ${ALL_SHAPES.join(', ')} (all)
  --pytorch MODES   what PyTorch does: ${MODES.join(', ')}, with commas between (eager); against bf16 ours is bf16,
                    else float32; SAM's second pass is float32 always, on both sides
  --runs N          turns of each side, after one that warms up (7)
  --quick           2 turns: to see that it works, not how fast
  --json FILE       also write the result as JSON
  --save            keep it as reproductions/results/bench/SHAPE-cpu.json and draw the figure; refused if other processes disturbed it

PyTorch's python is the first on the path; \`npm run bench\` puts it there. Do nothing else on the machine meanwhile.
Example: npm run bench -- step draw ascent minilm --json bench.json`;

/** Makes what a case reads, once, and says where it is. */
async function jobOf(name: CaseName, shape: string): Promise<Job> {
  if (name === 'quantizeWeight' || name === 'quantizeActivation') {
    const bits = WIDTHS[shape as keyof typeof WIDTHS] ?? 2, { low, high, zero } = codeRange(weightSpec(bits));
    return { name, shape, folder: await prepareQuantizer(bits, cache), grid: { bits, levels: [low, high, zero] } };
  }
  if (name === 'tokens') return { name, shape, folder: prepareText(cache) };
  const folder = await prepareShape(shape, cache);
  if (name === 'draw' || name === 'ascent') await prepareDraws(folder, SHAPES[shape]);
  if (name === 'evaluation') {
    const { model, params } = await loadModel(folder);
    dispose(params);
    prepareSentences(folder, model.vocabSize);
  }
  return { name, shape, folder };
}

/** Cases and shapes that the words on the command line choose. */
export function chosenJobs(words: readonly string[]): { name: CaseName; shape: string }[] {
  const unknown = words.find((w) => !(CASES as readonly string[]).includes(w) && !ALL_SHAPES.includes(w));
  if (unknown !== undefined) throw new ZsaqError('usage', `benchmark: there is no case or shape "${unknown}": choose ${[...CASES, ...ALL_SHAPES].join(', ')}, profile or scaling`);
  const cases = CASES.filter((c) => words.includes(c)), shapes = ALL_SHAPES.filter((s) => words.includes(s));
  const jobs = (cases.length ? cases : CASES).flatMap((name) => shapesOf(name).filter((s) => !shapes.length || shapes.includes(s)).map((shape) => ({ name, shape })));
  if (!jobs.length) throw new ZsaqError('usage', `benchmark: ${words.join(' ')}: none of these cases has one of these shapes; ${cases.map((c) => `${c} has ${shapesOf(c).join(', ')}`).join('; ')}`);
  return jobs.sort((a, b) => ALL_SHAPES.indexOf(a.shape) - ALL_SHAPES.indexOf(b.shape));
}

function modesOf(text: string): Mode[] {
  const modes = text.split(','), unknown = modes.find((m) => !(MODES as readonly string[]).includes(m));
  if (unknown !== undefined) throw new ZsaqError('usage', `--pytorch ${text}: choose of ${MODES.join(', ')}`);
  return modes as Mode[];
}

/** Measures again, twice at most, where other processes took part of a turn: a short case is soon disturbed, and a long run should not be lost for it. */
async function undisturbed(run: () => ReturnType<typeof measure>): ReturnType<typeof measure> {
  for (let again = 2; ; again--) {
    const measured = await run();
    if (again === 0 || !measured.ratios.some(isBusy)) return measured;
    console.error('  disturbed by other processes: once more');
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: {
    runs: { type: 'string', default: '7' }, pytorch: { type: 'string', default: 'eager' }, quick: { type: 'boolean', default: false }, json: { type: 'string' },
    save: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
  } });
  if (values.help) return console.log(HELP);
  const runs = values.quick ? 2 : Number(values.runs), modes = modesOf(values.pytorch), [first, ...rest] = positionals;
  if (!Number.isInteger(runs) || runs < 1) throw new ZsaqError('usage', `--runs ${values.runs}: a whole number from 1`);
  if (first === 'profile') return profile(rest, cache, values.save ? results : undefined);
  if (first === 'overhead') return overhead(runs, values.save);
  if (first === 'scaling') return scaling(runs, cache, values.save ? results : undefined);
  const jobs = chosenJobs(positionals), load = loadavg()[0];
  await ready();
  if (load > 0.5 * cpus().length) console.error(`warning: the machine is busy (load ${load.toFixed(1)}): these times will not be worth much`);
  const result: Result = { ratios: [], failures: [], versions: {}, threads: cpus().length, load, date: new Date().toISOString(), ...provenance() };
  for (const [i, { name, shape }] of jobs.entries()) {
    console.error(`${i + 1}/${jobs.length} ${name} ${shape}`);
    const { ratios, failures, versions } = await undisturbed(async () => measure(await jobOf(name, shape), modes, runs));
    result.ratios.push(...ratios), result.failures.push(...failures), Object.assign(result.versions, versions);
    for (const f of failures) console.error(`FAILED ${f.name} ${f.shape}, PyTorch ${f.mode}: ${f.reason}`);
    for (const r of ratios) console.error(`  PyTorch ${r.precision.pytorch}: ${r.ours.median.toFixed(1)} ms against ${r.pytorch.median.toFixed(1)} ms, ratio ${r.ratio.toFixed(2)}${isBusy(r) ? ' (busy machine)' : ''}`);
    const whole = { ...result, ratios: [...result.ratios, ...wholeSteps(result.ratios, EVERY)] };
    if (values.json) writeWhole(values.json, `${canonicalJson(whole, 1)}\n`);
  }
  result.ratios.push(...wholeSteps(result.ratios, EVERY));
  console.log([toText(ratioTable(result.ratios)), ...remarks(result.ratios)].join('\n'));
  if (result.failures.length) process.exitCode = 1;
  if (values.save) for (const file of [...save(result, results), ...await drawRatios(results)]) console.log(`wrote ${file}`);
}

/** Ends the process with one sentence for a user's mistake. */
export function endWith(error: unknown): void {
  console.error(error instanceof ZsaqError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') ? (error as Error).message : error);
  process.exitCode = 1;
}

if (require.main === module) main().catch(endWith);
