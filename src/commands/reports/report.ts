import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ZsaqError } from '../../core/error';
import { readJson } from '../../io/file';
import { toText, type Table } from '../../report/table';
import type { Figure } from '../../report/figure';

/** What a report is drawn from. */
export interface ReportOptions {
  /** folder of the result files, `reproductions/results` */
  results: string;
  preset?: string;
}

/** One report: words, tables and figures for people, `rows` and whatever else it has for programs. All of it comes from result files. */
export interface Report {
  text: string;
  tables: readonly Table[];
  /** by the name of its file */
  figures: Readonly<Record<string, Figure>>;
  json: { rows: readonly object[] } & Record<string, unknown>;
}

/** A report under its name: what it shows, and how it is drawn. @throws ZsaqError 'missing' where there are no results */
export interface ReportEntry { summary: string; make(options: ReportOptions): Report | Promise<Report> }

/** What a command ends with that has drawn its report. */
export function reportText({ tables, text }: Report): string { return `${tables.map(toText).join('\n')}\n${text}\n`; }

/** The results of a study on the bundled BERT. @throws ZsaqError 'missing' with the command that makes them */
export function studyResults<Run>(results: string, name: string): { runs: Run[]; commit: string } {
  const path = join(results, name, 'pocket-bert.json');
  if (!existsSync(path)) throw new ZsaqError('missing', `${path} is not there: run \`zsaq ${name}\``);
  return readJson(path) as { runs: Run[]; commit: string };
}

/** All result files of a command, in the order of their names. @throws ZsaqError 'missing' where there are none */
export function allResults<Result>(results: string, name: string): Result[] {
  const dir = join(results, name), files = existsSync(dir) ? readdirSync(dir).filter((file) => file.endsWith('.json')).sort() : [];
  if (!files.length) throw new ZsaqError('missing', `${dir} holds no results: run \`zsaq ${name}\``);
  return files.map((file) => readJson(join(dir, file)) as Result);
}

/** The result files of this project. */
export const RESULTS = resolve(__dirname, '../../../reproductions/results');
