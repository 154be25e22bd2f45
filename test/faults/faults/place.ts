import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { difference, madeIn } from '../made';
import { sufferScript, type Ended, type Fault } from '../suffer';

const WRITER = join(__dirname, '..', 'kills', 'writer.ts');

/** One kind of fault. `inject` gives what went wrong in words, undefined where everything is as promised. */
export interface FaultCase { kind: string; heavy?: boolean; inject(): Promise<string | undefined> }

/** A failure ends with a code and one sentence; gives what is wrong with that. */
export function unlikeSentence({ code, signal, hung, stderr }: Ended, pattern: RegExp): string | undefined {
  const lines = stderr.trimEnd().split('\n'), last = lines[lines.length - 1];
  if (hung) return 'it does not end';
  if (code === 0 || signal) return `it ends with ${signal ?? 'exit 0'} and says: ${last}`;
  if (/\n\s+at /.test(stderr)) return `a stack trace: ${stderr.slice(0, 600)}`;
  return last.startsWith('zsaq: ') && pattern.test(last) ? undefined : `it says: ${last}`;
}

/** A folder for one fault: `run` takes a writer of kills/writer.ts (or another command) through it, `still` is what an undisturbed one leaves. */
export async function inPlace(use: (p: Place) => Promise<string | undefined>): Promise<string | undefined> {
  const root = mkdtempSync(join(tmpdir(), 'zsaq-faults-'));
  try {
    return await use(new Place(root));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

export class Place {
  constructor(readonly root: string) {}

  readonly dir = (...parts: string[]): string => join(this.root, 'run', ...parts);

  run(fault: Omit<Fault, 'roots'> = {}, name = 'run', env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return sufferScript(WRITER, [name, this.dir()], { ...fault, roots: [this.dir()] }, { env, limit: 60 });
  }

  clear(): void { rmSync(this.dir(), { recursive: true, force: true }); }

  /** Runs without fault to the end and compares with `wish`; gives what differs. */
  async goesOn(wish: Readonly<Record<string, string>>, name = 'run'): Promise<string | undefined> {
    const ended = await this.run({}, name);
    if (ended.code !== 0) return `afterwards it does not go on: ${ended.stderr}`;
    const differs = difference(madeIn(this.dir()), wish);
    return differs && `afterwards, against an undisturbed run, it ${differs}`;
  }
}

let still: Promise<Record<string, string>> | undefined;

/** What an undisturbed `run` leaves. */
export function undisturbed(): Promise<Record<string, string>> {
  return still ??= (async () => {
    let made: Record<string, string> = {};
    await inPlace(async (p) => { await p.run(); made = madeIn(p.dir()); return undefined; });
    return made;
  })();
}
