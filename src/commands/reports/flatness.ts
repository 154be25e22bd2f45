import { mean } from '../../core/statistics';
import { heatFigure, lineFigure, type Figure } from '../../report/figure';
import { correlationWords, rankCorrelation } from './correlation';
import type { FlatnessRun } from '../flatness';
import { studyResults, type Report, type ReportEntry } from './report';

export const flatness: ReportEntry = {
  summary: 'sharpness and curvature of students with and without SAM, landscapes, rank correlation with generalization',
  make: ({ results }) => draw(studyResults<FlatnessRun>(results, 'flatness')),
};


/** Measures of sharpness by name; larger is sharper. */
const MEASURES: Readonly<Record<string, (r: FlatnessRun) => number>> = {
  'top eigenvalue': (r) => r.eigenvalue, trace: (r) => r.trace, 'SAM sharpness': (r) => r.sharpness[1].gradient, 'worst in the ball': (r) => r.sharpness[1].worst, 'average in the ball': (r) => r.sharpness[1].average,
};

function draw({ runs, commit }: { runs: FlatnessRun[]; commit: string }): Report {
  const groups = [...new Set(runs.map((r) => `${r.rate}/${r.beta}`))].map((key) => {
    const own = runs.filter((r) => `${r.rate}/${r.beta}` === key), [{ beta, rate }] = own, of = (f: (r: FlatnessRun) => number) => mean(own.map(f));
    return { rate, beta, runs: own.length, accuracy: of((r) => r.accuracy), textDivergence: of((r) => r.textDivergence), ...Object.fromEntries(Object.entries(MEASURES).map(([name, f]) => [name, of(f)])) } as Record<string, number>;
  }).sort((a, b) => a.rate - b.rate || a.beta - b.beta);
  const rows = Object.entries(MEASURES).map(([measure, f]) => ({ measure, withDivergence: rankCorrelation(runs.map(f), runs.map((r) => r.textDivergence)), withAccuracy: rankCorrelation(runs.map(f), runs.map((r) => r.accuracy)) }));
  const note = `pocket-bert at W2A8, symmetric grid, absmax scales, 80 steps, commit ${commit}. Files: reproductions/results/flatness`;
  const rates = [...new Set(groups.map((g) => g.rate))].map((rate) => {
    const own = groups.filter((g) => g.rate === rate), plain = own.find((g) => g.beta === 0), radii = own.filter((g) => g.beta > 0);
    return plain && radii.length ? `at rate ${rate} ${[...new Set([radii[0], radii[radii.length - 1]])].map((g) => `beta ${g.beta} changes SAM sharpness by ${signed(g['SAM sharpness'] / plain['SAM sharpness'] - 1)}, the top eigenvalue by ${signed(g['top eigenvalue'] / plain['top eigenvalue'] - 1)} and the divergence on text by ${signed(g.textDivergence / plain.textDivergence - 1)}`).join(', ')}` : '';
  }).filter(Boolean);
  return {
    text: [
      rates.length ? `Does SAM flatten? Against no SAM from the same start, ${rates.join('; ')}.` : 'Does SAM flatten? No run with SAM stands beside one without yet.',
      `Do flatter students generalize? Rank correlation with the divergence on text over ${runs.length} runs (positive: sharper is worse): ${rows.map((r) => `${r.measure} ${correlationWords(r.withDivergence)}`).join('; ')}.`,
      'Curvature and sharpness are those of this same divergence and share its scale; and runs differ in rate and radius, not only in flatness. Whatever its sign, it is an association, not a cause.',
    ].join('\n'),
    tables: [
      { title: 'Flatness of the divergence on text around Q(w)', columns: [{ name: 'rate' }, { name: 'beta' }, { name: 'runs' }, { name: 'accuracy', digits: 2 }, { name: 'divergence on text', digits: 4 }, ...Object.keys(MEASURES).map((name) => ({ name, digits: name === 'average in the ball' ? 5 : 3 }))],
        rows: groups.map((g) => [g.rate, g.beta || 'no SAM', g.runs, g.accuracy, g.textDivergence, ...Object.keys(MEASURES).map((name) => g[name])]), note: `balls of radius ${runs[0].sharpness[1].beta} ||Q(w)||; means over the runs; ${note}` },
      { title: 'Rank correlation of sharpness with generalization', columns: [{ name: 'measure' }, { name: 'with the divergence on text' }, { name: 'with accuracy' }, { name: 'runs' }], rows: rows.map((r) => [r.measure, correlationWords(r.withDivergence), correlationWords(r.withAccuracy), runs.length]), note: `95% bootstrap over runs; ${note}` },
    ],
    figures: { lines: lineLandscape(runs), ...Object.fromEntries(runs.flatMap((r) => (r.plane ? [[r.beta ? 'plane-sam' : 'plane-plain', planeLandscape(r)]] : []))), scatter: scatter(runs) },
    json: { rows, groups },
  };
}

const signed = (share: number): string => { const percent = Math.round(100 * share) || 0; return `${percent > 0 ? '+' : ''}${percent}%`; };

function lineLandscape(runs: readonly FlatnessRun[]): Figure {
  const top = Math.max(...runs.map((r) => r.rate)), shown = runs.filter((r) => r.seed === 0 && r.rate === top);
  return lineFigure({ title: `Divergence along one filter-normalized direction (rate ${top}, seed 0)`, x: { title: 'share of each filter\'s norm' }, y: { title: 'divergence on text', log: true }, lines: shown.map((r) => ({ name: r.beta ? `beta ${r.beta}` : 'no SAM', x: r.line.a, y: r.line.loss[0] })) });
}

function planeLandscape({ beta, plane }: FlatnessRun): Figure {
  return heatFigure({ title: beta ? `Divergence around Q(w), SAM with beta ${beta}` : 'Divergence around Q(w), no SAM', x: { title: 'first direction', at: plane!.a }, y: { title: 'second direction', at: plane!.b }, z: plane!.loss.map((row) => row.map((v) => Math.log10(v))), value: 'log10 of the divergence' });
}

function scatter(runs: readonly FlatnessRun[]): Figure {
  const betas = [...new Set(runs.map((r) => r.beta))];
  const figure = lineFigure({ title: 'Sharpness and generalization', x: { title: 'top eigenvalue', log: true }, y: { title: 'divergence on text', log: true }, lines: betas.map((beta) => {
    const own = runs.filter((r) => r.beta === beta);
    return { name: beta ? `beta ${beta}` : 'no SAM', x: own.map((r) => r.eigenvalue), y: own.map((r) => r.textDivergence), markers: true };
  }) });
  return { ...figure, data: figure.data.map((trace) => ({ ...trace, mode: 'markers' })) };
}
