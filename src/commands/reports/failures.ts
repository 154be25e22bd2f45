import { lineFigure, type Figure } from '../../report/figure';
import { failureIn, thresholds, type Reading, type Signature, type Warning } from '../../train/monitor';
import type { FailureResult } from '../failures';
import { allResults, type Report, type ReportEntry } from './report';

/** A failure is to be seen within this share of the run. */
const WITHIN = 0.2;
/** Seeds of pocket-bert that the thresholds were chosen on. */
const CHOSEN_ON = 5;

export interface FailureRow { model: string; kind: string; signature: Signature | null; seed: number; shown: boolean; seen: Signature | null; step: number | null; share: number | null; caught: boolean; evidence: string | null }

export const failures: ReportEntry = {
  summary: 'runs set up to fail and healthy ones: which signature the monitor saw, and when; false alarms',
  make: ({ results }) => draw(allResults<FailureResult>(results, 'failures')),
};

/** The first warning that a run would have had. */
function firstWarning(readings: readonly Reading[]): Warning | null {
  for (let n = 1; n <= readings.length; n++) {
    const warning = failureIn(readings.slice(0, n));
    if (warning) return warning;
  }
  return null;
}

function draw(found: readonly FailureResult[]): Report {
  const rows = found.flatMap(({ model, kind, signature, steps, runs }) => runs.map(({ seed, readings }): FailureRow => {
    const seen = firstWarning(readings), step = seen?.step ?? null, share = step === null ? null : step / steps;
    return { model, kind, signature, seed, shown: model !== 'pocket-bert' || seed >= CHOSEN_ON, seen: seen?.signature ?? null, step, share, caught: signature !== null && seen?.signature === signature && share! <= WITHIN, evidence: seen?.evidence ?? null };
  }));
  const groups = found.flatMap(({ model, kind, signature }) => [false, true].flatMap((shown) => {
    const own = rows.filter((r) => r.model === model && r.kind === kind && r.shown === shown), latest = Math.max(...own.map((r) => r.share ?? 0));
    return own.length ? [{ model, kind, signature, shown, runs: own.length, caught: own.filter((r) => r.caught).length, alarms: own.filter((r) => r.seen !== null).length, latest }] : [];
  }));
  const failing = rows.filter((r) => r.shown && r.signature), healthy = rows.filter((r) => r.shown && !r.signature), alarms = healthy.filter((r) => r.seen), missed = failing.filter((r) => !r.caught), seen = failing.filter((r) => r.share !== null && r.share <= WITHIN);
  return {
    text: [
      `Of ${failing.length} runs set up to fail that the thresholds were not chosen on, ${seen.length} were seen within ${100 * WITHIN}% of their length, ${failing.length - missed.length} of them under their own name${missed.length ? `; not: ${missed.map((r) => `${r.model} ${r.kind} seed ${r.seed} (${r.seen ?? 'nothing'} ${r.step === null ? 'seen' : `at ${(100 * r.share!).toFixed(0)}%`})`).join(', ')}` : ''}.`,
      `False alarms: ${alarms.length} in ${healthy.length} healthy runs${alarms.length ? ` (${alarms.map((r) => `${r.model} ${r.kind} seed ${r.seed}: ${r.seen} at ${(100 * r.share!).toFixed(0)}%`).join(', ')})` : ''}.`,
      `Thresholds were chosen on seeds 0 to ${CHOSEN_ON - 1} of pocket-bert, a second time after a first set had raised alarms there too: ${Object.entries(thresholds).map(([name, value]) => `${name} ${value}`).join(', ')}.`,
    ].join('\n'),
    tables: [{
      title: 'Runs set up to fail, and healthy ones', columns: [{ name: 'model' }, { name: 'kind' }, { name: 'seeds' }, { name: 'runs' }, { name: 'caught' }, { name: 'any warning' }, { name: 'latest at', digits: 0, unit: '% of the run' }],
      rows: groups.map((g) => [g.model, g.kind, g.shown ? 'shown on' : 'chosen on', g.runs, g.signature ? g.caught : null, g.alarms, g.alarms ? 100 * g.latest : null]),
      note: `caught: the right signature within ${100 * WITHIN}% of the run; commit ${found[0].commit}. Files: reproductions/results/failures`,
    }],
    figures: Object.fromEntries(found.filter((r) => r.model === 'pocket-bert' && !r.kind.includes('qat')).map((r) => [r.kind, kindFigure(r)])),
    json: { rows, groups },
  };
}

/** What the monitor sees of one run of a kind. */
function kindFigure({ model, kind, runs: [{ seed, readings }] }: FailureResult): Figure {
  const line = (name: string, of: (r: Reading) => number | null) => {
    const points = readings.filter((r) => of(r) !== null);
    return { name, x: points.map((r) => r.step), y: points.map((r) => of(r)!) };
  };
  const lines = [line('training batches', (r) => r.student), line('held-out batches', (r) => r.held), line('generator', (r) => r.generator), line('share of different tokens', (r) => r.distinct)];
  return lineFigure({ title: `${model}, seed ${seed}: ${kind}`, x: { title: 'step' }, y: { title: 'divergence, share', log: true }, lines: lines.filter(({ x }) => x.length) });
}
