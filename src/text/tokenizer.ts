import { ZsaqError } from '../core/error';
import { splitter } from './addedTokens';
import { ByteLevelBpe } from './byteLevelBpe';
import { wrong, type Definition, type Role, type Slot } from './definition';
import { readDefinition } from './folder';
import { WordPiece } from './wordPiece';

/** Text to token ids and back, as Python's `tokenizers` does it. */
export interface Tokenizer {
  readonly kind: 'wordpiece' | 'bpe';
  /** highest id + 1 */
  readonly vocabSize: number;
  readonly special: Readonly<Partial<Record<Role, number>>>;
  readonly specialIds: ReadonlySet<number>;
  /** Ids without special tokens; those that stand in the text (`[MASK]`) are found. */
  encode(text: string): number[];
  /** `[CLS] a [SEP] b [SEP]` (or what the model's family has in its place), at most `maxLength` ids, the longer text cut first. */
  encodePair(a: string, b: string | undefined, maxLength: number): { ids: number[]; typeIds: number[] };
  /** Text of ids, special tokens included. */
  decode(ids: ArrayLike<number>): string;
  /** @throws ZsaqError 'range' for ids outside the vocabulary */
  idToToken(id: number): string;
  tokenToId(token: string): number | undefined;
}

/**
 * The tokenizer of a Hugging Face folder: `tokenizer.json`, or `vocab.txt` (WordPiece), or `vocab.json` with `merges.txt`
 * (byte-level BPE: GPT-2, OPT, RoBERTa).
 *
 * Written here because `@huggingface/tokenizers` 0.2.0 differs from Python on a third of our hard WordPiece lines (final sigma,
 * marks, CJK beside symbols, private use) and on one in a hundred of the BPE lines; this one is equal on all. One exception:
 * a lone surrogate, which Python's strings cannot pass to the library, counts as U+FFFD.
 *
 * @throws ZsaqError 'missing' (folder, files) | 'format' (damaged) | 'unsupported' (another kind of tokenizer)
 * @example loadTokenizer(dir).encodePair('A man sleeps.', 'He is awake.', 128).ids
 */
export function loadTokenizer(folder: string): Tokenizer { return makeTokenizer(readDefinition(folder)); }

/** A tokenizer from a definition that is already read. */
export function makeTokenizer(definition: Definition): Tokenizer {
  const { model, vocabulary, added, where, special } = definition;
  const pieces = model.kind === 'wordpiece' ? new WordPiece(vocabulary, model, where) : new ByteLevelBpe(vocabulary, model, (what) => wrong(where, what));
  const tokens = new Map<number, string>(), ids = new Map(vocabulary);
  for (const [token, id] of vocabulary) tokens.set(id, token);
  for (const t of added) { tokens.set(t.id, t.content); ids.set(t.content, t.id); }
  let vocabSize = 0;
  for (const id of tokens.keys()) vocabSize = Math.max(vocabSize, id + 1);
  const splitRaw = splitter(added.filter((t) => !t.normalized));
  const splitNormalized = splitter(added.filter((t) => t.normalized).map((t) => ({ ...t, content: pieces.normalize(t.content) })).filter((t) => t.content));

  const encode = (text: string): number[] => {
    const out: number[] = [];
    for (const raw of splitRaw(text)) {
      if (typeof raw === 'number') out.push(raw);
      else for (const part of splitNormalized(pieces.normalize(raw))) typeof part === 'number' ? out.push(part) : pieces.encodeInto(part, out);
    }
    return out;
  };
  const idToToken = (id: number): string => {
    const token = tokens.get(id);
    if (token === undefined) throw new ZsaqError('range', `token id ${id} is not in the vocabulary of ${vocabSize}: check that the ids belong to this tokenizer`);
    return token;
  };
  return {
    kind: model.kind, vocabSize, special, encode, idToToken,
    specialIds: new Set([...added.filter((t) => t.special).map((t) => t.id), ...Object.values(special)]),
    encodePair: (a, b, maxLength) => assemble(definition, encode(a), b === undefined ? undefined : encode(b), maxLength),
    decode: (list) => pieces.decode(Array.from(list, idToToken)),
    tokenToId: (token) => ids.get(token),
  };
}

function assemble(definition: Definition, a: number[], b: number[] | undefined, maxLength: number): { ids: number[]; typeIds: number[] } {
  const slots: Slot[] = b ? definition.pair : definition.single;
  const room = maxLength - slots.filter((s) => s.id !== undefined).length;
  if (!Number.isInteger(maxLength) || room < 0) throw new ZsaqError('range', `a maximal length of ${maxLength} leaves no room for the special tokens: give at least ${maxLength - room}`);
  const [roomA, roomB] = longestFirst(a.length, b?.length ?? 0, room);
  const ids: number[] = [], typeIds: number[] = [];
  for (const slot of slots) {
    const part = slot.id !== undefined ? [slot.id] : slot.text === 'a' ? a.slice(0, roomA) : (b ?? []).slice(0, roomB);
    for (const id of part) { ids.push(id); typeIds.push(slot.type); }
  }
  return { ids, typeIds };
}

/**
 * How much stays of two texts of n and m tokens: only the longer is cut while that is enough; then both to half the room,
 * the odd token to the longer (to the second where they are equal).
 *
 * @example longestFirst(10, 3, 8) // [5, 3]
 */
export function longestFirst(n: number, m: number, room: number): [number, number] {
  if (n + m <= room) return [n, m];
  const swapped = n > m, short = Math.min(n, m);
  let first = short, second = short > room ? short : Math.max(short, room - short);
  if (first + second > room) {
    first = Math.floor(room / 2);
    second = first + room % 2;
  }
  return swapped ? [second, first] : [first, second];
}
