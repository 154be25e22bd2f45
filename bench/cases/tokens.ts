// A tokenizer's pass over text.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadTokenizer, writeWhole } from '../../src/index';
import { pocketModelPath, pocketText } from '../../datasets';
import type { Case } from './case';
import type { Prepare } from '../protocol';

/** The bundled stories as lines, with the folder of the tokenizer, written once. */
export function prepareText(cache: string): string {
  const dir = join(cache, 'text'), file = join(dir, 'text.json');
  if (existsSync(file)) return dir;
  mkdirSync(dir, { recursive: true });
  const lines = pocketText('tales', 'test');
  writeWhole(file, JSON.stringify({ tokenizer: pocketModelPath('pocket-bert'), lines }));
  return dir;
}

export function tokensCase({ folder }: Prepare): Case {
  const { tokenizer: dir, lines } = JSON.parse(readFileSync(join(folder, 'text.json'), 'utf8')) as { tokenizer: string; lines: string[] }, tokenizer = loadTokenizer(dir);
  const pass = (): number[][] => lines.map((line) => tokenizer.encode(line));
  return {
    run: () => void pass(),
    check() {
      const ids = pass().flat();
      return [ids.length, ids.reduce((sum, id, i) => sum + id * (1 + (i % 13)), 0)];
    },
  };
}
