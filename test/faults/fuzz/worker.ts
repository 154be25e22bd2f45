// Reads inputs in a process of its own, so that one without end can be ended: `worker.ts FIRST SEED INPUTS`. FIRST is the reader to begin with.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Stream } from '../../../src/core/random';
import { ARGUMENT_READERS } from './arguments';
import { Fence, guarded } from './guard';
import { FILE_READERS, type Reader } from './readers';

/** What the worker tells. */
export type Told = { at: string; run: number } | { read: number } | { wrong: string; input: string; reader: string; name: string } | { end: true };

export const READERS: readonly Reader[] = [...FILE_READERS, ...ARGUMENT_READERS];
export const CORPUS = join(__dirname, '..', 'corpus');

/** The folder of a reader's inputs that once found something. */
export const corpusOf = (reader: string): string => join(CORPUS, reader.replace(/[^\w]+/g, '-'));

async function main(first: number, seed: number, inputs: number): Promise<void> {
  const tell = (told: Told): void => { process.send!(told); }, root = mkdtempSync(join(tmpdir(), 'zsaq-fuzz-')), shares = READERS.reduce((sum, r) => sum + r.share, 0);
  const project = resolve(__dirname, '..', '..', '..'), fence = new Fence([root, '/proc', ...['src', 'node_modules', 'datasets', 'reproductions', 'runs'].map((name) => join(project, name))]);
  for (const [i, reader] of READERS.entries()) {
    if (i < first) continue;
    const dir = join(root, String(i)), wanted = Math.max(1, Math.round(inputs * reader.share / shares)), kept = corpusOf(reader.name);
    mkdirSync(dir);
    process.chdir(dir); // relative names stay inside as well
    await reader.begin?.(dir);
    const corpus = existsSync(kept) ? readdirSync(kept).sort().map((name) => readFileSync(join(kept, name))) : [];
    for (let run = -corpus.length; run < wanted; run++) {
      const input = run < 0 ? corpus[run + corpus.length] : reader.input(new Stream(`fuzz ${reader.name} ${seed}`, run), run);
      if (run % 200 === 0 || run < 0) tell({ at: reader.name, run });
      const wrong = await guarded(() => reader.read(input, dir), input.length + (reader.beside ?? 0), fence, reader.seconds);
      if (wrong) tell({ wrong: `${reader.name}, seed ${seed}, input ${run}: ${wrong}`, input: input.toString('base64'), reader: reader.name, name: createHash('sha256').update(input).digest('hex').slice(0, 12) });
    }
    tell({ read: wanted + corpus.length });
  }
  process.chdir(project);
  rmSync(root, { recursive: true, force: true });
  tell({ end: true });
}

if (require.main === module) main(...process.argv.slice(2).map(Number) as [number, number, number]).then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
