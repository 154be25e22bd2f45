import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ZsaqError } from '../core/error';
import { writeWhole } from '../io/file';
import { toSvg } from '../report/svg';
import { toCsv, toLatex, toMarkdown, toText, type Table } from '../report/table';
import { optional, type Command } from './command';
import { convergence } from './reports/convergence';
import { RESULTS, type Report, type ReportEntry, type ReportOptions } from './reports/report';

/** What the library measures of itself; the paper's tables and figures are added by reproductions. */
export const REPORTS: Readonly<Record<string, ReportEntry>> = { convergence };

const FORMATS = ['text', 'md', 'csv', 'tex', 'svg'] as const;
type Format = typeof FORMATS[number];
const WRITERS: Readonly<Record<Exclude<Format, 'svg'>, (table: Table) => string>> = { text: toText, md: toMarkdown, csv: toCsv, tex: toLatex };

/** The command over some reports by their names. */
export const reportCommand = (reports: Readonly<Record<string, ReportEntry>>): Command => ({
  name: 'report',
  summary: 'tables and figures, drawn again from result files',
  help: `zsaq report [NAME...] [--preset NAME] [--format FORMAT] [--results DIR] [--out DIR] [--json]

  NAME            one or more of the reports below (all that have results)
  --preset NAME   smoke | mini | paper, where a report has results of several sizes
  --format FORMAT ${FORMATS.join(' | ')} (text): how it is printed; svg prints the one figure of a report
  --results DIR   folder of the result files (reproductions/results of this project)
  --out DIR       writes each report there: Markdown, CSV and LaTeX of its tables, SVG of its figures
  --json          last line of standard output: one JSON object; of a single report its own, with its rows

Nothing is computed again and no number is typed: a report reads result files only.

Reports:
${Object.entries(reports).map(([name, { summary }]) => `  ${name.padEnd(15)} ${summary}`).join('\n')}`,
  options: { preset: { type: 'string' }, format: { type: 'string' }, results: { type: 'string' }, out: { type: 'string' } },
  words: 'report',
  async run(values) {
    const asked = values.words as string[], format = (optional(values, 'format') ?? 'text') as Format, out = optional(values, 'out');
    const options: ReportOptions = { results: optional(values, 'results') ?? RESULTS, preset: optional(values, 'preset'), named: asked.length > 0 };
    const unknown = asked.find((name) => !Object.hasOwn(reports, name));
    if (unknown !== undefined) throw new ZsaqError('usage', `there is no report "${unknown}": choose ${Object.keys(reports).join(', ')}`);
    if (!FORMATS.includes(format)) throw new ZsaqError('usage', `--format ${format}: choose ${FORMATS.join(', ')}`);
    const made = await makeAll(reports, asked, options);
    if (out) for (const [name, report] of made) await write(join(out, name), report);
    const json = asked.length === 1 ? made[0][1].json : Object.fromEntries(made.map(([name, report]) => [name, report.json]));
    return { text: format === 'svg' ? await oneFigure(made) : made.map(([, report]) => printed(report, format)).join('\n'), json };
  },
});

/** Tables and words; CSV and LaTeX are tables alone. */
function printed({ text, tables }: Report, format: Exclude<Format, 'svg'>): string {
  const words = text && (format === 'text' || format === 'md') ? [`${text}\n`] : [];
  return [...tables.map(WRITERS[format]), ...words].join('\n');
}

async function oneFigure(made: readonly [string, Report][]): Promise<string> {
  const figures = made.flatMap(([, report]) => Object.entries(report.figures)), names = made.map(([name]) => name).join(', ');
  if (figures.length !== 1) throw new ZsaqError('usage', `--format svg prints one figure, and ${names} ${figures.length ? `has ${figures.map(([name]) => name).join(', ')}` : 'has none to draw yet'}: give --out DIR to write them all`);
  return toSvg(figures[0][1]);
}

/** The named reports, or all that have results. */
async function makeAll(reports: Readonly<Record<string, ReportEntry>>, names: readonly string[], options: ReportOptions): Promise<[string, Report][]> {
  const made: [string, Report][] = [];
  for (const name of names.length ? names : Object.keys(reports)) {
    try {
      made.push([name, await reports[name].make(options)]);
    } catch (e) {
      if (names.length || !(e instanceof ZsaqError && e.code === 'missing')) throw e;
    }
  }
  if (!made.length) throw new ZsaqError('missing', `there are no results in ${options.results}: run the command that makes them`);
  return made;
}

async function write(dir: string, { text, tables, figures }: Report): Promise<void> {
  mkdirSync(dir, { recursive: true });
  writeWhole(join(dir, 'report.md'), [...tables.map(toMarkdown), text && `${text}\n`, ...Object.keys(figures).map((name) => `![${name}](${name}.svg)\n`)].filter(Boolean).join('\n'));
  tables.forEach((table, i) => {
    writeWhole(join(dir, `table${i + 1}.csv`), toCsv(table));
    writeWhole(join(dir, `table${i + 1}.tex`), toLatex(table));
  });
  for (const [name, figure] of Object.entries(figures)) writeWhole(join(dir, `${name}.svg`), await toSvg(figure));
}
