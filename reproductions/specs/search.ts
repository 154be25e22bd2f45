// The search for the recipe: what each method is set to in all tables, chosen by the fixed bank alone and then frozen in recipe.ts.
import { anyTask } from '../../datasets';
import { searchCell, type Preset, type QuantizeCell } from '../cells/cell';
import { average } from '../report/bootstrap';
import { DIFFERENT, quantizeResult, type Find, type Row, type Spec } from './spec';
import type { QuantizeResult } from '../cells/result';
import type { Table } from '../../src/report';
import { METRIC_LABELS, type MethodId } from '../../src/index';

/** Where it is searched: both bundled models and one real task. Each has its own bank. */
export const PLACES = [
  { task: 'pocket-sentiment', model: 'pocket-bert', generator: 'pocket-generator' }, { task: 'pocket-tales', model: 'pocket-opt', generator: 'pocket-generator' },
  { task: 'SST-2', model: 'minilm-sst2', generator: 'opt-ptb' },
] as const;

/** How many of them are bundled models. */
const BUNDLED = 2;

/** Where changes of the recipe are tried that came after it was frozen. */
const LATER = [PLACES[BUNDLED], { task: 'wikitext-2', model: 'opt-wikitext', generator: 'opt-ptb' }] as const;

/** A sixth of a full run: the budget of a candidate that trains. */
const STEPS: Readonly<Record<Preset, number>> = { smoke: 3, mini: 100, paper: 1500 };
const SAMSGA: MethodId = 'samSga', RANDOM: MethodId = 'qatRandom', ROUNDING: MethodId = 'ptq';

/** What won together after the first look. */
const NEAR = 'divergence.hidden=10 scaleRate=0.01 rate=0.0003', FAR = 'divergence.hidden=100 scaleRate=0.01 rate=0.0003', FASTER = 'divergence.hidden=100 scaleRate=0.01 rate=0.001';
const WIDER = 'divergence.hidden=100 scaleRate=0.03 rate=0.0003', ABSMAX = 'plan.scale=absmax', ASCENT = 'generator.rate=0.0001', GENTLE = 'generator.noise=written', WRITTEN = `${ASCENT} ${GENTLE}`;
/** Each layer by itself first, then the whole at a gentler rate. */
const layers = (scaleRate: string, rate: string, steps = 600): string => `divergence.hidden=100 scaleRate=${scaleRate} rate=${rate} layerwise.steps=${steps}`;
/** From 4 bits on: as many updates of layers as a run has steps there. */
const four = (scaleRate: string, rate: string, more = ''): string => `${layers(scaleRate, rate, 150)}${more} ${GENTLE}`;
const LAYERS = layers('0.01', '0.0001'), SLOWER = layers('0.01', '0.00003'), CALMER = layers('0.001', '0.0001');

/**
 * What is tried of a method, as settings over its defaults. `bundled`: on the two bundled models, one change at a time, then, after a look at
 * those, winners together and a step beyond the edge, in four rounds. `real`: those of them that no other one had beaten there after its round, on SST-2 as well. `fast`: on all
 * three, one of the best in bfloat16, to see what the faster products cost. `whole`: on SST-2 at the length of a full run, what was chosen in short runs and changes
 * of it: an adversary that does well for 100 steps may collapse in 600. `later`: first what was chosen, then what was tried at full length
 * after the tables' first cells had been run, because training the whole loses at first what the layer-wise start has given (studies.ts, `along`); on all places
 * of LATER or on one; QAT on random tokens as well, lest it be the weaker for want of a look at its full length. A winner makes the next recipe, with which all that train would be run again; it is none of this one.
 * `four`: at W4A8 on SST-2, all steps: first what was chosen at 2 bits, then gentler rates, for there a student begins near its teacher. It was looked
 * for after three cells at W4A8 had gained nothing over rounding (a look at scores); the choice is the bank's. The last of
 * them was tried after the tables' cells at 4 bits, once it was seen that the radius of 2 bits raises the divergence of such a student five times as much;
 * those cells of SAM-SGA were then run again with it.
 */
