import type { AddedToken } from './definition';

/** A stretch of text, or the id of an added token found in it. */
export type Segment = string | number;

const SPACE = /^\p{White_Space}$/u;
const WORD = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;

/**
 * A function that cuts texts at added tokens: leftmost first, the longest where several start together, as Rust's
 * `AddedVocabulary` does; `undefined` tokens cut nothing.
 *
 * @example splitter([{ id: 102, content: '[SEP]', special: true, singleWord: false, lstrip: false, rstrip: false, normalized: false }])('a [SEP]') // ['a ', 102]
 */
export function splitter(tokens: readonly AddedToken[]): (text: string) => Segment[] {
  if (!tokens.length) return (text) => (text ? [text] : []);
  const byContent = new Map(tokens.map((t) => [t.content, t]));
  const pattern = new RegExp([...byContent.keys()].sort((a, b) => b.length - a.length).map(escape).join('|'), 'gu');
  return (text) => split(text, pattern, byContent);
}

function split(text: string, pattern: RegExp, byContent: ReadonlyMap<string, AddedToken>): Segment[] {
  const out: Segment[] = [];
  let done = 0;
  for (const match of text.matchAll(pattern)) {
    const token = byContent.get(match[0])!;
    let start = match.index!, stop = start + match[0].length;
    if (token.singleWord && (isWord(text, start, -1) || isWord(text, stop, 0))) continue;
    if (token.lstrip) while (start > done && SPACE.test(text[start - 1])) start--;
    if (token.rstrip) while (stop < text.length && SPACE.test(text[stop])) stop++;
    if (done < start) out.push(text.slice(done, start));
    out.push(token.id);
    done = stop;
  }
  if (done < text.length) out.push(text.slice(done));
  return out;
}

/** Whether a word character stands right before (`side` -1) or at (`side` 0) a place. */
function isWord(text: string, place: number, side: -1 | 0): boolean {
  const around = side === 0 ? String.fromCodePoint(text.codePointAt(place) ?? 32) : ([...text.slice(Math.max(0, place - 2), place)].pop() ?? ' ');
  return WORD.test(around);
}

function escape(text: string): string { return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'); }
