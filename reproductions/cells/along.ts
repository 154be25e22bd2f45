// Several step counts from one run: the student's score and its divergence on the fixed bank while it is trained.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { activationHooks, dispose, disposeBank, onBank, readJson, type Network, type Params, type Progress } from '../../src/index';
import type { OpenBank } from '../../src/commands/bankFile';
import type { RunFolder } from '../../src/commands/runFolder';
import type { AlongPoint } from './result';

/** What a student is measured with. */
export interface Measures {
  teacher: Network;
  bank: OpenBank;
  /** on the task, with the metric's own scale */
  score(student: Params, hooks: ReturnType<typeof activationHooks>): Promise<number>;
}

const FILE = 'along.json';
const finite = (x: number): number | null => (Number.isFinite(x) ? Number(x.toPrecision(6)) : null);

/** The student as it is after a step: its score and its divergence on the bank. */
export async function measure({ teacher, bank: { bank, divergence }, score }: Measures, { step, plan, weights }: Progress): Promise<AlongPoint> {
  const student = weights!(), hooks = activationHooks(plan!);
  try {
    return { step, score: finite(await score(student, hooks)), bank: finite((await onBank(bank, teacher, student, hooks, divergence)).mean) };
  } finally {
    dispose(student);
  }
}

/** The points of one cell. They stand in the run's folder as they come, so that a run that goes on has those of before. */
export class Along {
  private readonly found = new Map<number, AlongPoint>();
  private folder?: RunFolder;
  private measures?: Measures;

  constructor(private readonly steps: readonly number[]) {}

  /** Takes over the bank. */
  start(folder: RunFolder, measures: Measures): void {
    Object.assign(this, { folder, measures });
    const file = join(folder.dir, FILE);
    if (existsSync(file)) for (const point of readJson(file) as unknown as AlongPoint[]) this.found.set(point.step, point);
  }

  async at(progress: Progress): Promise<void> {
    if (!this.steps.includes(progress.step)) return;
    this.found.set(progress.step, await measure(this.measures!, progress));
    this.folder!.write(FILE, this.points(Infinity));
  }

  /** Those of a run that made so many steps, in their order. */
  points(steps: number): AlongPoint[] { return [...this.found.values()].filter(({ step }) => step <= steps).sort((a, b) => a.step - b.step); }

  dispose(): void { if (this.measures) disposeBank(this.measures.bank.bank); }
}
