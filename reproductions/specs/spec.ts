import type { Cell, Preset, QuantizeCell } from '../cells/cell';
import type { CellResult, QuantizeResult } from '../cells/result';
import type { Figure } from '../../src/report';
import type { Table } from '../../src/report';

/** The result of a cell, where there is one. */
export type Find = (cell: Cell) => CellResult | undefined;

/** One number of a view, for programs. */
export interface Row {
  /** of the method, as on the command line */
  method: string;
  /** what tells it from others of the method, as in the table */
  title: string;
  bits: string;
  task: string;
  metric: string | null;
  /** over seeds; null where not all of them have been run */
  mean: number | null;
  /** standard deviation over seeds; null with one */
  spread: number | null;
  seeds: number[];
  /** the paper's number; null where it is not published */
  published: number | null;
  difference: number | null;
  /** further settings of a sweep */
  at?: Record<string, number | string>;
}

/** A difference with what limits its meaning. */
export interface Gap {
  gain: number; low: number; high: number;
  /** standard error of the interval's ends */
  error: number;
  /** a side has one run, and another of it would differ */
  once: boolean;
  /** no processor trained runs of both sides */
  apart: boolean;
}

/** What a comparison claims, with its interval. */
export interface Gain extends Gap {
  bits: string; over: string; tasks: string[];
  /** averages over the tasks */
  ours: number; theirs: number;
  published: number | null;
}

/** A spec drawn from result files. */
export interface View { tables: Table[]; figures: { name: string; figure: Figure }[]; notes: string[]; rows: Row[]; gains?: Gain[] }

/** One table, figure, sweep or open question of the paper, as data. */
export interface Spec {
  id: string;
  group: 'table' | 'figure' | 'sweep' | 'question';
  title: string;
  /** what the paper says, as far as it is known; where nothing is, that */
  claim: string;
  /** how to read what comes out */
  meaning: string;
  cells(preset: Preset): QuantizeCell[];
  /** why a preset has no cells, and what to do */
  absent?(preset: Preset): string;
  view(find: Find, preset: Preset): View;
}

export const quantizeResult = (find: Find, cell: Cell): QuantizeResult | undefined => find(cell) as QuantizeResult | undefined;

/** Share of different tokens at the end of a run, in percent: what is left of the generator's language. */
export const DIFFERENT = {
  column: { name: 'different tokens at the end', unit: '%', digits: 0 },
  of(result: QuantizeResult | undefined): number | null {
    const share = result?.history.at(-1)?.distinct ?? null;
    return share === null ? null : 100 * share;
  },
};
