import { ZsaqError } from '../core/error';
import type { Tokenizer } from './tokenizer';

/** What stands between the lines of a byte-level stream: the GPTQ protocol joins WikiText's rows by an empty line, PTB's by a space. */
export interface StreamOptions { separator?: string }

const EMPTY_LINE = '\n\n';

/**
 * The lines of a language-modelling set as one stream of ids.
 *
 * WordPiece: each line stripped, empty lines dropped, the word `<unk>` as the unknown token, `[SEP]` after each line, no other
 * special tokens (the protocol of this project's own models). Byte-level BPE: the lines joined by `separator` (default an
 * empty line), encoded at once after the model's leading token (the protocol of GPTQ for OPT, Frantar et al. 2022).
 *
 * @throws ZsaqError 'unsupported' for a WordPiece vocabulary without unknown or separator token
 * @example tokenStream([' = Robert <unk> = \n', ''], tokenizer) // [1027, 2728, 100, 1027, 102]
 */
export function tokenStream(lines: readonly string[], tokenizer: Tokenizer, { separator = EMPTY_LINE }: StreamOptions = {}): number[] {
  if (tokenizer.kind === 'bpe') return tokenizer.encodePair(lines.join(separator), undefined, Number.MAX_SAFE_INTEGER).ids;
  const { unk, sep } = tokenizer.special;
  if (unk === undefined || sep === undefined) throw new ZsaqError('unsupported', 'a stream of WordPiece tokens needs an unknown and a separator token: the vocabulary has no [UNK] or no [SEP]');
  const unknown = tokenizer.idToToken(unk);
  const out: number[] = [];
  for (const line of lines) {
    const text = line.trim();
    if (!text) continue;
    for (const id of tokenizer.encode(text.split('<unk>').join(unknown))) out.push(id);
    out.push(sep);
  }
  return out;
}

/** The protocol of `tokenStream` in one sentence, for results and tables. */
export function streamProtocol(tokenizer: Tokenizer, { separator = EMPTY_LINE }: StreamOptions = {}): string {
  return tokenizer.kind === 'wordpiece'
    ? 'WordPiece tokens: lines stripped, empty lines dropped, <unk> as [UNK], [SEP] after each line, no other special tokens'
    : `byte-level BPE tokens: lines joined by ${separator === EMPTY_LINE ? 'an empty line' : JSON.stringify(separator)}, encoded at once after the model's leading token (GPTQ protocol)`;
}
