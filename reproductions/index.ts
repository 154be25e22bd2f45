// The entry for notebooks: the paper's tables, figures and questions as they stand in the result files.
import { join } from 'node:path';
import { ZsaqError } from '../src/index';
import { RESULTS } from '../src/commands/reports/report';
import { plain, show, type Figure, type Showable } from '../src/report';
import { exploreCells } from './explore/grid';
import { sweepFigure } from './explore/figure';
import { explorePanel, type Explored } from './explore/panel';
import { explored, type ExplorePoint } from './explore/points';
import { quantizeResult } from './specs/spec';
import { findIn, missing, report, type Report } from './report/report';
import { PRESETS, type Preset } from './cells/cell';

export { SPECS } from './registry';
export type { Report } from './report/report';
export type { ExplorePoint } from './explore/points';
export type { Explored } from './explore/panel';

/** A table, figure or question from the committed results; of `smoke` from those of this machine's last runs. */
export function paper(id: string, preset = 'mini'): Report {
  if (!(PRESETS as readonly string[]).includes(preset)) throw new ZsaqError('usage', `preset "${preset}": choose ${PRESETS.join(', ')}`);
  return report(id, preset as Preset, findIn(join(preset === 'smoke' ? join(__dirname, '..', 'runs', 'reproductions', 'results') : RESULTS, 'cells')));
}

/**
 * Shows one in a notebook: what the paper claims, what came out, how to read it, tables and figures.
 *
 * @example await showPaper('table1')
 */
export async function showPaper(id: string, preset = 'mini'): Promise<void> {
  for (const part of partsOf(paper(id, preset))) await show(part);
}

/** What a notebook shows of a report, in order. */
export function partsOf(r: Report): Showable[] {
  const lines = [['The paper', r.claim], ...r.notes.map((note) => ['Here', note]), ['How to read it', r.meaning], ...[missing(r)].filter(Boolean).map((text) => ['Not complete', text])];
  return [{ html: lines.map(([name, text]) => `<p><b>${name}:</b> ${plain(text)}</p>`).join('\n') }, ...r.tables, ...r.figures.map(({ figure }) => figure)];
}

/** The sweep over beta, size of the generator, bits and steps: what the committed results hold. */
function sweep(): ExplorePoint[] {
  const find = findIn(join(RESULTS, 'cells'));
  return explored(exploreCells('mini').map((cell) => ({ cell, result: quantizeResult(find, cell) })));
}

/** The sweep as one figure with controls of its own, which needs no kernel. @throws ZsaqError 'missing' where nothing of it has been run */
export function exploredFigure(): Figure {
  const points = sweep();
  if (!points.length) throw new ZsaqError('missing', 'nothing of the sweep has been run: `zsaq reproduce explore` runs it');
  return sweepFigure(points);
}

/**
 * Sliders over the sweep, and buttons that run the chosen point on the bundled BERT and stop it. What is run joins the figure, and the returned points.
 *
 * @throws ZsaqError 'usage' outside of Jupyter
 * @example const mine = await explore()
 */
export function explore(): Promise<Explored> { return explorePanel(sweep()); }
