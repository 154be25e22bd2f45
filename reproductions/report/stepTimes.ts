// What a step of each method takes, from the benchmark that runs them in turns (`npm run bench -- overhead`): cells ran beside other work, and their times compare nothing.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from '../../src/index';
import { RESULTS } from '../../src/commands/reports/report';
import type { Preset } from '../cells/cell';

/** The benchmark's result: milliseconds a step and the ratio to QAT on random tokens, medians over turns. */
export interface StepTimes {
  rows: { title: string; ms: number; ratio: number; all: number[] }[];
  model: string; threads: number; load: number;
  /** largest share of the cores that other processes had in a turn */
  others: number;
  date: string; commit: string; device: string;
}

/** Where the benchmark keeps it. */
export const STEP_TIMES = join(RESULTS, 'overhead', 'minilm-sst2-cpu.json');

export function stepTimes(preset: Preset): StepTimes | undefined {
  return preset === 'mini' && existsSync(STEP_TIMES) ? readJson(STEP_TIMES) as StepTimes : undefined;
}

/** What a step takes of one of QAT on random tokens: median and range over the turns. */
export interface Ratio { median: number; low: number; high: number }

export function ratiosOf({ rows }: StepTimes, { ratio, all }: StepTimes['rows'][number]): Ratio {
  const base = rows.find((r) => r.ratio === 1)!, each = all.map((ms, i) => ms / base.all[i]);
  return { median: ratio, low: Math.min(...each), high: Math.max(...each) };
}

/** `1.48 (1.36 to 1.60)`. */
export function ratioText({ median, low, high }: Ratio): string { return `${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`; }