export const CANDIDATES: readonly { method: MethodId; bundled: readonly string[]; real: readonly string[]; fast?: string; whole?: readonly string[]; later?: readonly { change: string; on?: string }[]; four?: readonly string[] }[] = [
  { method: 'ptq', bundled: [ABSMAX, 'plan.scale=percentile'], real: ['plan.scale=percentile'] },
  { method: 'zeroQuant', bundled: [ABSMAX, 'lkd=on', `${ABSMAX} lkd=on`, 'lkd=on rate=0.002'], real: ['lkd=on', `${ABSMAX} lkd=on`, 'lkd=on rate=0.002'] },
  { method: 'gptq', bundled: [ABSMAX, 'order=activation', 'inputs=random', `${ABSMAX} order=activation`], real: ['order=activation', `${ABSMAX} order=activation`] },
  { method: RANDOM, bundled: [
    ABSMAX, 'rate=0.00003', 'rate=0.0003', 'scaleRate=0.0001', 'scaleRate=0.01', 'divergence.hidden=0.1', 'divergence.hidden=10',
    'divergence.hidden=100', 'divergence.hidden=10 scaleRate=0.01', NEAR, FAR, FASTER, `${ABSMAX} ${FAR}`, LAYERS,
  ], real: [NEAR, FAR, `${ABSMAX} ${FAR}`, LAYERS], later: [LAYERS, CALMER, SLOWER].map((change) => ({ change, on: 'SST-2' })), four: [layers('0.01', '0.0001', 150), layers('0.0001', '0.00001', 150)] },
  { method: SAMSGA, bundled: [
    ABSMAX, 'rate=0.00003', 'rate=0.0003', 'scaleRate=0.0001', 'scaleRate=0.01', 'divergence.hidden=0.1', 'divergence.hidden=10', 'beta=0.00005', 'beta=0.001', 'adaptive=true',
    'generator.rate=0.000001', ASCENT, 'generator.every=1', 'adaptation.kind=gumbel', 'adaptation.kind=soft',
    'divergence.hidden=100', 'divergence.hidden=10 scaleRate=0.01', FAR, `${NEAR} ${ASCENT}`, `${FAR} ${ASCENT}`, `${FASTER} ${ASCENT}`, `${WIDER} ${ASCENT}`, `${ABSMAX} ${FAR} ${ASCENT}`,
    `${FAR} ${WRITTEN}`, `${LAYERS} ${WRITTEN}`,
  ], real: [`${FAR} ${ASCENT}`, `${FASTER} ${ASCENT}`, `${WIDER} ${ASCENT}`, `${ABSMAX} ${FAR} ${ASCENT}`, `${LAYERS} ${WRITTEN}`], fast: `${FAR} ${ASCENT} precision=bf16`, whole: [`${LAYERS} ${WRITTEN}`, `${LAYERS} ${GENTLE}`, `${LAYERS} ${WRITTEN} generator.entropy=1`],
  later: [{ change: `${LAYERS} ${GENTLE}` }, { change: `${CALMER} ${GENTLE}` }, { change: CALMER, on: 'SST-2' }, { change: `${SLOWER} ${GENTLE}`, on: 'wikitext-2' }],
  four: [four('0.01', '0.0001'), four('0.001', '0.0001'), four('0.001', '0.00003'), four('0.0001', '0.00003'), four('0.0001', '0.00001'), four('0.0001', '0.00003', ' layerwise.rate=0.00005 layerwise.scaleRate=0.0001'), four('0.0001', '0.00001', ' layerwise.rate=0.00005 layerwise.scaleRate=0.0001'), four('0.0001', '0.00001', ' beta=0.00005')] },
];

/** All that is tried of a method. */
const triedOf = (method: MethodId) => CANDIDATES.find((c) => c.method === method)!;

const trains = (method: MethodId): boolean => method === SAMSGA || method === RANDOM;

/** A candidate's runs, one for each place; null are the defaults, settings stand side by side. */
function cellsOf(preset: Preset, method: MethodId, change: string | null): QuantizeCell[] {
  const { real, fast } = triedOf(method), everywhere = [null, ...real, fast].includes(change);
  return placesOf(preset).slice(0, everywhere ? undefined : BUNDLED).map((place) => searchCell({ preset, ...place, method, bits: 'W2A8', set: [...(trains(method) ? [`steps=${STEPS[preset]}`] : []), ...(change?.split(' ') ?? [])] }));
}

