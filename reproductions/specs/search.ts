// The search for the recipe: what each method is set to in all tables, chosen by the fixed bank alone and then frozen in recipe.ts.
import { searchCell, type Preset, type QuantizeCell } from '../cells/cell';
import { quantizeResult, type Find, type Row, type Spec } from './spec';
import type { Table } from '../../src/report';
import type { MethodId } from '../../src/index';

/** Where it is searched: both bundled models and one real task. Each has its own bank. */
const PLACES = [
  { task: 'pocket-sentiment', model: 'pocket-bert', generator: 'pocket-generator' }, { task: 'pocket-tales', model: 'pocket-opt', generator: 'pocket-generator' },
  { task: 'SST-2', model: 'minilm-sst2', generator: 'opt-ptb' },
] as const;

/** A sixth of a full run: the budget of a candidate that trains. */
const STEPS: Readonly<Record<Preset, number>> = { smoke: 3, mini: 100, paper: 1500 };
const SAMSGA: MethodId = 'samSga', RANDOM: MethodId = 'qatRandom';

/** Settings that are tried, one change at a time from the defaults. */
const CANDIDATES: readonly { method: MethodId; sets: readonly string[] }[] = [
  { method: 'ptq', sets: ['plan.scale=absmax', 'plan.scale=percentile'] },
  { method: 'zeroQuant', sets: ['plan.scale=absmax', 'lkd=on'] },
  { method: 'gptq', sets: ['plan.scale=absmax', 'order=activation', 'inputs=random'] },
  { method: RANDOM, sets: ['plan.scale=absmax', 'rate=0.00003', 'rate=0.0003', 'scaleRate=0.0001', 'scaleRate=0.01', 'divergence.hidden=0.1', 'divergence.hidden=10'] },
  { method: SAMSGA, sets: [
    'plan.scale=absmax', 'rate=0.00003', 'rate=0.0003', 'scaleRate=0.0001', 'scaleRate=0.01', 'divergence.hidden=0.1', 'divergence.hidden=10', 'beta=0.00005', 'beta=0.001', 'adaptive=true',
    'generator.rate=0.000001', 'generator.rate=0.0001', 'generator.every=1', 'adaptation.kind=gumbel', 'adaptation.kind=soft',
  ] },
];

const trains = (method: MethodId): boolean => method === SAMSGA || method === RANDOM;

function cellsOf(preset: Preset, method: MethodId, change: string | null): QuantizeCell[] {
  const places = preset === 'smoke' ? PLACES.slice(0, 1) : preset === 'mini' ? PLACES : [];
  return places.map((place) => searchCell({ preset, ...place, method, bits: 'W2A8', set: [...(trains(method) ? [`steps=${STEPS[preset]}`] : []), ...(change ? [change] : [])] }));
}

/** One candidate: its divergence on each bank as a share of the defaults', and their geometric mean; null where something has not been run. */
interface Tried { change: string | null; shares: (number | null)[]; score: number | null }

function tried(find: Find, preset: Preset, method: MethodId, sets: readonly string[]): Tried[] {
  const onBank = (change: string | null) => cellsOf(preset, method, change).map((c) => quantizeResult(find, c)?.bank?.mean ?? null), base = onBank(null);
  return [null, ...sets].map((change) => {
    const shares = onBank(change).map((x, i) => (x === null || base[i] === null ? null : x / base[i]!)), known = shares.flatMap((x) => x ?? []);
    return { change, shares, score: known.length === shares.length && known.length ? Math.exp(known.reduce((sum, x) => sum + Math.log(x), 0) / known.length) : null };
  });
}

/** A change must win by more than this to be kept: less is within the noise of a seed. */
const MARGIN = 0.02;

/** Of each setting the candidate with the lowest score, where it beats the defaults by the margin: what the recipe says of a method. */
export function chosen(find: Find, preset: Preset, method: MethodId): string[] {
  const { sets } = CANDIDATES.find((c) => c.method === method)!, best = new Map<string, Tried>();
  for (const t of tried(find, preset, method, sets)) {
    if (t.change === null || t.score === null || t.score > 1 - MARGIN) continue;
    const path = t.change.split('=')[0], before = best.get(path);
    if (!before || t.score < before.score!) best.set(path, t);
  }
  return [...best.values()].map((t) => t.change!);
}

/** Methods that the search covers, and those that take over what it finds for another: the same student, loss and budget. */
export const SEARCHED: readonly MethodId[] = CANDIDATES.map((c) => c.method);

export const SEARCH: Spec = {
  id: 'search', group: 'question', title: 'The recipe: settings of each method, chosen on the fixed bank',
  claim: 'The paper\'s learning rates, beta and divergence are not published where we could read.',
  meaning: 'Below 1 the student is nearer to its teacher on held-out synthetic batches than with the defaults. Scores of tasks take no part in the choice. Short runs prefer larger rates.',
  cells: (preset) => CANDIDATES.flatMap(({ method, sets }) => [null, ...sets].flatMap((change) => cellsOf(preset, method, change))),
  absent: (preset) => `the recipe is searched at preset mini, not at ${preset}`,
  view(find, preset) {
    if (!this.cells(preset).length) return { tables: [], figures: [], notes: [this.absent!(preset)], rows: [] };
    const places = cellsOf(preset, SAMSGA, null).map((c) => c.task), rows: Row[] = [];
    const tables = CANDIDATES.map(({ method, sets }): Table => {
      const kept = chosen(find, preset, method), all = tried(find, preset, method, sets);
      for (const t of all) rows.push({ method, title: t.change ?? 'defaults', bits: 'W2A8', task: 'average', metric: 'divergence on the bank, of the defaults\'', mean: t.score, spread: null, seeds: [0], published: null, difference: null });
      return {
        title: `${method}: divergence on the fixed bank, relative to the defaults`, columns: [{ name: 'change' }, ...places.map((name) => ({ name, digits: 3 })), { name: 'mean', digits: 3 }, { name: 'kept' }],
        rows: all.map((t) => [t.change ?? 'defaults', ...t.shares.map((x) => x ?? 'not run'), t.score, t.change !== null && kept.includes(t.change) ? 'yes' : '']),
        note: `W2A8, ${trains(method) ? `${STEPS[preset]} steps, ` : ''}seed 0, preset ${preset}; geometric means; a change is kept where it wins by ${100 * MARGIN} %`,
      };
    });
    return { tables, figures: [], notes: [], rows };
  },
};
