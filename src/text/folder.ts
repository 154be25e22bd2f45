import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ZsaqError } from '../core/error';
import {
  addedToken, contentOf, flag, object, plainToken, ROLES, tokenId, vocabularyFrom, wrong,
  type AddedToken, type Definition, type Json, type Role,
} from './definition';
import { bertLayout, fromTokenizerJson, leadingLayout, robertaLayout, type Body } from './tokenizerJson';

/** The names that BERT's and RoBERTa's families give to special tokens where no file says otherwise. */
const USUAL: Record<Definition['model']['kind'], Partial<Record<Role, string>>> = {
  wordpiece: { cls: '[CLS]', sep: '[SEP]', pad: '[PAD]', unk: '[UNK]', mask: '[MASK]' },
  bpe: { bos: '<|endoftext|>', eos: '<|endoftext|>', unk: '<|endoftext|>' },
};
const USUAL_ROBERTA: Partial<Record<Role, string>> = { cls: '<s>', sep: '</s>', pad: '<pad>', unk: '<unk>', mask: '<mask>', bos: '<s>', eos: '</s>' };

/**
 * Reads `tokenizer.json`, or the older `vocab.txt` (WordPiece) or `vocab.json` with `merges.txt` (byte-level BPE).
 *
 * @throws ZsaqError 'missing' | 'format' | 'unsupported'
 */
export function readDefinition(folder: string): Definition {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) throw new ZsaqError('missing', `there is no folder ${folder}: give a folder with a Hugging Face tokenizer`);
  const has = (name: string) => existsSync(join(folder, name));
  const config = has('tokenizer_config.json') ? readJson(folder, 'tokenizer_config.json') : {};
  const named = { ...config, ...(has('special_tokens_map.json') ? readJson(folder, 'special_tokens_map.json') : {}) };
  if (has('tokenizer.json')) {
    const body = fromTokenizerJson(readJson(folder, 'tokenizer.json'), join(folder, 'tokenizer.json'));
    return { ...body, special: roles(body, named) };
  }
  if (has('vocab.txt')) return fromVocabTxt(folder, config, named);
  if (has('vocab.json') && has('merges.txt')) return fromMerges(folder, config, named);
  throw new ZsaqError('missing', `no tokenizer in ${folder}: it needs tokenizer.json, or vocab.txt, or vocab.json with merges.txt`);
}

function fromVocabTxt(folder: string, config: Json, named: Json): Definition {
  const where = join(folder, 'vocab.txt');
  // Python iterates over lines and strips each line feed only; a last empty line is no token.
  const lines = readText(where).split('\n').map((line) => line.replace(/\r$/, ''));
  if (lines[lines.length - 1] === '') lines.pop();
  const vocabulary = new Map(lines.map((token, id) => [token, id]));
  const lowercase = flag(config.do_lower_case, true, folder, 'do_lower_case');
  const body: Body = {
    where, vocabulary, added: extraTokens(folder, config), single: [], pair: [],
    model: {
      kind: 'wordpiece', unknown: contentOf(named.unk_token) ?? '[UNK]', prefix: '##', maxCharacters: 100, cleanup: true,
      normalization: {
        cleanText: true, chinese: flag(config.tokenize_chinese_chars, true, folder, 'tokenize_chinese_chars'),
        stripAccents: flag(config.strip_accents, lowercase, folder, 'strip_accents'), lowercase,
      },
    },
  };
  const special = roles(body, named);
  addSpecial(body, special);
  if (special.cls === undefined || special.sep === undefined) throw wrong(where, 'the vocabulary has no [CLS] or no [SEP]');
  return { ...body, ...bertLayout(special.cls, special.sep), special };
}