/** Runs of full length on the real task, one for each of `whole`. */
const wholeCells = (preset: Preset, method: MethodId): QuantizeCell[] => placesOf(preset).slice(BUNDLED).flatMap((place) => (
  (triedOf(method).whole ?? []).map((change) => searchCell({ preset, ...place, method, bits: 'W2A8', set: change.split(' ') }))));

/** Runs of full length of one of `later`, null where it is not tried. */
const laterCells = (preset: Preset, method: MethodId, { change, on }: { change: string; on?: string }): (QuantizeCell | null)[] => (preset !== 'mini' ? [] : LATER).map((place) => (
  on === undefined || on === place.task ? searchCell({ preset, ...place, method, bits: 'W2A8', set: change.split(' ') }) : null));

/** Runs at 4 bits on the real task: rounding, then one for each of `four`. */
const fourCells = (preset: Preset, method: MethodId): { title: string; cell: QuantizeCell }[] => [{ title: 'round to nearest', of: ROUNDING, set: [] as string[] }, ...(triedOf(method).four ?? []).map((change) => ({ title: change, of: method, set: change.split(' ') }))]
  .flatMap(({ title, of, set }) => placesOf(preset).slice(BUNDLED).map((place) => ({ title, cell: searchCell({ preset, ...place, method: of, bits: 'W4A8', set }) })));

const placesOf = (preset: Preset) => (preset === 'smoke' ? PLACES.slice(0, 1) : preset === 'mini' ? PLACES : []);

/** One candidate: its divergence on each bank as a share of the defaults'; their geometric mean over all places, null where it has not been run. */
export interface Tried { change: string | null; shares: (number | null)[]; score: number | null }

/** The defaults and every candidate of a method. */
export function tried(find: Find, preset: Preset, method: MethodId): Tried[] {
  const onBank = (change: string | null) => cellsOf(preset, method, change).map((c) => quantizeResult(find, c)?.bank), base = onBank(null);
  return candidatesOf(method).map((change) => {
    const shares = onBank(change).map((x, i) => shareOf(x, base[i])), known = shares.flatMap((x) => x ?? []);
    return { change, shares, score: known.length === base.length ? Math.exp(average(known.map(Math.log))) : null };
  });
}

/** Divergence as a share of another one's, if both were measured on the same bank: one that was made again on another machine is another. */
export const shareOf = (of: QuantizeResult['bank'], base: QuantizeResult['bank']): number | null => (of && base && of.sha256 === base.sha256 ? of.mean / base.mean : null);

function candidatesOf(method: MethodId): (string | null)[] {
  const { bundled, fast } = triedOf(method);
  return [null, ...bundled, ...(fast ? [fast] : [])];
}

/** A candidate must beat the defaults by more than this to be kept: less is within the noise of a seed. */
export const MARGIN = 0.02;

const nowhereWorse = (t: Tried): boolean => t.shares.every((x) => x === null || x <= 1 + MARGIN);
const planOf = (t: Tried): string => t.change?.split(' ').filter((s) => s.startsWith('plan.')).join(' ') ?? '';

/** Those that go on to SST-2: on the bundled models nowhere worse than the defaults, and no other with the same plan is at least as good on both and better on one. */
export function unbeaten(all: readonly Tried[]): Tried[] {
  const on = (t: Tried): number[] => t.shares.slice(0, BUNDLED).map((x) => x ?? Infinity);
  const beats = (a: Tried, b: Tried): boolean => planOf(a) === planOf(b) && on(a).every((x, i) => x <= on(b)[i]) && on(a).some((x, i) => x < on(b)[i]);
  return all.filter((t) => on(t).every((x) => x <= 1 + MARGIN) && !all.some((other) => beats(other, t)));
}

/** Whether no method is anywhere worse with a change of the plan: scales follow one rule in all methods. */
function suitsAll(find: Find, preset: Preset, plan: string): boolean {
  return plan === '' || CANDIDATES.every(({ method }) => tried(find, preset, method).filter((t) => planOf(t) === plan).every(nowhereWorse));
}

/** A run of full length: its divergence on the bank as a share of the first one's, and how much of its language the adversary kept. */
export interface Whole { change: string; share: number | null; different: number | null }

export function triedWhole(find: Find, preset: Preset, method: MethodId): Whole[] {
  const found = wholeCells(preset, method).map((cell) => ({ change: cell.set.join(' '), result: quantizeResult(find, cell) })), base = found[0]?.result?.bank;
  return found.map(({ change, result }) => ({ change, share: shareOf(result?.bank, base), different: DIFFERENT.of(result) }));
}

