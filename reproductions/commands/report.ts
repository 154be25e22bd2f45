import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder, writeWhole, ZsaqError } from '../../src/index';
import { toCsv } from '../../src/report';
import { optional, type Command, type Outcome } from '../../src/commands/command';
import { ANALYSES } from '../../src/commands/reports';
import { RESULTS } from '../../src/commands/reports/report';
import { SPECS } from '../registry';
import { analysis, drawnFigures, findIn, FORMATS, report, written, type Format, type Report } from '../report/report';
import { placesOf } from './places';

export const reportCommand: Command = {
  name: 'report',
  summary: 'redraw tables and figures of the paper from result files',
  help: `zsaq report [NAME...] [options]

  NAME             ${SPECS.map((s) => s.id).join(', ')};
                   of the analysis: ${Object.keys(ANALYSES).join(', ')} (all)
  --preset NAME    smoke | mini | paper (mini)
  --format FORMAT  ${FORMATS.join(' | ')} (text): how tables are printed; svg prints the one figure of a NAME
  --out DIR        writes each as NAME.md, NAME.tex, NAME.csv (NAME-1.csv, NAME-2.csv, ... where it has several tables) and its
                   figures as .svg into a folder
  --results DIR    folder of results (reproductions/results)
  --work DIR       folder of the runner; only for the results of smoke (runs/reproductions)
  --json           last line of standard output: one JSON object; rows: method, bits, task or average, mean, spread, seeds, published

Only result files are read: no model, no data. Notebooks 10 to 40 show the same. What has not been run says so, with the command that runs it. Example:
  zsaq report table1 --format md`,
  options: { preset: { type: 'string' }, format: { type: 'string' }, out: { type: 'string' }, results: { type: 'string' }, work: { type: 'string' } },
  words: 'names of tables and figures',
  async run(values): Promise<Outcome> {
    const { preset, results } = placesOf(values, 'mini'), format = (optional(values, 'format') ?? 'text') as Format, out = optional(values, 'out');
    const given = optional(values, 'results');
    if (given !== undefined && !existsSync(given) && !(values.words as string[]).some((name) => Object.hasOwn(ANALYSES, name))) throw new ZsaqError('missing', `there is no folder ${given}: give --results the folder that holds cells/`);
    if (!FORMATS.includes(format)) throw new ZsaqError('usage', `--format ${format}: choose ${FORMATS.join(', ')}`);
    const asked = values.words as string[], find = findIn(results), reports: Report[] = [];
    for (const name of asked.length ? asked : [...SPECS.map((s) => s.id), ...Object.keys(ANALYSES)]) {
      if (!Object.hasOwn(ANALYSES, name)) reports.push(report(name, preset, find));
      else {
        const drawn = await analysis(name, preset, optional(values, 'results') ?? RESULTS).catch((e: unknown) => { if (!asked.length && e instanceof ZsaqError && e.code === 'missing') return undefined; throw e; });
        if (drawn) reports.push(drawn);
      }
    }
    const json = reports.length === 1 ? told(reports[0]) : { preset, specs: reports.map(told) };
    if (out !== undefined) return { text: `${(await keep(reports, out)).join('\n')}\n`, json };
    return { text: format === 'svg' ? await oneFigure(reports) : reports.map((r) => written(r, format)).join('\n'), json };
  },
};

function told({ tables, figures, ...rest }: Report): Record<string, unknown> {
  return { ...rest, tables: tables.map(({ title, columns, rows, note }) => ({ title, columns: columns.map((c) => c.name), rows: rows.map((row) => row.map((cell) => cell ?? null)), note })), figures: figures.map((f) => f.name) };
}

async function keep(reports: readonly Report[], dir: string): Promise<string[]> {
  makeFolder(dir);
  const files: string[] = [], write = (name: string, text: string): void => { const file = join(dir, name); writeWhole(file, text); files.push(file); };
  for (const r of reports) {
    for (const format of ['md', 'tex'] as const) if (format === 'md' || r.tables.length) write(`${r.id}.${format}`, written(r, format));
    r.tables.forEach((table, i) => write(`${r.id}${r.tables.length > 1 ? `-${i + 1}` : ''}.csv`, toCsv(table)));
    for (const { name, svg } of await drawnFigures(r)) write(`${name}.svg`, svg);
  }
  return files;
}

async function oneFigure(reports: readonly Report[]): Promise<string> {
  const figures = reports.flatMap((r) => r.figures);
  if (figures.length !== 1) throw new ZsaqError('usage', `--format svg prints one figure, and ${reports.map((r) => r.id).join(', ')} ${figures.length ? `have ${figures.length} (${figures.map((f) => f.name).join(', ')})` : 'have none to draw yet'}: give --out DIR to write them`);
  return (await drawnFigures(reports.find((r) => r.figures.length)!))[0].svg;
}
