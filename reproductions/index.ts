// The entry for notebooks: the paper's tables, figures and questions as they stand in the result files.
import { join } from 'node:path';
import { ZsaqError } from '../src/index';
import { RESULTS } from '../src/commands/reports/report';
import { plain, show } from '../src/report';
import { findIn, missing, report, type Report } from './report/report';
import { PRESETS, type Preset } from './cells/cell';

export { SPECS } from './registry';
export type { Report } from './report/report';

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
  const r = paper(id, preset), lines = [['The paper', r.claim], ...r.notes.map((note) => ['Here', note]), ['How to read it', r.meaning], ...[missing(r)].filter(Boolean).map((text) => ['Not complete', text])];
  await show({ html: lines.map(([name, text]) => `<p><b>${name}:</b> ${plain(text)}</p>`).join('\n') });
  for (const table of r.tables) await show(table);
  for (const { figure } of r.figures) await show(figure);
}
