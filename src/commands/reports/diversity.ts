import { lineFigure, type Figure } from '../../report/figure';
import { correlationWords, rankCorrelation } from './correlation';
import type { DiversityPoint, DiversityRun } from '../diversity';
import { studyResults, type Report, type ReportEntry } from './report';

export const diversity: ReportEntry = {
  summary: 'diversity of generated batches over time, by generator and training length; rank correlation with the score',
  make: ({ results }) => draw(studyResults<DiversityRun>(results, 'diversity')),
};

type Measure = Exclude<keyof DiversityPoint, 'step'>;
const MEASURES: Readonly<Record<Measure, string>> = { distinct1: 'distinct-1', distinct2: 'distinct-2', selfBleu: 'self-BLEU', compression: 'compression ratio', vendi: 'Vendi score', spread: 'embedding spread', tokenDivergence: 'token distance from real text', energyDistance: 'embedding distance from real text' };
const NAMES = Object.keys(MEASURES) as Measure[];

const last = (run: DiversityRun): DiversityPoint => run.points[run.points.length - 1];

function draw({ runs, commit }: { runs: DiversityRun[]; commit: string }): Report {
  const rows = NAMES.map((measure) => ({ measure, withDivergence: rankCorrelation(runs.map((r) => last(r)[measure]), runs.map((r) => r.textDivergence)), withAccuracy: rankCorrelation(runs.map((r) => last(r)[measure]), runs.map((r) => r.accuracy)) }));
  const note = `pocket-bert at W2A8, symmetric grid, absmax scales, seed 0; batches of 8 x 16 tokens; commit ${commit}. Files: reproductions/results/diversity`, strong = rows.filter((r) => r.withDivergence && (r.withDivergence.low > 0 || r.withDivergence.high < 0));
  const fallen = runs.filter((r) => last(r).distinct2 < 0.5 * r.points[0].distinct2);
  return {
    text: [
      `Does diversity decide the score? Rank correlation with the divergence on text over ${runs.length} runs (negative: more of it, better): ${rows.map((r) => `${MEASURES[r.measure]} ${correlationWords(r.withDivergence)}`).join('; ')}.`,
      strong.length ? `Only these can be told from no correlation at all: ${strong.map((r) => MEASURES[r.measure]).join(', ')} (of ${NAMES.length} measures looked at, none corrected for the others; one interval in twenty leaves 0 out by chance). Runs differ in length and in their generator as well, so this is an association.` : 'No measure can be told from none over these runs.',
      fallen.length ? `The share of different pairs fell by half or more in ${fallen.length} runs: ${fallen.map((r) => r.id).join('; ')}.` : 'In no run did the share of different pairs fall by half.',
    ].join('\n'),
    tables: [
      { title: 'The generator\'s last batch, and the score', columns: [{ name: 'generator' }, { name: 'rate' }, { name: 'steps' }, ...NAMES.map((name) => ({ name: MEASURES[name], digits: 3 })), { name: 'accuracy', digits: 2 }, { name: 'divergence on text', digits: 4 }],
        rows: runs.map((r) => [r.generator === 'pocket' ? 'pocket, has read text' : `${r.generator}, untrained`, r.rate, r.steps, ...NAMES.map((name) => last(r)[name]), r.accuracy, r.textDivergence]), note },
      { title: 'Rank correlation with the score', columns: [{ name: 'measure' }, { name: 'with the divergence on text' }, { name: 'with accuracy' }], rows: rows.map((r) => [MEASURES[r.measure], correlationWords(r.withDivergence), correlationWords(r.withAccuracy)]), note: `95% bootstrap over runs; ${note}` },
    ],
    figures: { distinct: overTime(runs, 'distinct2'), vendi: overTime(runs, 'vendi'), distance: overTime(runs, 'tokenDivergence') },
    json: { rows, runs: runs.map((r) => ({ ...r, points: undefined, last: last(r) })) },
  };
}

/** A measure over the longest runs. */
function overTime(runs: readonly DiversityRun[], measure: Measure): Figure {
  const steps = Math.max(...runs.map((r) => r.steps));
  return lineFigure({ title: `${MEASURES[measure]} of generated batches`, x: { title: 'step' }, y: { title: MEASURES[measure] }, lines: runs.filter((r) => r.steps === steps).map((r) => ({ name: `${r.generator}, ${r.rate}`, x: r.points.map((p) => p.step), y: r.points.map((p) => p[measure]), markers: true })) });
}
