// Sweeps over one setting: beta, generator size, granularity, bits.
import { encoders, sweepSetups, SWEEP_STEPS, type Setup } from '../setups';
import { plainCell, quantizeCell, type Preset, type QuantizeCell } from '../cells/cell';
import { average } from '../report/bootstrap';
import { againstReference, divergedWords, flatness, leastWidths, trainingAdds } from '../report/findings';
import { sweepView, type SweepLine } from '../report/sweepView';
import { cellsAt, variant } from './matrix';
import { DIFFERENT, quantizeResult, type Find, type Spec } from './spec';
import { METHODS, type MethodId, type SamSgaConfig } from '../../src/index';

const cellsOf = (lines: readonly SweepLine[]): QuantizeCell[] => lines.flatMap((l) => l.points.flatMap((p) => p.cells));

/** A cell of a sweep: W2A8, half the steps of a full run. */
export function sweepCell(preset: Preset, setup: Setup, method: MethodId, set: readonly string[], seed = 0, generator = setup.generator): QuantizeCell {
  return quantizeCell({ preset, ...setup, generator, method, bits: 'W2A8', seed, set: [...(method === 'samSga' ? setup.set : []), ...set, ...(method === 'ptq' ? [] : [`steps=${SWEEP_STEPS[preset]}`])] });
}

const SEEDS = (preset: Preset): number[] => (preset === 'smoke' ? [0] : [0, 1]);
const withSeeds = (preset: Preset, cell: (seed: number) => QuantizeCell): QuantizeCell[] => SEEDS(preset).map(cell);
const halfSteps = (preset: Preset): string => `W2A8, ${SWEEP_STEPS[preset]} steps after the layer-wise start of a full run, seeds ${SEEDS(preset).join(' and ')}, preset ${preset}`;

/** Perturbation as a share of the norm of the quantized weights; 0 is AdamW. */
const BETAS = [0, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3];
/** Of this one the sweeps share their cell, which names no value. */
const { beta: OWN_BETA } = METHODS.samSga.defaults as SamSgaConfig;

function betaLines(preset: Preset): SweepLine[] {
  return sweepSetups(preset).map((setup) => ({
    name: setup.task, task: setup.task,
    points: BETAS.map((beta) => ({ at: beta, label: String(beta), cells: withSeeds(preset, (seed) => sweepCell(preset, setup, 'samSga', beta === 0 ? ['sam=off'] : beta === OWN_BETA ? [] : [`beta=${beta}`], seed)) })),
  }));
}

/** The adversary at rest, at the recipe's rate, and at ten times that, with which short runs do best; with SAM and without. */
function adversaryLines(preset: Preset): SweepLine[] {
  const one = (setup: Setup, key: string): QuantizeCell[] => cellsAt(preset, setup, { ...variant(preset, key), seeds: [0] }, 'W2A8');
  const fast = (setup: Setup, method: MethodId): QuantizeCell[] => one(setup, method).map((cell) => ({ ...cell, set: cell.set.flatMap((s) => (s.startsWith('generator.noise=') ? ['generator.rate=0.0001', s] : [s])) }));
  return sweepSetups(preset).flatMap((setup) => ([['samSga', 'frozen', 'SAM'], ['adversarial', 'neither', 'no SAM']] as const).map(([method, frozen, label]) => ({
    name: `${setup.task}, ${label}`, task: setup.task,
    points: [{ at: 0, label: 'frozen', cells: one(setup, frozen) }, { at: 1, label: 'recipe', cells: one(setup, method) }, { at: 2, label: 'ten times as fast', cells: fast(setup, method) }],
  })));
}

/** Generators by their number of parameters. Those of `mini` have read PTB only and share one tokenizer; those of `paper` are the hub's, and below its smallest OPT stands DistilGPT-2. */
const SIZES: Readonly<Record<Preset, readonly { name: string; millions: number }[]>> = {
  smoke: [{ name: 'pocket-generator', millions: 0.25 }],
  mini: [{ name: 'generator-ptb-0.3M', millions: 0.3 }, { name: 'generator-ptb-1M', millions: 1 }, { name: 'generator-ptb-3M', millions: 3 }, { name: 'opt-ptb', millions: 11 }],
  paper: [['distilbert/distilgpt2', 82], ['facebook/opt-125m', 125], ['facebook/opt-350m', 350], ['facebook/opt-1.3b', 1300], ['facebook/opt-2.7b', 2700], ['facebook/opt-6.7b', 6700]].map(([name, millions]) => ({ name: name as string, millions: millions as number })),
};

function sizeLines(preset: Preset): SweepLine[] {
  return sweepSetups(preset).map((setup) => ({
    name: setup.task, task: setup.task,
    points: SIZES[preset].map(({ name, millions }) => ({ at: millions, label: `${millions}M`, cells: withSeeds(preset, (seed) => sweepCell(preset, setup, 'samSga', [], seed, name)) })),
  }));
}

/** Rows are what rounding and SAM-SGA have unless told otherwise: that cell is shared with other sweeps. */
const GRANULARITIES: readonly [string, string[]][] = [
  ['tensor', ['plan.granularity="tensor"']], ['row', []], ...[128, 64, 32].map((group): [string, string[]] => [`groups of ${group}`, [`plan.granularity={"group":${group}}`]]),
];

