import { durationText } from '../../src/report/progress';

/** What the fault tests count; the last line of `npm run test:faults -- --json`. */
export interface Closing { kills: number; faults: number; inputs: number; lost: number; failures: number }

/** Counts, tells how far the tests are, and keeps what went wrong, with the seed that shows it again. */
export class Tally {
  kills = 0;
  kinds = new Set<string>();
  inputs = 0;
  /** what work was lost, and what else went wrong */
  readonly lost: string[] = [];
  readonly failures: string[] = [];
  private told = 0;

  constructor(private readonly write: (text: string) => void = () => undefined, private readonly every = 5000) {}

  /** A part's progress: a line at most every few seconds. */
  step(part: string, done: number, of: number, began: number): void {
    const now = Date.now();
    if (now - this.told < this.every && done < of) return;
    this.told = now;
    const left = done > 0 && done < of ? `, about ${durationText((now - began) / 1000 / done * (of - done))} left` : '';
    this.write(`${part}: ${done} of ${of}${left}`);
  }

  lose(what: string): void { this.lost.push(what); this.write(`LOST: ${what}`); }
  fail(what: string): void { this.failures.push(what); this.write(`FAILED: ${what}`); }

  closing(): Closing {
    return { kills: this.kills, faults: this.kinds.size, inputs: this.inputs, lost: this.lost.length, failures: this.failures.length };
  }
}

/** The closing line for people. */
export function closingLine({ kills, faults, inputs, lost, failures }: Closing): string {
  return `${kills} kills survived, ${faults} kinds of faults injected, ${inputs} inputs read, ${lost} times something lost, ${failures} failures`;
}
