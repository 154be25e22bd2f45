import { resolve } from 'node:path';
import type { Figure } from '../../report/figure';
import type { Table } from '../../report/table';

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

/** The result files of this project. */
export const RESULTS = resolve(__dirname, '../../../reproductions/results');