/** What was tried after the freeze: shares of the divergence of the first one, and scores, which take no part; one of each for each place, null where it is not tried. */
export function triedLater(find: Find, preset: Preset, method: MethodId): { change: string; on: { share: number | null; score: number | null }[] }[] {
  const results = (triedOf(method).later ?? []).map((of) => ({ change: of.change, found: laterCells(preset, method, of).map((cell) => (cell ? quantizeResult(find, cell) : undefined)) })), base = results[0]?.found;
  return results.map(({ change, found }) => ({ change, on: found.map((result, i) => ({ share: shareOf(result?.bank, base[i]?.bank), score: result?.score ?? null })) }));
}

/** What was tried at 4 bits: divergence as a share of rounding's, and the score, which takes no part. What was chosen at 2 bits stands first; another one is kept where it wins by the margin. */
export function triedFour(find: Find, preset: Preset, method: MethodId): { title: string; share: number | null; score: number | null; kept: boolean }[] {
  const found = fourCells(preset, method).map(({ title, cell }) => ({ title, result: quantizeResult(find, cell) }));
  const all = found.map(({ title, result }) => ({ title, share: shareOf(result?.bank, found[0].result?.bank), score: result?.score ?? null })), [, first, ...others] = all;
  const best = others.reduce<typeof first | undefined>((a, b) => ((b.share ?? Infinity) < (a?.share ?? Infinity) ? b : a), undefined);
  const kept = best && first.share !== null && best.share! <= (1 - MARGIN) * first.share ? best : first;
  return all.map((t) => ({ ...t, kept: t === kept }));
}

/** The choice of the short runs, unless another candidate wins at full length by the margin. */
export function chosen(find: Find, preset: Preset, method: MethodId): string[] {
  const short = chosenShort(find, preset, method), all = triedWhole(find, preset, method);
  if (all[0]?.change !== short.join(' ')) return short;
  const best = all.reduce((a, b) => ((b.share ?? Infinity) < (a.share ?? Infinity) ? b : a));
  return best.share !== null && best.share <= 1 - MARGIN ? best.change.split(' ') : short;
}

/** The candidate with the lowest mean of those that are nowhere worse than the defaults, where it beats them by the margin: a recipe for all tasks must break none. */
export function chosenShort(find: Find, preset: Preset, method: MethodId): string[] {
  const safe = tried(find, preset, method).filter((t) => t.score !== null && nowhereWorse(t) && suitsAll(find, preset, planOf(t)));
  const best = safe.reduce<Tried | undefined>((a, b) => (a && a.score! <= b.score! ? a : b), undefined);
  return best?.change && best.score! <= 1 - MARGIN ? best.change.split(' ') : [];
}

/** Methods that take over what is found for another: the same student, loss and budget. */
const HEIR_OF: Readonly<Partial<Record<MethodId, MethodId>>> = { qatReal: RANDOM, llmQat: RANDOM, adversarial: SAMSGA };

/** What the recipe says of a method. */
export function recipeOf(find: Find, preset: Preset, method: MethodId): string[] {
  const from = HEIR_OF[method] ?? method;
  return CANDIDATES.some((c) => c.method === from) ? chosen(find, preset, from) : [];
}

