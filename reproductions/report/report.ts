// A table, figure or question drawn from result files, in words and in every format.
import { contentOf, unique, type Cell, type Preset } from '../cells/cell';
import { allResults, type CellResult, type QuantizeResult } from '../cells/result';
import { specOf } from '../registry';
import { ZsaqError } from '../../src/index';
import { ANALYSES } from '../../src/commands/reports';
import { toCsv, toLatex, toMarkdown, toSvg, toText, type Table } from '../../src/report';
import type { Find, View } from '../specs/spec';

/** A view with what it belongs to and how complete it is. */
export interface Report extends View {
  id: string; title: string; claim: string; meaning: string; preset: Preset;
  cells: number; done: number;
  /** commits, devices and dates of the results */
  from: string[];
}

/**
 * Reads all results of a folder.
 *
 * @throws ZsaqError 'format' for one that was changed by hand, 'mismatch' where a task was scored on several sets, whose examples would be paired with others
 */
export function findIn(folder: string): Find {
  const results = allResults(folder), first = new Map<string, QuantizeResult>();
  for (const result of results.values()) {
    if (result.cell.kind !== 'quantize') continue;
    const r = result as QuantizeResult, key = `${r.cell.preset} ${r.cell.task}`, other = first.get(key);
    if (other && other.hashes.data !== r.hashes.data) throw new ZsaqError('mismatch', `${folder}: ${other.id}.json and ${r.id}.json were scored on different sets of ${r.cell.task} (${other.examples} and ${r.examples}): move those of one to another folder`);
    first.set(key, r);
  }
  return (cell: Cell) => results.get(contentOf(cell));
}

/** @throws ZsaqError 'usage' for an unknown name */
export function report(id: string, preset: Preset, find: Find): Report {
  const spec = specOf(id), cells = unique(spec.cells(preset)), found = cells.flatMap((cell): CellResult[] => { const r = find(cell); return r ? [r] : []; });
  const from = [...new Set(found.map((r) => `commit ${r.commit}, ${r.device}`))].sort();
  return { id, title: spec.title, claim: spec.claim, meaning: spec.meaning, preset, cells: cells.length, done: found.length, from, ...spec.view(find, preset) };
}

/** A report of the analysis in the same form. @throws ZsaqError 'missing' where there are no results */
export async function analysis(id: string, preset: Preset, results: string): Promise<Report> {
  const { summary, make } = ANALYSES[id], { text, tables, figures, json } = await make({ results, preset });
  return {
    id, title: `${summary[0].toUpperCase()}${summary.slice(1)}`, claim: '', meaning: text, preset, cells: 0, done: 0, from: [], notes: [], ...json, tables: [...tables],
    rows: json.rows as Report['rows'], figures: Object.entries(figures).map(([name, figure]) => ({ name, figure })),
  };
}

/** How to get what is missing, in one sentence; nothing where nothing is. */
export function missing({ id, preset, cells, done }: Report): string {
  return done === cells ? '' : `${done} of ${cells} cells have been run; the others: zsaq reproduce ${id} --preset ${preset}`;
}

export const FORMATS = ['text', 'md', 'csv', 'tex', 'svg'] as const;
export type Format = typeof FORMATS[number];

const WRITERS: Readonly<Record<Exclude<Format, 'svg' | 'csv'>, (table: Table) => string>> = { text: toText, md: toMarkdown, tex: toLatex };

/** Claim, findings and tables of a report; CSV and LaTeX hold the tables alone, CSV of several with the title of each above it. */
export function written(r: Report, format: Exclude<Format, 'svg'>): string {
  if (format === 'csv') return r.tables.map((t) => (r.tables.length > 1 ? toCsv({ columns: [{ name: t.title ?? '' }], rows: [] }) : '') + toCsv(t)).join('\r\n');
  const tables = r.tables.map(WRITERS[format]).join('\n');
  if (format === 'tex') return tables;
  const lines = [...(r.claim ? [`The paper: ${r.claim}`] : []), ...r.notes, `How to read it: ${r.meaning}`, ...[missing(r)].filter(Boolean)];
  return format === 'md' ? `## ${r.title}\n\n${lines.join('\n\n')}\n\n${tables}` : `${r.title}\n${lines.map((line) => `  ${line}`).join('\n')}\n\n${tables}`;
}

/** The figures of a report as SVG, by name. */
export async function drawnFigures(r: Report): Promise<{ name: string; svg: string }[]> {
  const out: { name: string; svg: string }[] = [];
  for (const { name, figure } of r.figures) out.push({ name, svg: await toSvg(figure) });
  return out;
}
