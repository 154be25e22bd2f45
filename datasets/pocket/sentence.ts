import type { Character } from './discourse';

/** What makes a sentence ungrammatical when the marked token is exchanged. */
export type SiteKind = 'agreement' | 'determiner' | 'reflexive' | 'polarity' | 'form';

/** A token whose exchange for `wrong` breaks a rule of grammar for certain. */
export interface Site {
  readonly kind: SiteKind;
  readonly index: number;
  readonly wrong: string;
}

const phrases = new Map<string, readonly string[]>();
const vowelSound = /^[aeiou]/i;
const consonantInSound = /^(one|uni(on|on's|versity)|useful|usual|euro)/i;
const closing = new Set(['.', ',', ';', ':', '?', '!', ')']);

/** True where the article before `word` is `an`. */
export const takesAn = (word: string): boolean => (vowelSound.test(word) && !consonantInSound.test(word)) || /^hon|^hour/i.test(word);

/**
 * A sentence under construction: tokens as they are read (names with a capital, marks apart) and the sites where one exchanged token
 * would make it ungrammatical.
 */
export class Sentence {
  readonly tokens: string[] = [];
  readonly sites: Site[] = [];
  /** The characters that the sentence names or points to, and the one that is its subject: who a later pronoun may mean. */
  readonly named: Character[] = [];
  subject: Character | undefined;
  private openQuote = false;

  /** Appends words and marks, each text split at its spaces. */
  add(...texts: readonly string[]): this {
    for (const text of texts) {
      let words = phrases.get(text);
      if (!words) {
        words = text.split(' ');
        if (phrases.size < 20000) phrases.set(text, words);
      }
      for (const w of words) this.tokens.push(w);
    }
    return this;
  }

  /** Marks the last token: `wrong` in its place is ungrammatical. */
  mark(kind: SiteKind, wrong: string): this {
    this.sites.push({ kind, index: this.tokens.length - 1, wrong });
    return this;
  }

  /** Opens or closes a quotation. */
  quote(): this {
    this.openQuote = !this.openQuote;
    this.tokens.push('"');
    return this;
  }

  /** Ends the sentence: settles a / an, writes the mark and checks that the quotation is closed. */
  end(mark = '.'): this {
    for (let i = 0; i + 1 < this.tokens.length; i++) {
      if (this.tokens[i] === 'a' && takesAn(this.tokens[i + 1])) this.tokens[i] = 'an';
    }
    if (this.openQuote) throw new Error(`a quotation stays open: ${this.tokens.join(' ')}`);
    if (mark) this.tokens.push(mark);
    return this;
  }
}

/**
 * Tokens as a reader expects them: a capital at the start and after an opening quotation, marks attached.
 * @example render(['it', 'rained', ',', 'and', 'Anna', 'left', '.']) // 'It rained, and Anna left.'
 */
export function render(tokens: readonly string[]): string {
  let text = '', quoted = false, glue = true;
  for (const token of tokens) {
    if (token === '"') {
      text += quoted || glue ? '"' : ' "';
      quoted = !quoted;
      glue = quoted;
      continue;
    }
    const joined = glue || closing.has(token) || token === "'" || (token === 's' && text.endsWith("'"));
    const word = text === '' || (quoted && text.endsWith('"')) || token === 'i' ? token[0].toUpperCase() + token.slice(1) : token;
    text += joined ? word : ' ' + word;
    glue = token === '(';
  }
  return text;
}

/** 32-bit hash of a sentence (FNV-1a over the lower-case tokens, finished as in MurmurHash3): what decides its split. */
export function sentenceHash(tokens: readonly string[]): number {
  let h = 0x811c9dc5;
  for (const token of tokens) {
    for (let i = 0; i < token.length; i++) {
      const c = token.charCodeAt(i);
      h = Math.imul(h ^ (c >= 65 && c <= 90 ? c + 32 : c), 0x01000193);
    }
    h = Math.imul(h ^ 32, 0x01000193);
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
