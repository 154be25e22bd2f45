// Each option that is off by default, measured: one change of the plain algorithm at a time, on both bundled models, whose runs take seconds.
import { anyTask } from '../../datasets';
import { METRIC_LABELS } from '../../src/index';
import { searchCell, type Preset, type QuantizeCell } from '../cells/cell';
import { rowOf } from '../report/summary';
import { MARGIN, PLACES, shareOf } from './search';
import { DIFFERENT, quantizeResult, type Spec, type View } from './spec';

/** Changes of settings, side by side where one needs another. */
const OPTIONS = [
  'generator.entropy=1', 'generator.diversity=1', 'adaptation.kind=soft', 'adaptation.kind=soft generator.manifold=1', 'adaptation.kind=gumbel', 'adaptation.kind=linear', 'generator.noise=gaussian', 'generator.noise=written',
  'generator.mode=frozen', 'generator.divergence=js', 'generator.divergence=l1',
  'adaptive=true', 'perturb=latent', 'relative=false beta=0.05', 'betaSchedule.kind=linear', 'betaSchedule.warmup=0.5',
  'store=quantized', 'divergence.temperature=2', 'divergence.logits=js', 'layerwise.steps=100',
  'plan.activation.oneSided=asymmetric', 'plan.activation.probabilities=true', 'plan.activation.range=static', 'plan.activation.range=static plan.activation.scale=percentile', 'plan.activation.range=static plan.activation.scale=mse',
];

const STEPS: Readonly<Record<Preset, number>> = { smoke: 3, mini: 100, paper: 0 };
const BUNDLED = PLACES.filter(({ model }) => model.startsWith('pocket-'));

const cellsOf = (preset: Preset, change: string | null): QuantizeCell[] => (preset === 'paper' ? [] : BUNDLED).map((place) => (
  searchCell({ preset, ...place, method: 'samSga', bits: 'W2A8', set: [`steps=${STEPS[preset]}`, ...(change?.split(' ') ?? [])] })));

const UNASKED = 'asked of the bundled models, at presets smoke and mini';

export const OPTIONS_SPEC: Spec = {
  id: 'options', group: 'question', title: 'Each option that is off by default',
  claim: 'Not a question of the paper: what the options of this implementation do to the plain algorithm.',
  meaning: 'Below 1 the student is nearer to its teacher on the fixed bank than with the defaults, in a run that short and on models that small; a hundredth or two is the noise of a seed. The score takes no part.',
  cells: (preset) => [null, ...OPTIONS].flatMap((change) => cellsOf(preset, change)),
  absent: () => UNASKED,
  view(find, preset): View {
    if (preset === 'paper') return { tables: [], figures: [], notes: [UNASKED], rows: [] };
    const base = cellsOf(preset, null).map((cell) => quantizeResult(find, cell));
    const found = [null, ...OPTIONS].map((change) => ({ change: change ?? 'defaults', on: cellsOf(preset, change).map((cell, i) => { const result = quantizeResult(find, cell); return { cell, result, share: shareOf(result?.bank, base[i]?.bank) }; }) }));
    const table = {
      title: 'SAM-SGA with one option changed', columns: [{ name: 'change' }, ...BUNDLED.flatMap(({ task }) => [{ name: `${task}: divergence, of the defaults'`, digits: 3 }, { name: METRIC_LABELS[anyTask(task).metric], digits: 2 }, DIFFERENT.column])],
      rows: found.map(({ change, on }) => [change, ...on.flatMap(({ result, share }) => [share ?? 'not run', result?.score ?? null, DIFFERENT.of(result)])]),
      note: `W2A8, ${STEPS[preset]} steps, seed 0, preset ${preset}; the defaults are the plain algorithm, not the recipe of the tables`,
    };
    const measured = found.slice(1).filter(({ on }) => on.every(({ share }) => share !== null)), all = (keep: (share: number) => boolean): string[] => measured.filter(({ on }) => on.every(({ share }) => keep(share!))).map(({ change }) => change);
    const nearer = all((x) => x <= 1 - MARGIN), further = all((x) => x >= 1 + MARGIN);
    const notes = measured.length ? [`Of ${measured.length} changes ${nearer.length || 'none'} bring the student nearer to its teacher on both models by ${100 * MARGIN} % or more${nearer.length ? ` (${nearer.join('; ')})` : ''}, and ${further.length || 'none'} take it further away on both${further.length ? ` (${further.join('; ')})` : ''}.`] : [];
    return { tables: [table], figures: [], notes, rows: found.flatMap(({ change, on }) => on.map(({ cell }, i) => rowOf(find, change, BUNDLED[i].task, [cell]))) };
  },
};
