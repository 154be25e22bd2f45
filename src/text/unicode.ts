import { TABLES } from './unicodeTables';

/** A class of characters as Python's tokenizers know it. */
export type CharacterClass = keyof typeof TABLES;

/** The inclusive ranges of a class, in rising order. */
export function ranges(name: CharacterClass): [number, number][] {
  const numbers = TABLES[name].split(' ').map((digits) => parseInt(digits, 36));
  const out: [number, number][] = [];
  for (let i = 0, position = 0; i < numbers.length; i += 2) {
    const start = position + numbers[i];
    position = start + numbers[i + 1];
    out.push([start, position - 1]);
  }
  return out;
}

/**
 * The inside of a regular expression's brackets (flag `u`) for a class. JavaScript's own `\p{...}` and `\s` follow the
 * Unicode version of the Node that runs, Python's tokenizers a mixture of versions (marks and punctuation of Unicode 9).
 *
 * @example new RegExp(`[${characters('nonspacingMark')}]`, 'gu')
 */
export function characters(name: CharacterClass): string {
  const point = (c: number) => `\\u{${c.toString(16)}}`;
  return ranges(name).map(([a, b]) => (a === b ? point(a) : `${point(a)}-${point(b)}`)).join('');
}
