import { ZsaqError } from '../../core/error';
import { bootstrapSlope, logLogFit, type Slope } from '../../analysis/slope';
import { lineFigure, type Figure, type Line } from '../../report/figure';
import type { ConvergenceResult, Series } from '../convergence';
import type { NetworkResult } from '../networkConvergence';
import { allResults, type Report, type ReportEntry } from './report';

/** The paper's claim: the averaged squared gradient norm at the quantized parameters falls as T^(-1/2). */
const CLAIM = -0.5;
/** A slope this near to the claim holds it, whatever a narrow interval says of a slight bend at small T. */
const NEAR = 0.05;
/** The floor has begun where rounding doubles the measure; a curve that falls slower than `SLOW` has not left its start yet, one that
 *  hardly falls at all has failed. */
const DOUBLED = 2, SLOW = -0.25, STALLED = -0.05;
/** A constant radius that raises the measure so much does harm. */
const HARM = 1.5;
/** The end of a curve, where its start no longer counts. */
const TAIL = 1e4;

export interface SlopeRow extends Omit<Slope, 'intercept'> { problem: string; algorithm: string; measure: 'student' | 'primal' | 'joint'; from: number; to: number; seeds: number; /** slope over T >= 10^4, null for shorter curves */ tail: number | null }
export interface FloorRow { problem: string; bits: number; startsAt: number | null; floor: number; unquantized: number }
export interface BetaRow { problem: string; beta: number; ratio: number; to: number }
export interface RatioRow { problem: string; ratio: number; slope: number | null; low: number | null; high: number | null; last: number | null; outcome: 'converges' | 'slow' | 'fails'; critical: number; kappa: number }

export const convergence: ReportEntry = {
  summary: "slopes of the paper's measure on min-max problems beside -1/2, the quantization floor, radii, step-size ratios",
  make: ({ results }) => draw(...told(allResults(results, 'convergence'))),
};

/** Games, and networks. */
function told(all: readonly (ConvergenceResult | NetworkResult)[]): [ConvergenceResult[], NetworkResult[]] {
  return [all.filter((r): r is ConvergenceResult => 'series' in r && (r as ConvergenceResult).series.some(({ id }) => id === 'samSga')), all.filter((r): r is NetworkResult => 'network' in r)];
}

const mean = (row: readonly (number | null)[]): number => row.reduce<number>((sum, v) => sum + (v ?? Infinity), 0) / row.length;
const curve = (result: ConvergenceResult, id: string): Series => {
  const found = result.series.find((s) => s.id === id);
  if (!found) throw new ZsaqError('missing', `${result.problem} has no curve ${id} yet: run \`zsaq convergence ${result.problem}\``);
  return found;
};
const numbered = (result: ConvergenceResult, name: string): { value: number; series: Series }[] => result.series.filter(({ id }) => id.startsWith(`${name}=`)).map((series) => ({ value: Number(series.id.slice(name.length + 1)), series }));

