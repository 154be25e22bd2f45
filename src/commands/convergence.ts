import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { join } from 'node:path';
import { gameDefaults, playGame, type Averages, type GameConfig } from '../analysis/convergence';
import { MINIMAX } from '../analysis/minimax';
import { ZsaqError } from '../core/error';
import { makeFolder } from '../io/disk';
import { canonicalJson, readJson, writeWhole } from '../io/file';
import { Progress } from '../report/progress';
import { networkConvergence } from './networkConvergence';
import { optional, type Command } from './command';
import { provenance } from './provenance';
import { convergence } from './reports/convergence';
import { reportText, RESULTS } from './reports/report';

/** One curve: the same configuration at growing T, `values[T][seed]` of each measure. */
export interface Series { id: string; config: GameConfig; steps: number[]; seeds: number[]; student: number[][]; primal: number[][]; joint: number[][] }

/** What is known of a problem, and its curves: the content of a result file. */
export interface ConvergenceResult extends Record<string, unknown> {
  problem: string; title: string; source: string;
  smoothness: number; mu: number; sigma: number; criticalRatio: number; range: number;
  preset: string;
  series: Series[];
}

/** beta of SAM where it decays as T^(-1/4). */
export const BETA = 0.5;

const powers = (from: number, to: number): number[] => Array.from({ length: 2 * (to - from) + 1 }, (_, i) => Math.round(10 ** (from + i / 2)));
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const SIZES: Readonly<Record<string, { slopes: [steps: number[], seeds: number[]]; others: [steps: number[], seeds: number[]] }>> = {
  smoke: { slopes: [powers(2, 3.5), upTo(3)], others: [powers(2, 3), upTo(2)] },
  mini: { slopes: [powers(2, 6), upTo(20)], others: [powers(2, 5), upTo(8)] },
};

/** The curves of a problem: slopes of the two algorithms, then one setting at a time. */
export function convergencePlan(preset: string): Pick<Series, 'id' | 'config' | 'steps' | 'seeds'>[] {
  const { slopes, others } = SIZES[preset], sam = { ...gameDefaults, beta: BETA };
  const of = ([steps, seeds]: [number[], number[]]) => (id: string, config: GameConfig) => ({ id, config, steps, seeds }), main = of(slopes), other = of(others);
  return [
    main('descentAscent', gameDefaults), main('samSga', sam),
    ...[2, 3, 4, 6, 8].map((bits) => other(`bits=${bits}`, { ...sam, bits })),
    ...[0.01, 0.1, 0.5, 1, 2].map((beta) => other(`beta=${beta}`, { ...sam, beta, decays: false })),
    ...[0.5, 1, 1.5, 2, 2.5, 3, 4, 8, 16, 32].map((ratio) => other(`ratio=${ratio}`, { ...gameDefaults, ratio })),
  ];
}

export const convergenceCommand: Command = {
  name: 'convergence',
  summary: 'how fast SAM-SGA converges on min-max problems with known constants',
  help: `zsaq convergence [PROBLEM...] [--preset NAME] [--results DIR] [--json]
zsaq convergence --model DIR --generator DIR [--bits WxA8] [--lengths T,...] [--seeds N] [--results DIR] [--runs DIR] [--json]

  PROBLEM         one or more of ${Object.keys(MINIMAX).join(', ')} (all)
  --preset NAME   smoke: seconds; mini: T to 10^6, 20 seeds, some ten minutes of one core (mini)
  --results DIR   folder of the result files (reproductions/results of this project)
  --model DIR     a network in place of the problems: runs of several lengths T, rates falling as 1/sqrt(T); the squared norm of the gradient
                  at Q(w) on a fixed bank (random tokens, the generator as it came and after its ascents), averaged over each run
  --generator DIR its generator
  --bits WxA8     (W2A8)
  --lengths T,... (100,300,1000,3000)
  --seeds N       (3)
  --runs DIR      folder of the networks' checkpoints (runs/convergence)
  --json          last line of standard output: one JSON object

Each problem is played with and without SAM, with quantizers of several widths, radii and step-size ratios. What is
there already is kept: the same command again continues. \`zsaq report convergence\` draws it.`,
  options: { preset: { type: 'string' }, results: { type: 'string' }, model: { type: 'string' }, generator: { type: 'string' }, bits: { type: 'string' }, lengths: { type: 'string' }, seeds: { type: 'string' }, runs: { type: 'string' } },
  words: 'problem',
  async run(values, signal) {
    const preset = optional(values, 'preset') ?? 'mini', results = optional(values, 'results') ?? RESULTS, out = join(results, 'convergence'), words = values.words as string[];
    if (!Object.hasOwn(SIZES, preset)) throw new ZsaqError('usage', `preset "${preset}": choose ${Object.keys(SIZES).join(' or ')}`);
    const unknown = words.find((name) => !Object.hasOwn(MINIMAX, name));
    if (unknown !== undefined) throw new ZsaqError('usage', `there is no problem "${unknown}": choose ${Object.keys(MINIMAX).join(', ')}`);
    makeFolder(out);
    if (values.model) await networkConvergence(values, out, signal);
    else for (const name of words.length ? words : Object.keys(MINIMAX)) await playAll(name, preset, join(out, `${name}.json`), signal);
    const drawn = await convergence.make({ results });
    return { text: reportText(drawn), json: { out, ...drawn.json } };
  },
};

/** All curves of a problem that its file does not have yet. */
async function playAll(name: string, preset: string, path: string, signal: AbortSignal): Promise<void> {
  const { title, source, smoothness, mu, sigma, criticalRatio, range } = MINIMAX[name], plan = convergencePlan(preset);
  const before = existsSync(path) ? readJson(path) as ConvergenceResult : undefined, key = ({ id, config, steps, seeds }: typeof plan[number]) => canonicalJson({ id, config, steps, seeds });
  if (before && before.preset !== preset) throw new ZsaqError('usage', `${path} holds results at preset ${before.preset}, which those at ${preset} would replace: give another folder with --results`);
  const known = new Map((before?.series ?? []).map((series) => [key(series), series])), left = plan.filter((p) => !known.has(key(p)));
  if (!left.length) return;
  const bar = new Progress(name, left.reduce((sum, { steps, seeds }) => sum + seeds.length * steps.reduce((a, b) => a + b, 0), 0));
  let done = 0;
  try {
    for (const curve of left) {
      const found: Averages[][] = [];
      for (const steps of curve.steps) {
        const row: Averages[] = [];
        for (const seed of curve.seeds) {
          if (signal.aborted) throw new ZsaqError('cancelled', 'stopped; the same command continues');
          row.push(playGame(MINIMAX[name], curve.config, steps, seed));
          bar.update(done += steps, curve.id);
          await setImmediate(); // signals get a turn
        }
        found.push(row);
      }
      // JSON has no infinity: a run that diverged is null
      const values = (of: keyof Averages) => found.map((row) => row.map((a) => (Number.isFinite(a[of]) ? Number(a[of].toPrecision(6)) : null))) as number[][];
      known.set(key(curve), { ...curve, student: values('student'), primal: values('primal'), joint: values('joint') });
      const result: ConvergenceResult = { problem: name, title, source, smoothness, mu, sigma, criticalRatio, range, preset, series: plan.flatMap((p) => known.get(key(p)) ?? []), commit: provenance().commit };
      writeWhole(path, `${canonicalJson(result)}\n`);
    }
  } finally {
    bar.end();
  }
}
