import { ZsaqError } from '../core/error';
import { tokenStream } from '../text/stream';
import type { Tokenizer } from '../text/tokenizer';
import type { DataSource, RealData } from './method';

/** Real training text before it is tokenized: examples of one text or two, or lines of running text. */
export type RealText = { source: DataSource } & ({ examples: readonly { text: string; pair?: string }[] } | { lines: readonly string[] });

/** How byte-level text is joined: as in the file. WordPiece has its own separator token. */
const SEPARATOR = '\n';

/** Real text as a method reads it; examples become ids when their turn comes. @throws ZsaqError 'leak' for another split than a training one */
export function tokenized(text: RealText, tokenizer: Tokenizer): RealData {
  const { source } = text;
  if (!source.split.startsWith('train')) throw new ZsaqError('leak', `${source.set}: the ${source.split} split is for scoring: only a training split may be learned from`);
  if ('lines' in text) return { source, kind: 'stream', ids: Int32Array.from(tokenStream(text.lines, tokenizer, { separator: SEPARATOR })) };
  const { examples } = text;
  return { source, kind: 'examples', rows: examples.length, row: (i, length) => tokenizer.encodePair(examples[i].text, examples[i].pair, length) };
}