function fromMerges(folder: string, config: Json, named: Json): Definition {
  const where = join(folder, 'vocab.json');
  const vocabulary = vocabularyFrom(readJson(folder, 'vocab.json'), where);
  const file = join(folder, 'merges.txt');
  const merges = readText(file).split('\n').filter((line) => line !== '' && !line.startsWith('#version')).map((line, i) => {
    const parts = line.replace(/\r$/, '').split(' ');
    if (parts.length !== 2) throw wrong(file, `merge ${i + 1} must have two parts`);
    return [parts[0], parts[1]] as const;
  });
  const body: Body = {
    where, vocabulary, added: extraTokens(folder, config), single: [], pair: [],
    model: { kind: 'bpe', merges, addPrefixSpace: flag(config.add_prefix_space, false, folder, 'add_prefix_space'), ignoreMerges: false },
  };
  const special = roles(body, named);
  addSpecial(body, special);
  const roberta = /^Roberta/.test(String(config.tokenizer_class ?? '')) && special.cls !== undefined && special.sep !== undefined;
  const leads = flag(config.add_bos_token, false, folder, 'add_bos_token');
  return { ...body, ...(roberta ? robertaLayout(special.cls!, special.sep!) : leadingLayout(leads ? special.bos : undefined)), special };
}

/** Tokens beside the vocabulary: `added_tokens_decoder` of the configuration, or the older `added_tokens.json`. */
function extraTokens(folder: string, config: Json): AddedToken[] {
  const where = join(folder, 'tokenizer_config.json');
  if (config.added_tokens_decoder) {
    return Object.entries(object(config.added_tokens_decoder, where, 'added_tokens_decoder')).map(([id, t]) => addedToken(t, tokenId(Number(id), where, 'an added token'), where));
  }
  if (!existsSync(join(folder, 'added_tokens.json'))) return [];
  return [...vocabularyFrom(readJson(folder, 'added_tokens.json'), join(folder, 'added_tokens.json'))].map(([content, id]) => plainToken(content, id));
}

/** Which id plays which role: as the files say, else the usual name if the vocabulary has it. */
function roles(body: Body, named: Json): Partial<Record<Role, number>> {
  const ids = new Map([...body.vocabulary, ...body.added.map((t) => [t.content, t.id] as const)]);
  const usual = body.model.kind === 'bpe' && ids.has('<s>') && ids.has('</s>') ? USUAL_ROBERTA : USUAL[body.model.kind];
  const out: Partial<Record<Role, number>> = {};
  for (const role of ROLES) {
    const id = ids.get(contentOf(named[`${role}_token`]) ?? usual[role] ?? '');
    if (id !== undefined) out[role] = id;
  }
  return out;
}

/** The older files have no list of added tokens: transformers adds the special ones by role. */
function addSpecial(body: Body, special: Partial<Record<Role, number>>): void {
  const tokens = new Map([...body.vocabulary].map(([token, id]) => [id, token]));
  const known = new Set(body.added.map((t) => t.id));
  for (const id of new Set(Object.values(special))) {
    if (known.has(id)) continue;
    const token = plainToken(tokens.get(id)!, id);
    // A masked word replaces the word and the space before it.
    body.added.push(id === special.mask && body.model.kind === 'bpe' ? { ...token, lstrip: true } : token);
  }
}

/** Twice the largest tokenizer file that is known to us. */
const MAX_BYTES = 64 * 1024 * 1024;

function readText(path: string): string {
  try {
    if (statSync(path).size > MAX_BYTES) throw wrong(path, 'the file is too large for a tokenizer');
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof ZsaqError) throw error;
    throw new ZsaqError('disk', `cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? 'the system gave no reason'}`, { cause: error });
  }
}

function readJson(folder: string, name: string): Json {
  const path = join(folder, name);
  let value: unknown;
  try {
    value = JSON.parse(readText(path));
  } catch (error) {
    if (error instanceof ZsaqError) throw error;
    throw new ZsaqError('format', `${path} is not JSON: fetch the file again`, { cause: error });
  }
  return object(value, path, 'the file');
}
