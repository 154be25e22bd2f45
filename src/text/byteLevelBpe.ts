import { shown } from '../core/error';
import type { BpeDefinition } from './definition';
import { characters } from './unicode';
import { MergeQueue } from './mergeQueue';

const [L, N, S] = (['letter', 'number', 'whitespace'] as const).map(characters);

/** GPT-2's expression: contractions, then letters, digits or others with one space before them, then white space. */
const WORD = new RegExp(`'(?:[sdmt]|re|ve|ll)| ?[${L}]+| ?[${N}]+| ?[^${S}${L}${N}]+|[${S}]+(?![^${S}])|[${S}]+`, 'gu');

/** Printable characters that stand for the 256 bytes: themselves where printable, else from U+0100 on. */
const BYTE_TO_CHARACTER: readonly string[] = (() => {
  const printable = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(printable(b) ? b : next++));
})();
const CHARACTER_TO_BYTE = new Map(BYTE_TO_CHARACTER.map((c, b) => [c, b]));

/** Words whose ids are remembered; beyond that the memory starts anew. */
const CACHE_WORDS = 20_000;
const CACHE_LENGTH = 64;

/**
 * Byte-level byte-pair encoding: a word's bytes, merged pair by pair, the pair of the lowest rank first, the leftmost of
 * equals. A word of n bytes takes O(n log n). Source: Radford et al. 2019 (GPT-2); Sennrich et al. 2016.
 */
export class ByteLevelBpe {
  private readonly bytes: (number | undefined)[];
  private readonly unknownId?: number;
  /** left id * size + right id -> rank and merged id */
  private readonly ranks = new Map<number, readonly [rank: number, id: number]>();
  private readonly size: number;
  private readonly cache = new Map<string, readonly number[]>();

  constructor(private readonly vocabulary: ReadonlyMap<string, number>, private readonly definition: BpeDefinition, missing: (what: string) => Error) {
    let size = 0;
    for (const id of vocabulary.values()) size = Math.max(size, id + 1);
    this.size = size;
    this.bytes = BYTE_TO_CHARACTER.map((c) => vocabulary.get(c));
    if (definition.unknown !== undefined) this.unknownId = vocabulary.get(definition.unknown);
    definition.merges.forEach(([left, right], rank) => {
      const [a, b, merged] = [left, right, left + right].map((token) => {
        const id = vocabulary.get(token);
        if (id === undefined) throw missing(`merge ${rank} needs ${shown(token)}, which is not in the vocabulary`);
        return id;
      });
      this.ranks.set(a * size + b, [rank, merged]);
    });
  }

  normalize(text: string): string { return text; }

  /** Ids of a text, appended to `out`. */
  encodeInto(text: string, out: number[]): void {
    const spaced = this.definition.addPrefixSpace && !text.startsWith(' ') ? ` ${text}` : text;
    for (const match of spaced.matchAll(WORD)) {
      const word = match[0];
      let ids = this.cache.get(word);
      if (!ids) {
        ids = this.word(word);
        if (word.length <= CACHE_LENGTH) {
          if (this.cache.size >= CACHE_WORDS) this.cache.clear();
          this.cache.set(word, ids);
        }
      }
      for (const id of ids) out.push(id);
    }
  }

  private word(word: string): number[] {
    const bytes = Buffer.from(word, 'utf8');
    if (this.definition.ignoreMerges) {
      const id = this.vocabulary.get(Array.from(bytes, (b) => BYTE_TO_CHARACTER[b]).join(''));
      if (id !== undefined) return [id];
    }
    const symbols: number[] = [];
    for (const b of bytes) {
      const id = this.bytes[b] ?? this.unknownId;
      if (id !== undefined) symbols.push(id);
    }
    return this.merge(symbols);
  }

  private merge(symbols: number[]): number[] {
    const n = symbols.length;
    const next = Int32Array.from({ length: n }, (_, i) => (i + 1 < n ? i + 1 : -1));
    const previous = Int32Array.from({ length: n }, (_, i) => i - 1);
    const queue = new MergeQueue();
    const propose = (i: number) => {
      const found = i >= 0 && next[i] >= 0 ? this.ranks.get(symbols[i] * this.size + symbols[next[i]]) : undefined;
      if (found) queue.push(found[0], i);
    };
    for (let i = 0; i + 1 < n; i++) propose(i);
    for (let top = queue.pop(); top; top = queue.pop()) {
      const [rank, i] = top;
      const j = symbols[i] < 0 ? -1 : next[i];
      const found = j >= 0 ? this.ranks.get(symbols[i] * this.size + symbols[j]) : undefined;
      if (!found || found[0] !== rank) continue; // one of the two has been merged elsewhere since
      symbols[i] = found[1];
      symbols[j] = -1;
      next[i] = next[j];
      if (next[j] >= 0) previous[next[j]] = i;
      propose(previous[i]);
      propose(i);
    }
    return symbols.filter((id) => id >= 0);
  }

  /** Text of tokens: their characters back to bytes, bytes that are no UTF-8 to U+FFFD. */
  decode(tokens: readonly string[]): string {
    const bytes: number[] = [];
    for (const token of tokens) {
      const mapped = [...token].map((c) => CHARACTER_TO_BYTE.get(c));
      for (const b of mapped.includes(undefined) ? Buffer.from(token, 'utf8') : (mapped as number[])) bytes.push(b);
    }
    return Buffer.from(bytes).toString('utf8');
  }
}
