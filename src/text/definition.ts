import { shown, ZsaqError } from '../core/error';

/** A token that is found in the raw text before anything else is done, as Hugging Face defines it. */
export interface AddedToken {
  id: number;
  content: string;
  special: boolean;
  /** only where no word character stands beside it */
  singleWord: boolean;
  /** takes the white space on its left (`lstrip`) or right (`rstrip`) */
  lstrip: boolean;
  rstrip: boolean;
  /** looked for in the normalized text instead of the raw one */
  normalized: boolean;
}

/** One place of `[CLS] a [SEP] b [SEP]`: a special token or a text, with its segment. */
export interface Slot { id?: number; text?: 'a' | 'b'; type: number }

/** What `BertNormalizer` does, step by step. */
export interface Normalization { cleanText: boolean; chinese: boolean; stripAccents: boolean; lowercase: boolean }

export interface WordPieceDefinition {
  kind: 'wordpiece';
  normalization: Normalization;
  unknown: string;
  prefix: string;
  maxCharacters: number;
  cleanup: boolean;
}

export interface BpeDefinition {
  kind: 'bpe';
  merges: readonly (readonly [string, string])[];
  addPrefixSpace: boolean;
  ignoreMerges: boolean;
  unknown?: string;
}

export const ROLES = ['cls', 'sep', 'pad', 'unk', 'mask', 'bos', 'eos'] as const;
/** Special tokens by what they are for. */
export type Role = typeof ROLES[number];

/** Everything that a folder says about its tokenizer, checked. */
export interface Definition {
  where: string;
  vocabulary: ReadonlyMap<string, number>;
  added: AddedToken[];
  model: WordPieceDefinition | BpeDefinition;
  single: Slot[];
  pair: Slot[];
  special: Partial<Record<Role, number>>;
}

export type Json = Readonly<Record<string, unknown>>;

/** An object of a tokenizer file. @throws ZsaqError 'format' */
export function object(value: unknown, where: string, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(where, `${what} must be an object`);
  return value as Json;
}

export function list(value: unknown, where: string, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(where, `${what} must be a list`);
  return value;
}

export function string(value: unknown, where: string, what: string): string {
  if (typeof value !== 'string') throw wrong(where, `${what} must be a string`);
  return value;
}

export function flag(value: unknown, fallback: boolean, where: string, what: string): boolean {
  if (value === undefined || value === null) return fallback;
  if (typeof value !== 'boolean') throw wrong(where, `${what} must be true or false`);
  return value;
}

/** Token ids beyond this belong to no vocabulary in use; a damaged file must not make us allocate for them. */
const MAX_ID = 10_000_000;

export function tokenId(value: unknown, where: string, what: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > MAX_ID) throw wrong(where, `the id of ${what} must be a whole number from 0 on`);
  return value;
}

export function wrong(where: string, what: string): ZsaqError {
  return new ZsaqError('format', `${where}: ${what}; fetch the file again or check who wrote it`);
}

export function unsupported(where: string, what: string): ZsaqError {
  return new ZsaqError('unsupported', `${where}: ${what}; supported are BERT's WordPiece and byte-level BPE (GPT-2, OPT, RoBERTa)`);
}

/** Token to id from a JSON object. */
export function vocabularyFrom(value: unknown, where: string): Map<string, number> {
  const out = new Map<string, number>();
  for (const [token, id] of Object.entries(object(value, where, 'the vocabulary'))) out.set(token, tokenId(id, where, shown(token)));
  if (!out.size) throw wrong(where, 'the vocabulary is empty');
  return out;
}

/** The content of a special token, which files write as a string or as `{ content, lstrip, ... }`. */
export function contentOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const content = typeof value === 'object' && value !== null ? (value as Json).content : undefined;
  return typeof content === 'string' ? content : undefined;
}

/** An added token from its JSON object. */
export function addedToken(value: unknown, id: number, where: string): AddedToken {
  const o = object(value, where, `added token ${id}`);
  const content = string(o.content, where, `content of added token ${id}`);
  if (!content) throw wrong(where, `added token ${id} is empty`);
  const special = flag(o.special, false, where, 'special');
  return {
    id, content, special,
    singleWord: flag(o.single_word, false, where, 'single_word'),
    lstrip: flag(o.lstrip, false, where, 'lstrip'),
    rstrip: flag(o.rstrip, false, where, 'rstrip'),
    normalized: flag(o.normalized, !special, where, 'normalized'),
  };
}

/** An added token with nothing special about its surroundings, as transformers adds `[CLS]` or `</s>`. */
export function plainToken(content: string, id: number): AddedToken {
  return { id, content, special: true, singleWord: false, lstrip: false, rstrip: false, normalized: false };
}