function draw(found: readonly ConvergenceResult[], networks: readonly NetworkResult[]): Report {
  const trained = networks.flatMap(networkRow);
  if (!found.length) return { text: trained.map(inWords).join('\n'), tables: [], figures: { networks: networkFigure(networks) }, json: { rows: [], floors: [], betas: [], ratios: [], networks: trained } };
  const rows = found.flatMap((r) => ['descentAscent', 'samSga'].flatMap((id) => (['student', 'primal', 'joint'] as const).map((measure) => slopeRow(r, id, measure))));
  const floors = found.flatMap(floorRows), betas = found.flatMap(betaRows), ratios = found.flatMap(ratioRows);
  const shown = rows.filter((r) => r.measure === 'student'), titles = new Map(found.map(({ problem, title }) => [problem, title])), { preset, commit } = found[0], radii = [...new Set(betas.map((b) => b.beta))];
  const note = `preset ${preset}, commit ${commit}. Files: reproductions/results/convergence`;
  return {
    text: [verdict(shown, rows, floors, betas, ratios), ...trained.map(inWords)].join('\n'),
    tables: [
      { title: 'Slope of the averaged squared gradient norm over T (claim: -1/2)', columns: [{ name: 'problem' }, { name: 'algorithm' }, { name: 'slope', digits: 3 }, { name: '95% from', digits: 3 }, { name: 'to', digits: 3 }, { name: 'T above 10^4', digits: 3 }, { name: 'claim', digits: 1 }, { name: 'T from' }, { name: 'T to' }, { name: 'seeds' }],
        rows: shown.map((r) => [titles.get(r.problem), NAMES[r.algorithm], r.slope, r.low, r.high, r.tail, CLAIM, r.from, r.to, r.seeds]), note: `bootstrap over seeds; ${note}` },
      { title: `Quantization floor: SAM-SGA at the largest T of each curve, and the first T at which rounding has at least doubled the measure`, columns: [{ name: 'problem' }, { name: 'bits' }, { name: 'from T on' }, { name: 'measure' }, { name: 'not quantized' }],
        rows: floors.map((r) => [titles.get(r.problem), r.bits, r.startsAt, short(r.floor), short(r.unquantized)]), note },
      { title: 'Radius of SAM held constant: the measure at the largest T, as a multiple of that of a radius falling as T^(-1/4)', columns: [{ name: 'problem' }, ...radii.map((beta) => ({ name: `beta ${beta}`, digits: 2 }))],
        rows: found.map(({ problem, title }) => [title, ...radii.map((beta) => betas.find((b) => b.problem === problem && b.beta === beta)?.ratio ?? null)]), note },
      { title: 'Ratio of the step sizes, eta of the maximizing player over eta of the minimizing one (no SAM, no quantizer)', columns: [{ name: 'problem' }, { name: 'ratio' }, { name: 'slope', digits: 2 }, { name: 'at the largest T' }, { name: 'outcome' }, { name: 'critical ratio', digits: 1 }, { name: 'kappa', digits: 1 }],
        rows: ratios.map((r) => [titles.get(r.problem), r.ratio, r.slope, r.last === null ? 'diverged' : short(r.last), r.outcome, r.critical || null, r.kappa]), note },
    ],
    figures: { slopes: slopeFigure(found), ...(networks.length ? { networks: networkFigure(networks) } : {}), ...Object.fromEntries(found.map((r) => [`floor-${r.problem}`, floorFigure(r)])), ratios: ratioFigure(ratios) },
    json: { rows, floors, betas, ratios, networks: trained },
  };
}

const NAMES: Readonly<Record<string, string>> = { descentAscent: 'descent-ascent', samSga: 'SAM-SGA' };
const short = (x: number): string => (x >= 0.01 && x < 1e4 ? String(Number(x.toPrecision(3))) : x.toExponential(1));

function slopeRow(result: ConvergenceResult, algorithm: string, measure: SlopeRow['measure']): SlopeRow {
  const { steps, seeds, ...values } = curve(result, algorithm), { slope, low, high } = bootstrapSlope(steps, values[measure]);
  const late = steps.flatMap((t, i) => (t >= TAIL ? [i] : [])), tail = late.length > 2 ? logLogFit(late.map((i) => steps[i]), late.map((i) => mean(values[measure][i]))).slope : null;
  return { problem: result.problem, algorithm, measure, slope, low, high, from: steps[0], to: steps[steps.length - 1], seeds: seeds.length, tail };
}

/** A network's slope; of one seed there is no interval. */
type NetworkRow = Omit<SlopeRow, 'tail' | 'low' | 'high'> & { bits: string; low: number | null; high: number | null; /** between the two longest lengths alone */ last: number };

function networkRow({ network, bits, runs }: NetworkResult): NetworkRow[] {
  const { lengths, values } = byLength(runs);
  if (lengths.length < 2) return [];
  const seeds = values[0].length, { slope, low, high } = bootstrapSlope(lengths, values), last = logLogFit(lengths.slice(-2), values.slice(-2).map(mean)).slope;
  return [{ problem: network, algorithm: 'samSga', measure: 'student', bits, slope, last, ...(seeds > 1 ? { low, high } : { low: null, high: null }), from: lengths[0], to: lengths[lengths.length - 1], seeds }];
}

function inWords({ problem, bits, slope, low, high, last, from, to, seeds }: NetworkRow): string {
  const spread = low === null || high === null ? '(one seed, so no interval)' : `[${low.toFixed(2)}, ${high.toFixed(2)}]`;
  const rate = low === null || high === null ? '' : low > -0.5 ? ', slower than 1/sqrt T' : high < -0.5 ? ', faster than 1/sqrt T' : ', as 1/sqrt T within the interval';
  return `Network ${problem} at ${bits}: slope ${slope.toFixed(2)} ${spread} of the mean squared gradient on a fixed bank, T from ${from} to ${to}${seeds > 1 ? `, ${seeds} seeds` : ''}${rate}; between the two longest runs ${last.toFixed(2)}. AdamW, whose steps do not shrink with the gradient, is outside the theorem.`;
}

