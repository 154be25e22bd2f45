// The sweep behind notebooks/40-explore: beta, size of the generator, bits and steps at once, on the bundled BERT.
import { betaOf, exploreCells, millionsOf } from '../explore/grid';
import { explored } from '../explore/points';
import { betaFigure } from '../explore/figure';
import { quantizeResult, type Find, type Row, type Spec } from './spec';
import type { Table } from '../../src/report';

const ABSENT = 'asked of the bundled BERT, at presets smoke and mini';

export const EXPLORE: Spec = {
  id: 'explore', group: 'sweep', title: 'Sweep: beta, generator, bits and steps at once',
  claim: 'The paper sweeps the size of the generator alone and gives no values of beta; it calls the result "not very sensitive" to the size.',
  meaning: 'A setting matters where its lines are further apart than a standard error of the score; one seed, so that smaller differences say little. The divergence on the fixed bank tells students apart where the score has reached its ceiling.',
  cells: exploreCells,
  absent: () => ABSENT,
  view(find: Find, preset) {
    const cells = exploreCells(preset);
    if (!cells.length) return { tables: [], figures: [], notes: [ABSENT], rows: [] };
    const points = explored(cells.map((cell) => ({ cell, result: quantizeResult(find, cell) }))), steps = Math.max(...cells.flatMap((c) => c.along!));
    const rows = points.map((p): Row => ({
      method: 'samSga', title: `generator of ${p.millions}M`, bits: p.bits, task: 'pocket-sentiment', metric: 'accuracy', mean: p.score, spread: null, seeds: [0], published: null, difference: null,
      at: { beta: p.beta, 'parameters (M)': p.millions, steps: p.steps },
    }));
    const widths = [...new Set(cells.map((c) => c.bits))], betas = [...new Set(cells.map(betaOf))];
    const tables = widths.map((bits): Table => ({
      title: `Accuracy and divergence on the fixed bank at ${bits} after ${steps} steps`, columns: [{ name: 'generator', unit: 'M' }, ...betas.map((b) => ({ name: b === 0 ? 'no SAM' : `beta ${b}` }))],
      rows: [...new Set(cells.filter((c) => c.bits === bits).map((c) => c.generator!))].map((writer) => [millionsOf(writer), ...betas.map((beta) => {
        const p = points.find((x) => x.bits === bits && x.beta === beta && x.millions === millionsOf(writer) && x.steps === steps);
        return p === undefined ? 'not run' : p.score === null || p.bank === null ? 'diverged' : `${p.score.toFixed(2)} (${p.bank.toFixed(3)})`;
      })]),
      note: `pocket-bert on pocket-sentiment, seed 0, preset ${preset}; beta is a share of the norm of the quantized weights`,
    }));
    const notes = widths.flatMap((bits) => {
      const all = points.filter((p) => p.bits === bits && p.steps === steps && p.score !== null).sort((a, b) => a.score! - b.score!), words = (p: typeof all[number]): string => `${p.score!.toFixed(2)} (generator of ${p.millions}M, ${p.beta === 0 ? 'no SAM' : `beta ${p.beta}`})`;
      return all.length > 1 ? [`${bits}: of ${all.length} settings after ${steps} steps accuracy is between ${words(all[0])} and ${words(all[all.length - 1])}.`] : [];
    });
    return { tables, figures: points.length ? widths.map((bits) => ({ name: `explore-${bits}`, figure: betaFigure(points.filter((p) => p.bits === bits), { bits, steps }) })) : [], notes, rows };
  },
};