function granularityLines(preset: Preset): SweepLine[] {
  return sweepSetups(preset).flatMap((setup) => (['ptq', 'samSga'] as const).map((method) => ({
    name: `${setup.task}, ${method}`, task: setup.task,
    points: GRANULARITIES.map(([label, set], i) => ({ at: i, label, cells: [sweepCell(preset, setup, method, set)] })),
  })));
}

/** Size in MB, seconds: what a finer grid costs. */
const costs = (find: Find) => {
  const first = (cells: readonly QuantizeCell[]) => quantizeResult(find, cells[0]);
  return [
    { name: 'size', unit: 'MB', digits: 2, of: (cells: readonly QuantizeCell[]) => { const r = first(cells); return r ? r.sizeBytes / 2 ** 20 : null; } },
    { name: 'time', unit: 's', digits: 0, of: (cells: readonly QuantizeCell[]) => first(cells)?.seconds ?? null },
  ];
};

const WIDTHS = [2, 3, 4, 8];
const trained = ({ name }: SweepLine): boolean => name.endsWith('samSga');

function bitsLines(preset: Preset): (SweepLine & { full: readonly QuantizeCell[] })[] {
  return encoders(preset).flatMap((setup) => ['ptq', 'samSga'].map((key) => {
    const row = { ...variant(preset, key), seeds: [0] };
    return { name: `${setup.task}, ${key}`, task: setup.task, full: cellsAt(preset, setup, variant(preset, 'full'), 'W32A32'), points: WIDTHS.map((w) => ({ at: w, label: `W${w}A8`, cells: cellsAt(preset, setup, row, `W${w}A8`) })) };
  }));
}

/** Models in which some layers have more bits than the others' 2; each single layer only of rounding, where a cell takes seconds: how much depends on it. */
const MIXED = (layers: number, method: MethodId): [string, string[]][] => {
  const all = Array.from({ length: layers }, (_, i) => i), half = all.slice(0, layers / 2), at4 = (list: readonly number[]): string[] => list.map((i) => `plan.rules.*.layer.${i}.*={"bits":4}`);
  return [['all layers at 2 bits', []], ['all layers at 3 bits', ['plan.rules.*.layer.*={"bits":3}']], ['first half at 4 bits', at4(half)], ['second half at 4 bits', at4(half.map((i) => i + layers / 2))], ['first and last layer at 8 bits', ['plan.ends="8"']],
    ...(method === 'ptq' ? all.map((i): [string, string[]] => [`layer ${i + 1} at 4 bits`, at4([i])]) : [])];
};

function mixedLines(preset: Preset): SweepLine[] {
  const layers = preset === 'smoke' ? 4 : preset === 'mini' ? 6 : 12;
  return sweepSetups(preset).flatMap((setup) => (['ptq', 'samSga'] as const).map((method) => ({
    name: `${setup.task}, ${method}`, task: setup.task, points: MIXED(layers, method).map(([label, set], i) => ({ at: i, label, cells: [sweepCell(preset, setup, method, set)] })),
  })));
}

/** Both bundled models, whose runs are short enough for three seeds each. */
const POCKET: readonly Setup[] = [{ task: 'pocket-sentiment', model: 'pocket-bert', generator: 'pocket-generator', set: [] }, { task: 'pocket-tales', model: 'pocket-opt', generator: 'pocket-generator', set: [] }];
const PRECISION_STEPS: Readonly<Record<Preset, number>> = { smoke: 3, mini: 100, paper: 0 };

const UNASKED = 'asked of the bundled models, at preset mini';

function precisionLines(preset: Preset): SweepLine[] {
  return preset === 'paper' ? [] : POCKET.map((setup) => ({
    name: setup.model, task: setup.task,
    points: ['fp32', 'bf16'].map((precision, at) => ({ at, label: precision, cells: (preset === 'smoke' ? [0] : [0, 1, 2]).map((seed) => plainCell({
      preset, ...setup, method: 'samSga', bits: 'W2A8', seed, set: [...(precision === 'fp32' ? [] : [`precision=${precision}`]), `steps=${PRECISION_STEPS[preset]}`],
    })) })),
  }));
}

