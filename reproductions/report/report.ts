// A table, figure or question drawn from result files: reports of `zsaq report`, cells of notebooks, the README.
import { join } from 'node:path';
import { ZsaqError } from '../../src/index';
import { RESULTS, type Report, type ReportEntry } from '../../src/commands/reports/report';
import { contentOf, unique, PRESETS, type Cell, type Preset } from '../cells/cell';
import { allResults, type CellResult } from '../cells/result';
import { SPECS, specOf } from '../registry';
import type { Find, View } from '../specs/spec';

/** A view with what it belongs to and how complete it is. */
export interface PaperReport extends View {
  id: string; title: string; claim: string; meaning: string; preset: Preset;
  cells: number; done: number;
  /** commits and devices of the results */
  from: string[];
}

/** Where cells leave their results: of `smoke`, which are nothing to keep, beside the runs. */
export function resultsRoot(preset: Preset): string { return preset === 'smoke' ? join(__dirname, '..', '..', 'runs', 'reproductions', 'results') : RESULTS; }

/** Reads the results of all cells in a results folder; refuses those changed by hand. */
export function findIn(root: string): Find {
  const results = allResults(join(root, 'cells'));
  return (cell: Cell) => results.get(contentOf(cell));
}

/** @throws ZsaqError 'usage' for an unknown name */
export function paperReport(id: string, preset: Preset, find: Find): PaperReport {
  const spec = specOf(id), cells = unique(spec.cells(preset)), found = cells.flatMap((cell): CellResult[] => { const r = find(cell); return r ? [r] : []; });
  const from = [...new Set(found.map((r) => `commit ${r.commit}, ${r.device}`))].sort();
  return { id, title: spec.title, claim: spec.claim, meaning: spec.meaning, preset, cells: cells.length, done: found.length, from, ...spec.view(find, preset) };
}

/** How to get what is missing, in one sentence; nothing where nothing is. */
export function missing({ id, preset, cells, done }: PaperReport): string {
  return done === cells ? '' : `${done} of ${cells} cells have been run; the others: zsaq reproduce ${id} --preset ${preset}`;
}

/** What the paper claims, what came out and how to read it, in paragraphs. */
export function wordsOf(r: PaperReport): string[] {
  return [r.title, `The paper: ${r.claim}`, ...r.notes, `How to read it: ${r.meaning}`, ...[missing(r)].filter(Boolean), ...(r.from.length ? [`Results of ${r.from.join('; ')}.`] : [])];
}

/** The tables, figures and questions of the paper as reports of `zsaq report`. */
export const PAPER_REPORTS: Readonly<Record<string, ReportEntry>> = Object.fromEntries(SPECS.map((spec) => [spec.id, {
  summary: spec.title,
  make({ results, preset: asked = 'mini', named }): Report {
    const preset = asked as Preset;
    if (!PRESETS.includes(preset)) throw new ZsaqError('usage', `preset "${asked}": choose ${PRESETS.join(', ')}`);
    const root = results === RESULTS ? resultsRoot(preset) : results, r = paperReport(spec.id, preset, findIn(root));
    if (!r.done && !named) throw new ZsaqError('missing', `no cell of ${spec.id} has been run: zsaq reproduce ${spec.id} --preset ${preset}`);
    const { tables, figures, rows, ...rest } = r;
    return { text: wordsOf(r).join('\n\n'), tables, figures: Object.fromEntries(figures.map(({ name, figure }) => [name, figure])), json: { rows, ...rest } };
  },
}]));
