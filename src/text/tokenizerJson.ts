import { shown } from '../core/error';
import {
  addedToken, flag, list, object, string, tokenId, unsupported, vocabularyFrom, wrong,
  type BpeDefinition, type Definition, type Json, type Slot, type WordPieceDefinition,
} from './definition';

/** A definition but for the roles of its special tokens, which stand in other files. */
export type Body = Omit<Definition, 'special'>;

/**
 * Reads the content of a `tokenizer.json`. Its `truncation` and `padding` are left alone: lengths are the caller's.
 *
 * @throws ZsaqError 'format' for damaged files, 'unsupported' for other kinds of tokenizers
 */
export function fromTokenizerJson(value: unknown, where: string): Body {
  const root = object(value, where, 'the file');
  const model = object(root.model, where, 'model');
  const vocabulary = vocabularyFrom(model.vocab, where);
  const added = list(root.added_tokens ?? [], where, 'added_tokens')
    .map((t) => addedToken(t, tokenId(object(t, where, 'an added token').id, where, 'an added token'), where));
  const ids = new Map([...vocabulary, ...added.map((t) => [t.content, t.id] as const)]);
  const kind = model.type ?? (model.merges ? 'BPE' : 'WordPiece');
  if (kind !== 'WordPiece' && kind !== 'BPE') throw unsupported(where, `the model type is ${shown(kind)}`);
  const definition = kind === 'WordPiece' ? wordPiece(root, model, where) : bpe(root, model, where);
  return { where, vocabulary, added, model: definition, ...layout(root.post_processor, ids, where) };
}

function wordPiece(root: Json, model: Json, where: string): WordPieceDefinition {
  const n = object(root.normalizer ?? {}, where, 'normalizer');
  if (n.type !== 'BertNormalizer') throw unsupported(where, `the normalizer of the WordPiece model is ${shown(n.type ?? null)}`);
  const p = object(root.pre_tokenizer ?? {}, where, 'pre_tokenizer');
  if (p.type !== 'BertPreTokenizer') throw unsupported(where, `the pre-tokenizer of the WordPiece model is ${shown(p.type ?? null)}`);
  const lowercase = flag(n.lowercase, true, where, 'lowercase');
  const decoder = object(root.decoder ?? {}, where, 'decoder');
  const maxCharacters = model.max_input_chars_per_word ?? 100;
  if (typeof maxCharacters !== 'number' || !(maxCharacters >= 1)) throw wrong(where, 'max_input_chars_per_word must be at least 1');
  return {
    kind: 'wordpiece',
    normalization: {
      cleanText: flag(n.clean_text, true, where, 'clean_text'), chinese: flag(n.handle_chinese_chars, true, where, 'handle_chinese_chars'),
      stripAccents: flag(n.strip_accents, lowercase, where, 'strip_accents'), lowercase,
    },
    unknown: string(model.unk_token ?? '[UNK]', where, 'unk_token'),
    prefix: string(model.continuing_subword_prefix ?? '##', where, 'continuing_subword_prefix'),
    maxCharacters, cleanup: flag(decoder.cleanup, true, where, 'cleanup'),
  };
}

function bpe(root: Json, model: Json, where: string): BpeDefinition {
  const p = object(root.pre_tokenizer ?? {}, where, 'pre_tokenizer');
  if (p.type !== 'ByteLevel' || flag(p.use_regex, true, where, 'use_regex') === false) {
    throw unsupported(where, `the pre-tokenizer of the BPE model is ${shown(p.type ?? null)}${p.use_regex === false ? ' without its expression' : ''}`);
  }
  if (root.normalizer) throw unsupported(where, 'the BPE model has a normalizer');
  for (const option of ['dropout', 'continuing_subword_prefix', 'end_of_word_suffix', 'fuse_unk', 'byte_fallback']) {
    if (model[option]) throw unsupported(where, `the BPE model sets ${option}`);
  }
  const merges = list(model.merges, where, 'merges').map((entry, i) => {
    const parts = typeof entry === 'string' ? entry.split(' ') : list(entry, where, `merge ${i}`);
    if (parts.length !== 2) throw wrong(where, `merge ${i} must have two parts`);
    return [string(parts[0], where, `merge ${i}`), string(parts[1], where, `merge ${i}`)] as const;
  });
  return {
    kind: 'bpe', merges, addPrefixSpace: flag(p.add_prefix_space, true, where, 'add_prefix_space'),
    ignoreMerges: flag(model.ignore_merges, false, where, 'ignore_merges'),
    unknown: model.unk_token ? string(model.unk_token, where, 'unk_token') : undefined,
  };
}