export const SWEEPS: readonly Spec[] = [
  {
    id: 'precision', group: 'question', title: 'Products in bfloat16',
    claim: 'Not a question of the paper: whether the faster products of this implementation cost quality.',
    meaning: 'None is lost where the means differ by no more than the spread over seeds.',
    cells: (preset) => cellsOf(precisionLines(preset)),
    absent: () => UNASKED,
    view: (find, preset) => (preset === 'paper' ? { tables: [], figures: [], rows: [], notes: [UNASKED] } : { ...sweepView({ id: 'precision', title: 'Precision of products', axis: 'precision', find, lines: precisionLines(preset), notes: againstReference(find, precisionLines(preset), 0), note: `SAM-SGA at W2A8, ${PRECISION_STEPS[preset]} steps, preset ${preset}; SAM's second pass is float32 always`, extra: costs(find).slice(1) }), figures: [] }),
  },
  {
    id: 'figure2', group: 'figure', title: 'Figure 2 and open question 2: size of the generator',
    claim: 'Between 125M and 1.3B parameters OPT-350m is the best generator, and the result is "not very sensitive" to the size.',
    meaning: 'The claim holds here if the lines are flat within their bands.',
    cells: (preset) => cellsOf(sizeLines(preset)),
    view: (find, preset) => sweepView({ id: 'figure2', title: 'Size of the generator', axis: 'parameters (M)', log: true, find, lines: sizeLines(preset), notes: flatness(find, sizeLines(preset)), note: `${halfSteps(preset)}${preset === 'mini' ? '; the generators have read PTB only' : ''}` }),
  },
  {
    id: 'beta', group: 'sweep', title: 'Sweep: radius of the perturbation',
    claim: 'A larger radius generalizes better but may make training unstable; values are not published where we could read.',
    meaning: 'SAM pays if some beta above 0 is ahead of 0 by more than its interval, and is unstable where runs diverged.',
    cells: (preset) => cellsOf(betaLines(preset)),
    view: (find, preset) => sweepView({
      id: 'beta', title: 'Radius of the perturbation (beta, relative)', axis: 'beta', find, lines: betaLines(preset), notes: [...againstReference(find, betaLines(preset), 0), ...divergedWords(find, betaLines(preset))], note: `${halfSteps(preset)}; beta 0 is AdamW; rise: (L(w + eps) - L(w)) / L(w), below 1 % SAM does nothing`,
      extra: [{ name: 'rise', unit: '%', digits: 1, of: (cells) => { const rises = cells.flatMap((c) => quantizeResult(find, c)?.sharpness ?? []); return rises.length ? 100 * average(rises) : null; } }],
    }),
  },
  {
    id: 'adversary', group: 'sweep', title: 'Sweep: how fast the adversary learns',
    claim: 'The rate of the generator\'s ascent is not published where we could read.',
    meaning: 'The adversary pays where it scores above the frozen generator by more than chance (`zsaq report ablation` has the intervals of the recipe\'s); it has collapsed where few different tokens are left.',
    cells: (preset) => cellsOf(adversaryLines(preset)),
    view: (find, preset) => sweepView({ id: 'adversary', title: 'Rate of the generator\'s ascent', axis: 'rate', named: true, find, lines: adversaryLines(preset), notes: againstReference(find, adversaryLines(preset), 0), note: `W2A8, full runs, seed 0, preset ${preset}`, extra: [{ ...DIFFERENT.column, of: ([cell]) => DIFFERENT.of(quantizeResult(find, cell)) }] }),
  },
  {
    id: 'granularity', group: 'sweep', title: 'Sweep: granularity of the weights',
    claim: 'The granularity of the paper\'s quantizers is not published where we could read.',
    meaning: 'Training pays where its line is above rounding\'s; a finer grid pays where the score grows more than the size. A scale for fewer weights brings the weights nearer to what they were, which need not bring the answers nearer.',
    cells: (preset) => cellsOf(granularityLines(preset)),
    view: (find, preset) => sweepView({ id: 'granularity', title: 'Granularity of the weights', axis: 'granularity', named: true, find, lines: granularityLines(preset), notes: trainingAdds(find, granularityLines(preset)), note: `W2A8, ${SWEEP_STEPS[preset]} steps, seed 0, preset ${preset}`, extra: costs(find) }),
  },
  {
    id: 'bits', group: 'question', title: 'Open question 1: bits for each task',
    claim: 'Open in the paper: which width is the best for which task.',
    meaning: 'A task needs the least width that is shown to lose at most 1 point of full precision: the whole interval lies above -1. A small test set shows little, and then no width is enough.',
    cells: (preset) => [...encoders(preset).flatMap((s) => cellsAt(preset, s, variant(preset, 'full'), 'W32A32')), ...cellsOf(bitsLines(preset))],
    view: (find, preset) => sweepView({ id: 'bits', title: 'Bits of the weights', axis: 'bits', find, lines: bitsLines(preset), notes: leastWidths(find, bitsLines(preset).filter(trained)), drawn: trained, note: `activations at 8 bits; 2 bits on the stretched grid, more on the symmetric one; preset ${preset}, seed 0`, extra: costs(find).slice(0, 1) }),
  },
  {
    id: 'mixed', group: 'question', title: 'Open question 1: mixed precision by layer',
    claim: 'Open in the paper: whether layers should have widths of their own.',
    meaning: 'A mixture pays where it gains more than the same bytes spent evenly (compare the sizes).',
    cells: (preset) => cellsOf(mixedLines(preset)),
    view: (find, preset) => ({ ...sweepView({ id: 'mixed', title: 'Layers of different widths', axis: 'mixture', find, lines: mixedLines(preset), notes: againstReference(find, mixedLines(preset), 1), note: `all on the stretched grid, at 3 bits too, where the bits of each task have the symmetric one; ${SWEEP_STEPS[preset]} steps, seed 0, preset ${preset}`, extra: costs(find) }), figures: [] }),
  },
];
