import { shown, ZsaqError } from '../core/error';
import type { Normalization, WordPieceDefinition } from './definition';
import { characters } from './unicode';

const SURROGATES = '\\u{d800}-\\u{dfff}';
const REMOVED = new RegExp(`[${characters('removed')}${SURROGATES}]`, 'gu');
const WHITESPACE = new RegExp(`[${characters('whitespace')}]`, 'gu');
const CHINESE = new RegExp(`[${characters('chinese')}]`, 'gu');
const DECOMPOSED = new RegExp(`[${characters('decomposed')}]+`, 'gu');
const MARK = new RegExp(`[${characters('nonspacingMark')}]`, 'gu');
const WORD = new RegExp(`[${characters('punctuation')}]|[^${characters('punctuation')}${characters('whitespace')}]+`, 'gu');

/**
 * BERT's normalizer: control characters away, white space to spaces, spaces around Chinese characters, accents away
 * (canonical decomposition without its non-spacing marks), lower case letter by letter (no final sigma).
 *
 * @example normalize('Café\u0000 中', { cleanText: true, chinese: true, stripAccents: true, lowercase: true }) // 'cafe  中 '
 */
export function normalize(text: string, n: Normalization): string {
  let out = text;
  if (n.cleanText) out = out.replace(REMOVED, '').replace(WHITESPACE, ' ');
  // eslint-disable-next-line no-control-regex
  if (/^[\0-\x7f]*$/.test(out)) return n.lowercase ? out.toLowerCase() : out;
  if (n.chinese) out = out.replace(CHINESE, ' $& ');
  if (n.stripAccents) out = out.replace(DECOMPOSED, (run) => run.normalize('NFD')).replace(MARK, '');
  // JavaScript lowers a final capital sigma to its final form, Rust every one to the common form.
  if (n.lowercase) out = out.replace(/Σ/g, 'σ').toLowerCase();
  return out;
}

/**
 * WordPiece: each word (split at white space, every punctuation character a word of its own) becomes the longest pieces
 * from left to right, or the unknown token where some rest has no piece or the word has over 100 characters.
 * Source: Devlin et al. 2018, `tokenization.py`; behaviour of Hugging Face `tokenizers`.
 */
export class WordPiece {
  private readonly unknownId: number;
  private readonly longest: number;

  constructor(private readonly vocabulary: ReadonlyMap<string, number>, private readonly definition: WordPieceDefinition, where: string) {
    const id = vocabulary.get(definition.unknown);
    if (id === undefined) throw new ZsaqError('format', `${where}: the unknown token ${shown(definition.unknown)} is not in the vocabulary; give the vocabulary of this tokenizer`);
    this.unknownId = id;
    let longest = 1;
    for (const token of vocabulary.keys()) if (token.length > longest) longest = token.length;
    this.longest = longest;
  }

  normalize(text: string): string { return normalize(text, this.definition.normalization); }

  /** Ids of a normalized text, appended to `out`. */
  encodeInto(text: string, out: number[]): void {
    for (const match of text.matchAll(WORD)) this.word(match[0], out);
  }

  private word(word: string, out: number[]): void {
    const whole = this.vocabulary.get(word);
    const { maxCharacters, prefix } = this.definition;
    if (word.length > maxCharacters && [...word].length > maxCharacters) { out.push(this.unknownId); return; }
    if (whole !== undefined) { out.push(whole); return; }
    const first = out.length;
    for (let start = 0; start < word.length;) {
      const head = start === 0 ? '' : prefix;
      let end = Math.min(word.length, start + this.longest), id: number | undefined;
      for (; end > start; end--) if ((id = this.vocabulary.get(head + word.slice(start, end))) !== undefined) break;
      if (id === undefined) { out.length = first; out.push(this.unknownId); return; }
      out.push(id);
      start = end;
    }
  }

  /** Text of tokens: pieces joined, words set apart, spaces before punctuation and in contractions taken out. */
  decode(tokens: readonly string[]): string {
    const { prefix, cleanup } = this.definition;
    return tokens.map((token, i) => {
      const text = i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return cleanup ? tidy(text) : text;
    }).join('');
  }
}

const TIDY: [RegExp, string][] = [
  [/ \./g, '.'], [/ \?/g, '?'], [/ !/g, '!'], [/ ,/g, ','], [/ ' /g, "'"], [/ n't/g, "n't"], [/ 'm/g, "'m"],
  [/ do not/g, " don't"], [/ 's/g, "'s"], [/ 've/g, "'ve"], [/ 're/g, "'re"],
];

function tidy(text: string): string {
  return TIDY.reduce((t, [pattern, by]) => t.replace(pattern, by), text);
}