const PLAIN = { single: [{ text: 'a', type: 0 }] as Slot[], pair: [{ text: 'a', type: 0 }, { text: 'b', type: 0 }] as Slot[] };

/** Where the special tokens stand, from the post-processor. */
function layout(value: unknown, ids: ReadonlyMap<string, number>, where: string): { single: Slot[]; pair: Slot[] } {
  if (value === undefined || value === null) return PLAIN;
  const p = object(value, where, 'post_processor');
  switch (p.type) {
    case 'TemplateProcessing': return { single: template(p.single, ids, where), pair: template(p.pair, ids, where) };
    case 'BertProcessing': case 'RobertaProcessing': {
      const end = (v: unknown, what: string) => tokenId(list(v, where, what)[1], where, what);
      return p.type === 'BertProcessing' ? bertLayout(end(p.cls, 'cls'), end(p.sep, 'sep')) : robertaLayout(end(p.cls, 'cls'), end(p.sep, 'sep'));
    }
    case 'ByteLevel': return PLAIN;
    case 'Sequence': {
      const steps = list(p.processors, where, 'processors').filter((s) => object(s, where, 'a processor').type !== 'ByteLevel');
      if (steps.length > 1) throw unsupported(where, 'the post-processor chains several templates');
      return layout(steps[0], ids, where);
    }
    default: throw unsupported(where, `the post-processor is ${shown(p.type)}`);
  }
}

function template(value: unknown, ids: ReadonlyMap<string, number>, where: string): Slot[] {
  return list(value, where, 'the template').map((entry) => {
    const o = object(entry, where, 'a place of the template');
    const place = object(o.Sequence ?? o.SpecialToken, where, 'a place of the template');
    const type = tokenId(place.type_id ?? 0, where, 'a segment');
    if (o.Sequence) return { text: place.id === 'B' ? 'b' : 'a', type } as Slot;
    const id = ids.get(string(place.id, where, 'a special token of the template'));
    if (id === undefined) throw wrong(where, `the template names ${shown(place.id)}, which is not in the vocabulary`);
    return { id, type };
  });
}

/** `[CLS] a [SEP]` and `[CLS] a [SEP] b [SEP]`, b in segment 1. */
export function bertLayout(cls: number, sep: number): { single: Slot[]; pair: Slot[] } {
  const single: Slot[] = [{ id: cls, type: 0 }, { text: 'a', type: 0 }, { id: sep, type: 0 }];
  return { single, pair: [...single, { text: 'b', type: 1 }, { id: sep, type: 1 }] };
}

/** `<s> a </s>` and `<s> a </s></s> b </s>`, all in segment 0. */
export function robertaLayout(cls: number, sep: number): { single: Slot[]; pair: Slot[] } {
  const single: Slot[] = [{ id: cls, type: 0 }, { text: 'a', type: 0 }, { id: sep, type: 0 }];
  return { single, pair: [...single, { id: sep, type: 0 }, { text: 'b', type: 0 }, { id: sep, type: 0 }] };
}

/** `</s> a` and `</s> a </s> b`: OPT puts its token before each text and nothing after it; without `bos` the texts alone. */
export function leadingLayout(bos: number | undefined): { single: Slot[]; pair: Slot[] } {
  if (bos === undefined) return PLAIN;
  const single: Slot[] = [{ id: bos, type: 0 }, { text: 'a', type: 0 }];
  return { single, pair: [...single, { id: bos, type: 1 }, { text: 'b', type: 1 }] };
}