export const SEARCH: Spec = {
  id: 'search', group: 'question', title: 'The recipe: settings of each method, chosen on the fixed bank',
  claim: 'The paper\'s learning rates, beta and divergence are not published where we could read.',
  meaning: 'Below 1 the student is nearer to its teacher on held-out synthetic batches than with the defaults. Each choice is the bank\'s; but written noise was put up for choice after a look at a score on SST-2, the runs of full length after one on QNLI, and those at W4A8 after three at that width. Short runs prefer larger rates.',
  cells: (preset) => CANDIDATES.flatMap(({ method }) => [...candidatesOf(method).flatMap((change) => cellsOf(preset, method, change)), ...wholeCells(preset, method), ...(triedOf(method).later ?? []).flatMap((of) => laterCells(preset, method, of).flatMap((cell) => cell ?? [])), ...(triedOf(method).four ? fourCells(preset, method).map(({ cell }) => cell) : [])]),
  absent: (preset) => `the recipe is searched at preset mini, not at ${preset}`,
  view(find, preset) {
    if (!this.cells(preset).length) return { tables: [], figures: [], notes: [this.absent!(preset)], rows: [] };
    const places = placesOf(preset).map((place) => place.task), rows: Row[] = [];
    const tables = CANDIDATES.map(({ method }): Table => {
      const kept = chosenShort(find, preset, method).join(' '), all = tried(find, preset, method);
      for (const t of all) rows.push({ method, title: t.change ?? 'defaults', bits: 'W2A8', task: 'average', metric: 'divergence on the bank, of the defaults\'', mean: t.score, spread: null, seeds: [0], published: null, difference: null });
      return {
        title: `${method}: divergence on the fixed bank, relative to the defaults`, columns: [{ name: 'change' }, ...places.map((name) => ({ name, digits: 3 })), { name: 'mean', digits: 3 }, { name: 'kept' }],
        rows: all.map((t) => [t.change ?? 'defaults', ...places.map((_, i) => (i < t.shares.length ? t.shares[i] ?? 'not run' : 'beaten')), t.score, t.change && t.change === kept ? 'yes' : '']),
        note: `W2A8, ${trains(method) ? `${STEPS[preset]} steps, those with layerwise.steps after as many updates of single layers, ` : ''}seed 0, preset ${preset}; geometric means; the best is kept of those that are nowhere worse, where it wins by ${100 * MARGIN} %`,
      };
    });
    const long = CANDIDATES.filter(({ whole }) => whole).map(({ method }): Table => {
      const kept = chosen(find, preset, method).join(' ');
      return {
        title: `${method} at full length, relative to what short runs chose`, columns: [{ name: 'change' }, { name: PLACES[BUNDLED].task, digits: 3 }, DIFFERENT.column, { name: 'kept' }],
        rows: triedWhole(find, preset, method).map(({ change, share, different }) => [change, share ?? 'not run', different, change === kept ? 'yes' : '']),
        note: `W2A8, all steps, seed 0, preset ${preset}; another one than the first is kept where it wins by ${100 * MARGIN} %`,
      };
    });
    const later = CANDIDATES.filter((c) => c.later && preset === 'mini').map(({ method }): Table => ({
      title: `${method} at full length after the freeze, relative to the recipe`,
      columns: [{ name: 'change' }, ...LATER.flatMap(({ task }) => [{ name: task, digits: 3 }, { name: METRIC_LABELS[anyTask(task).metric], digits: 2 }])],
      rows: triedLater(find, preset, method).map(({ change, on }) => [change, ...on.flatMap(({ share, score }) => [share ?? 'not run', score])]),
      note: `W2A8, all steps, seed 0, preset ${preset}; divergence on the bank as a share of the recipe's, and the score, which takes no part; a winner is for the next recipe: this one is as it was frozen`,
    }));
    const wide = CANDIDATES.filter((c) => c.four && preset === 'mini').map(({ method }): Table => ({
      title: `${method} at W4A8, relative to rounding`, columns: [{ name: 'change' }, { name: PLACES[BUNDLED].task, digits: 3 }, { name: METRIC_LABELS[anyTask(PLACES[BUNDLED].task).metric], digits: 2 }, { name: 'kept' }],
      rows: triedFour(find, preset, method).map(({ title, share, score, kept }) => [title, share ?? 'not run', score, kept ? 'yes' : '']),
      note: `W4A8, all steps, seed 0, preset ${preset}; divergence on the bank as a share of rounding's, and the score, which takes no part; another one than the first is kept where it wins by ${100 * MARGIN} %, from 4 bits on${method === RANDOM ? ' (QAT on random tokens takes over what is kept for SAM-SGA)' : ''}${method === SAMSGA ? '; the last was tried after the tables had been run at 4 bits, and SAM-SGA was then run again there' : ''}`,
    }));
    const notes = CANDIDATES.map(({ method }) => `${method} is set to ${chosen(find, preset, method).join(' ') || 'its defaults'}.`);
    const kept = triedFour(find, preset, SAMSGA).find((t) => t.kept && t.share !== null);
    if (kept) notes.push(`From 4 bits on ${SAMSGA} is set to ${kept.title}: ${kept.share!.toFixed(2)} of rounding's divergence.`);
    return { tables: [...tables, ...long, ...later, ...wide], figures: [], notes, rows };
  },
};