/** The lengths that have every seed: a study under way has others. */
function byLength(runs: NetworkResult['runs']): { lengths: number[]; values: number[][] } {
  const seeds = new Set(runs.map((r) => r.seed)).size, at = (t: number) => runs.filter((r) => r.steps === t).map((r) => r.mean);
  const lengths = [...new Set(runs.map((r) => r.steps))].sort((a, b) => a - b).filter((t) => at(t).length === seeds);
  return { lengths, values: lengths.map(at) };
}

function networkFigure(networks: readonly NetworkResult[]): Figure {
  const lines = networks.map(({ network, bits, runs }) => {
    const { lengths, values } = byLength(runs);
    return { name: `${network} ${bits}`, x: lengths, y: values.map(mean), low: values.map((v) => Math.min(...v)), high: values.map((v) => Math.max(...v)), markers: true };
  });
  const x = [...new Set(lines.flatMap((l) => l.x))].sort((p, q) => p - q), first = Math.max(...lines.flatMap((l) => l.y.slice(0, 1)));
  return lineFigure({ title: 'Networks: mean squared gradient on a fixed bank', x: { title: 'steps T', log: true }, y: { title: 'mean of ||dD/dQ(w)||^2', log: true }, lines: [...lines, { name: 'slope -1/2', x, y: x.map((t) => first * Math.sqrt(x[0] / t)) }] });
}

function floorRows(result: ConvergenceResult): FloorRow[] {
  const plain = curve(result, 'samSga');
  return numbered(result, 'bits').map(({ value: bits, series: { steps, student } }) => {
    const without = steps.map((t) => mean(plain.student[plain.steps.indexOf(t)])), from = steps.findIndex((_, i) => mean(student[i]) >= DOUBLED * without[i]);
    return { problem: result.problem, bits, startsAt: from < 0 ? null : steps[from], floor: mean(student[student.length - 1]), unquantized: without[without.length - 1] };
  });
}

function betaRows(result: ConvergenceResult): BetaRow[] {
  const plain = curve(result, 'samSga');
  return numbered(result, 'beta').map(({ value: beta, series: { steps, student } }) => {
    const to = steps[steps.length - 1];
    return { problem: result.problem, beta, ratio: mean(student[student.length - 1]) / mean(plain.student[plain.steps.indexOf(to)]), to };
  });
}

function ratioRows(result: ConvergenceResult): RatioRow[] {
  return numbered(result, 'ratio').map(({ value: ratio, series: { steps, student } }) => {
    const whole = student.every((row) => row.every((v) => v !== null)), last = mean(student[student.length - 1]);
    const { slope, low, high } = whole ? bootstrapSlope(steps, student) : { slope: null, low: null, high: null };
    // to fall too slowly is to have steps of x that are too small for these T
    const outcome = slope === null || slope > STALLED ? 'fails' : slope < SLOW ? 'converges' : 'slow';
    return { problem: result.problem, ratio, slope, low, high, last: Number.isFinite(last) ? last : null, outcome, critical: result.criticalRatio, kappa: result.smoothness / result.mu };
  });
}

