// The three ways in which zero-shot training fails, told from its history while it runs.
import { mean, median } from '../core/statistics';

/** What a step shows of itself; null where it shows nothing. */
export interface Reading {
  step: number;
  /** divergence of the training batch, before the update */
  student: number;
  /** divergence that the generator has just ascended */
  generator: number | null;
  /** share of different tokens in the batch */
  distinct: number | null;
  /** divergence on held-out synthetic batches */
  held: number | null;
}

/** Kinds of failure: the generator repeats itself, the student fits its own batches only, the game runs away. */
export type Signature = 'collapse' | 'overfitting' | 'instability';

/** A failure: when it was seen, by which numbers, and what to try. */
export interface Warning { signature: Signature; step: number; evidence: string; advice: string }

/** When a signature counts as seen. Chosen on seeds 0 to 4 of runs on pocket-bert and frozen: `zsaq failures` shows them on others. */
export interface Thresholds {
  /** steps over which medians are taken */
  window: number;
  /** collapse: readings that make the first value; share of it below which the share of different tokens has fallen, and the rise of the generator's divergence that still counts as flat */
  first: number; distinct: number; flat: number;
  /** overfitting: rise of the held-out divergence, median of the last `readings`, above the lowest median of three before, or above its first value at `fewer` readings in a row, while the training divergence has not risen by `steady` */
  rise: number; readings: number; above: number; fewer: number; steady: number;
  /** instability: rise of both divergences above where they began, or the size of the training divergence's leaps (root mean square of the logarithms of its ratios from step to step) */
  blowUp: number; swing: number;
}

/** The thresholds that `zsaq failures` was measured with. */
export const thresholds: Thresholds = { window: 8, first: 2, distinct: 0.6, flat: 1, rise: 1.5, readings: 5, above: 1, fewer: 2, steady: 0.1, blowUp: 2, swing: 2.5 };

const ADVICE: Readonly<Record<Signature, string>> = {
  collapse: 'try a smaller --set generator.rate=, or --set generator.entropy=0.1',
  overfitting: 'try fresher or larger batches (--set stepsPerBatch=1, --set batch=), a smaller --set rate=, or fewer steps',
  instability: 'try a smaller --set rate=, --set beta= or --set clip=',
};

/** The warning of a signature with its advice. */
export function warningOf(signature: Signature, step: number, evidence: string): Warning { return { signature, step, evidence, advice: ADVICE[signature] }; }

/** The warning in one sentence. */
export function warningText({ signature, step, evidence, advice }: Warning): string { return `${signature} at step ${step}: ${evidence}; ${advice}`; }

/** The signature that the last steps of a history show, if they show one; the least certain one last. */
export function failureIn(history: readonly Reading[], t: Thresholds = thresholds): Warning | null {
  return instability(history, t) ?? collapse(history, t) ?? overfitting(history, t);
}

/** Few different tokens, while the generator gains nothing by it. */
function collapse(history: readonly Reading[], { window, first: begun, distinct, flat }: Thresholds): Warning | null {
  const distinctOf = (e: Reading) => e.distinct, gainOf = (e: Reading) => e.generator, gains = earliest(history, gainOf, 2);
  if (latest(history, distinctOf, begun + window).length < begun + window || gains.length < 2) return null;
  const first = median(earliest(history, distinctOf, begun)), now = median(latest(history, distinctOf, window)), before = median(gains), lately = median(latest(history, gainOf, 2));
  if (now >= distinct * first || lately > (1 + flat) * before) return null;
  return warningOf('collapse', last(history).step, `different tokens fell from ${percent(first)} to ${percent(now)} of a batch, while the generator's divergence went from ${short(before)} to ${short(lately)}`);
}

/** Better on what it trains on, worse on what it does not. */
function overfitting(history: readonly Reading[], { window, rise, readings, above, fewer, steady }: Thresholds): Warning | null {
  const held = history.filter((e) => e.held !== null), least = held.reduce((a, b) => (b.held! < a.held! ? b : a), held[0]);
  const values = held.map((e) => e.held!), soon = values.length > fewer && values.slice(-fewer).every((v) => v > (1 + above) * values[0]);
  const lowest = Math.min(...values.slice(0, -readings).flatMap((_, i, all) => (i >= 2 ? median(all.slice(i - 2, i + 1)) : [])));
  if (!soon && !(median(values.slice(-readings)) > (1 + rise) * lowest)) return null;
  const at = history.findIndex((e) => e.step === least.step), then = median(around(history, at, window)), now = median(history.slice(-window).map((e) => e.student));
  if (now > (1 + steady) * then) return null;
  return warningOf('overfitting', last(history).step, `the divergence on held-out batches rose from ${short(least.held!)} at step ${least.step} to ${short(last(held).held!)}, while that of the training batches went from ${short(then)} to ${short(now)}`);
}

/** Both divergences far above where they began, or losses that leap about. A single batch's loss is noisy, so the held-out one has to agree. */
function instability(history: readonly Reading[], { window, blowUp, swing }: Thresholds): Warning | null {
  if (history.length < window) return null;
  const lossOf = (e: Reading) => e.student, heldOf = (e: Reading) => e.held, { step } = last(history), [start] = earliest(history, heldOf, 1), held = latest(history, heldOf, 2);
  const first = Math.min(median(earliest(history, lossOf, Math.min(window, history.length - window))), history[0].student), now = median(latest(history, lossOf, window));
  if (held.length > 1 && last(held) > (1 + blowUp) * start && now > (1 + blowUp) * first) {
    return warningOf('instability', step, `the divergence rose from ${short(first)} to ${short(now)} on the training batches and from ${short(start)} to ${short(last(held))} on held-out ones`);
  }
  const lately = latest(history, lossOf, 2 * window).map((x) => Math.log(Math.max(x, 1e-30))), leaps = lately.slice(1).map((x, i) => x - lately[i]), size = Math.sqrt(mean(leaps.map((x) => x * x)));
  return history.length >= 2 * window && size > swing ? warningOf('instability', step, `the divergence changes by a factor of ${Math.exp(size).toFixed(1)} from step to step`) : null;
}

/** The first and the last so many values that are there: a run asks after every step, so no more of its history is read than counts. */
function earliest(history: readonly Reading[], of: (e: Reading) => number | null, most: number): number[] {
  const out: number[] = [];
  for (let i = 0; i < history.length && out.length < most; i++) { const value = of(history[i]); if (value !== null) out.push(value); }
  return out;
}

function latest(history: readonly Reading[], of: (e: Reading) => number | null, most: number): number[] {
  const out: number[] = [];
  for (let i = history.length - 1; i >= 0 && out.length < most; i--) { const value = of(history[i]); if (value !== null) out.push(value); }
  return out.reverse();
}

function around(history: readonly Reading[], at: number, window: number): number[] {
  const from = Math.max(0, Math.min(at - (window >> 1), history.length - window));
  return history.slice(from, from + window).map((e) => e.student);
}

const last = <T>(all: readonly T[]): T => all[all.length - 1];
const percent = (x: number): string => `${(100 * x).toFixed(0)}%`;
const short = (x: number): string => String(Number(x.toPrecision(3)));
