import { fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tally } from '../tally';
import { corpusOf, READERS, type Told } from './worker';

/** A reader that says nothing for so long hangs; it says something every 200 inputs. */
const SILENCE_MS = 60_000;

/**
 * Gives seeded inputs to every reader: whole files with wounds, hostile words, noise, and all of the corpus.
 *
 * @param o.keep puts inputs that find something into the corpus
 */
export async function fuzzAll(tally: Tally, o: { seed: number; inputs: number; keep?: boolean }): Promise<void> {
  const began = Date.now();
  for (let first = 0; first < READERS.length;) first = await fuzzFrom(first, tally, o, began);
}

/** Runs a worker from a reader on; gives the reader to begin the next one with. */
function fuzzFrom(first: number, tally: Tally, { seed, inputs, keep }: { seed: number; inputs: number; keep?: boolean }, began: number): Promise<number> {
  const child = fork(join(__dirname, 'worker.ts'), [String(first), String(seed), String(inputs)], { execArgv: ['--require', 'tsx/cjs'], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let at = READERS[first].name, run = 0, ended = false, hung = false, said = '';
  const silent = (): void => { hung = true; child.kill('SIGKILL'); };
  let timer = setTimeout(silent, SILENCE_MS);
  child.stderr!.on('data', (text: Buffer) => { said = (said + String(text)).slice(-2000); });
  child.on('message', (told: Told) => {
    clearTimeout(timer);
    timer = setTimeout(silent, SILENCE_MS);
    if ('at' in told) ({ at, run } = told);
    else if ('read' in told) { tally.inputs += told.read; tally.step('inputs', Math.min(tally.inputs, inputs), inputs, began); }
    else if ('end' in told) ended = true;
    else {
      tally.fail(told.wrong);
      if (keep) { mkdirSync(corpusOf(told.reader), { recursive: true }); writeFileSync(join(corpusOf(told.reader), told.name), Buffer.from(told.input, 'base64')); }
    }
  });
  return new Promise((done) => child.on('exit', (code, signal) => {
    clearTimeout(timer);
    if (ended) return done(READERS.length);
    tally.fail(`${at}, seed ${seed}, one of the inputs from ${run} on: ${hung ? 'no end' : `the process dies (${signal ?? code}): ${said.slice(-500)}`}`);
    return done(READERS.findIndex(({ name }) => name === at) + 1);
  }));
}
