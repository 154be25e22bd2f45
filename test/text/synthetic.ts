import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Definition } from '../../src/text/definition';
import { fromTokenizerJson } from '../../src/text/tokenizerJson';
import { makeTokenizer, type Tokenizer } from '../../src/text/tokenizer';

interface PairCase { line: number; pair: boolean; length: number; ids: number[]; types: number[] }
interface HardSet { name: string; tokenizer: unknown; ids: number[][]; pairs: PairCase[]; decoded: string[]; long: string[] }
interface Hard { pool: string[]; ranges: [number, number][]; extremes: string[]; long: [string, number][]; lines: string; sets: HardSet[]; added: { tokenizer: unknown; lines: string[]; ids: number[][] } }

export const FIXTURES = join(__dirname, '..', 'fixtures', 'text');
export const hard = JSON.parse(readFileSync(join(FIXTURES, 'hard.json'), 'utf8')) as Hard;

/** The lines of `synthetic` in test/fixtures/text/make.py, drawn by the same generator. */
export function synthetic(seed: number, count: number): string[] {
  let state = seed;
  const draw = (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % n;
  };
  return Array.from({ length: count }, () => {
    let line = '';
    for (let pieces = 1 + draw(9); pieces > 0; pieces--) {
      if (draw(10) < 6) line += hard.pool[draw(hard.pool.length)];
      else for (let n = 1 + draw(4); n > 0; n--) {
        const [low, high] = hard.ranges[draw(hard.ranges.length)];
        line += String.fromCodePoint(low + draw(high - low));
      }
      if (draw(10) < 3) line += ' ';
    }
    return line;
  });
}

/** sha256 of the ids as text: ids of a line joined by spaces, each line ended by a line feed. */
export function digest(rows: Iterable<readonly number[]>): string {
  const hash = createHash('sha256');
  for (const ids of rows) hash.update(`${ids.join(' ')}\n`);
  return hash.digest('hex');
}

/** The tokenizer of one set of hard.json. */
export function tokenizerOf(set: { name?: string; tokenizer: unknown }): Tokenizer {
  return makeTokenizer({ ...fromTokenizerJson(set.tokenizer, set.name ?? 'hard.json'), special: {} } as Definition);
}
