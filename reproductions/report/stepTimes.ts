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
