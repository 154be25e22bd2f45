import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ZsaqError } from '../core/error';
import { writeWhole } from '../io/file';
import { toSvg } from '../report/svg';
import { toCsv, toLatex, toMarkdown, toText } from '../report/table';
import { optional, type Command } from './command';
import { convergence } from './reports/convergence';
import { diversity } from './reports/diversity';
import { failures } from './reports/failures';
import { flatness } from './reports/flatness';
import { RESULTS, type Report, type ReportEntry, type ReportOptions } from './reports/report';

/** Every report by its name. */
export const REPORTS: Readonly<Record<string, ReportEntry>> = { convergence, flatness, diversity, failures };

export const reportCommand: Command = {
  name: 'report',
  summary: 'tables and figures, drawn again from result files',
  help: `zsaq report [NAME...] [--preset NAME] [--results DIR] [--out DIR] [--json]

  NAME            one or more of the reports below (all that have results)
  --preset NAME   smoke | mini | paper, where a report has results of several sizes
  --results DIR   folder of the result files (reproductions/results of this project)
  --out DIR       writes each report there: Markdown, CSV and LaTeX of its tables, SVG of its figures
  --json          last line of standard output: one JSON object; of a single report its own, with its rows

Nothing is computed again and no number is typed: a report reads result files only.

Reports:
${Object.entries(REPORTS).map(([name, { summary }]) => `  ${name.padEnd(15)} ${summary}`).join('\n')}`,
  options: { preset: { type: 'string' }, results: { type: 'string' }, out: { type: 'string' } },
  words: 'report',
  async run(values) {
    const asked = values.words as string[], options: ReportOptions = { results: optional(values, 'results') ?? RESULTS, preset: optional(values, 'preset') };
    const unknown = asked.find((name) => !Object.hasOwn(REPORTS, name));
    if (unknown !== undefined) throw new ZsaqError('usage', `there is no report "${unknown}": choose ${Object.keys(REPORTS).join(', ')}`);
    const made = await makeAll(asked, options), out = optional(values, 'out');
    if (out) for (const [name, report] of made) await write(join(out, name), report);
    const json = asked.length === 1 ? made[0][1].json : Object.fromEntries(made.map(([name, report]) => [name, report.json]));
    return { text: made.map(([, { text, tables }]) => [...tables.map(toText), text && `${text}\n`].filter(Boolean).join('\n')).join('\n'), json };
  },
};

/** The named reports, or all that have results. */
async function makeAll(names: readonly string[], options: ReportOptions): Promise<[string, Report][]> {
  const made: [string, Report][] = [];
  for (const name of names.length ? names : Object.keys(REPORTS)) {
    try {
      made.push([name, await REPORTS[name].make(options)]);
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