/** What the numbers say, in the words of the claim. */
function verdict(shown: readonly SlopeRow[], rows: readonly SlopeRow[], floors: readonly FloorRow[], betas: readonly BetaRow[], ratios: readonly RatioRow[]): string {
  const near = (r: SlopeRow) => (r.low <= CLAIM && CLAIM <= r.high) || Math.abs(r.slope - CLAIM) <= NEAR, off = shown.filter((r) => !near(r)), offOthers = rows.filter((r) => r.measure !== 'student' && !near(r));
  const list = (all: readonly SlopeRow[]) => all.map((r) => `${r.problem} with ${NAMES[r.algorithm]} (${r.measure}) ${r.slope.toFixed(2)}`).join(', ');
  const starts = [...new Set(floors.map((f) => f.bits))].sort((a, b) => a - b).map((bits) => {
    const at = floors.filter((f) => f.bits === bits), begun = at.flatMap((f) => f.startsAt ?? []);
    return `${bits} bits: ${begun.length ? `on ${begun.length} of ${at.length} problems, from T = ${Math.min(...begun)} on` : 'not reached'}`;
  });
  const failing = [...new Set(ratios.map((r) => r.problem))].flatMap((problem) => {
    const own = ratios.filter((r) => r.problem === problem), failed = own.filter((r) => r.outcome === 'fails').map((r) => r.ratio);
    return failed.length ? [`${problem} at ${failed.join(', ')} (its critical ratio is ${own[0].critical}, kappa ${own[0].kappa.toFixed(1)}, kappa^2 ${(own[0].kappa ** 2).toFixed(0)})`] : [];
  });
  const slow = [...new Set(ratios.map((r) => r.problem))].flatMap((problem) => {
    const own = ratios.filter((r) => r.problem === problem && r.outcome === 'slow').map((r) => r.ratio);
    return own.length ? [`${problem} at ${own.join(', ')}`] : [];
  });
  const inside = shown.filter((r) => r.low <= CLAIM && CLAIM <= r.high).length, tails = shown.flatMap((r) => r.tail ?? []), worse = betas.filter((b) => b.ratio >= HARM);
  return [
    `The rate: ${off.length ? `${shown.length - off.length} of ${shown.length} slopes are within ${NEAR} of -1/2 or have it in their interval; not: ${list(off)}.` : `all ${shown.length} slopes of the paper's measure are within ${NEAR} of -1/2 or have it in their interval: the claim holds on these problems.`}${offOthers.length ? ` Of the other measures these are further off: ${list(offOthers)}.` : ' So do those of Phi and of both players.'}`,
    `${inside} of ${shown.length} intervals hold -1/2 itself: they know of other seeds, not of the start, which bends the curves at small T${tails.length ? `; from T = 10^4 on the slopes are ${Math.min(...tails).toFixed(3)} to ${Math.max(...tails).toFixed(3)}` : ''}.`,
    'Steps fall as 1/sqrt(T), so -1/2 is what the noise alone gives: the average of a run of T steps is start-up plus noise, both of that order. The rate is the schedule\'s, not SAM\'s; SAM keeps it as long as its radius falls.',
    `The floor: weights on a grid cannot reach a solution between its points. Rounding at least doubles the measure at ${starts.join('; at ')}.`,
    `The radius: held constant, beta ${worse.length ? `raises the measure at ${worse.map((b) => `${b.beta} on ${b.problem} (${short(b.ratio)} times)`).join(', ')}; elsewhere it costs nothing or helps, since noise turns the perturbation about` : `costs less than ${HARM} times the measure at every value that was tried`}.`,
    `The ratio: ${failing.length ? `descent-ascent fails on ${failing.join('; ')}. At or below the critical ratio it leaves the solution however small the steps are.` : 'no ratio that was tried fails.'}${slow.length ? ` Too large a ratio makes the steps of x too small to arrive in these T: ${slow.join('; ')}.` : ''}`,
  ].join('\n');
}

function slopeFigure(found: readonly ConvergenceResult[]): Figure {
  const lines: Line[] = found.map((r) => {
    const { steps, student } = curve(r, 'samSga');
    return { name: r.problem, x: steps, y: student.map(mean), low: student.map((row) => Math.min(...row)), high: student.map((row) => Math.max(...row)), markers: true };
  });
  const { steps } = curve(found[0], 'samSga'), from = Math.max(...lines.map(({ y }) => y[0]));
  return lineFigure({ title: 'SAM-SGA: averaged squared gradient norm', x: { title: 'steps T', log: true }, y: { title: 'mean of ||df/dx||^2', log: true }, lines: [...lines, { name: 'slope -1/2', x: steps, y: steps.map((t) => 2 * from * Math.sqrt(steps[0] / t)) }] });
}

function floorFigure(result: ConvergenceResult): Figure {
  const plain = curve(result, 'samSga'), line = (name: string, { steps, student }: Series): Line => ({ name, x: steps, y: student.map(mean), markers: true });
  return lineFigure({ title: `${result.title}: the quantization floor`, x: { title: 'steps T', log: true }, y: { title: 'mean of ||df/dx||^2', log: true }, lines: [line('not quantized', plain), ...numbered(result, 'bits').map(({ value, series }) => line(`${value} bits`, series))] });
}

function ratioFigure(ratios: readonly RatioRow[]): Figure {
  const lines = [...new Set(ratios.map((r) => r.problem))].map((name) => {
    const own = ratios.filter((r) => r.problem === name);
    return { name, x: own.map((r) => r.ratio), y: own.map((r) => r.last ?? NaN), markers: true };
  });
  return lineFigure({ title: 'Ratio of the step sizes (a gap: diverged)', x: { title: 'eta_y / eta_x', log: true }, y: { title: 'mean of ||df/dx||^2 at the largest T', log: true }, lines });
}
