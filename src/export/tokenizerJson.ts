import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ZsaqError } from '../core/error';
import { canonicalJson, readJson, writeWhole } from '../io/file';

/** Special tokens of a WordPiece vocabulary, by the key under which a folder names them. */
const SPECIAL = { pad_token: '[PAD]', unk_token: '[UNK]', cls_token: '[CLS]', sep_token: '[SEP]', mask_token: '[MASK]' } as const;

/**
 * transformers.js reads `tokenizer.json` only: a folder that has BERT's older `vocab.txt` gets one with the same rules.
 *
 * @throws ZsaqError 'unsupported' where there is neither
 */
export function completeTokenizer(dir: string): void {
  if (existsSync(join(dir, 'tokenizer.json'))) return;
  if (!existsSync(join(dir, 'vocab.txt'))) throw new ZsaqError('unsupported', `transformers.js needs tokenizer.json, and the model's folder has none: convert the tokenizer with transformers first (save_pretrained of a fast tokenizer)`);
  const config = (existsSync(join(dir, 'tokenizer_config.json')) ? readJson(join(dir, 'tokenizer_config.json')) : {}) as Record<string, unknown>;
  const tokens = readFileSync(join(dir, 'vocab.txt'), 'utf8').split('\n').map((line) => line.replace(/\r$/, ''));
  if (tokens.at(-1) === '') tokens.pop();
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const map = (existsSync(join(dir, 'special_tokens_map.json')) ? readJson(join(dir, 'special_tokens_map.json')) : {}) as Record<string, unknown>;
  const contentOf = (of: unknown): string | undefined => (typeof of === 'string' ? of : (of as { content?: string } | undefined)?.content);
  const name = (key: keyof typeof SPECIAL): string => contentOf(config[key]) ?? contentOf(map[key]) ?? SPECIAL[key];
  const beyond = existsSync(join(dir, 'added_tokens.json')) || Object.values((config.added_tokens_decoder ?? {}) as Record<string, unknown>).some((of) => !Object.hasOwn(vocab, contentOf(of) ?? '')), lacking = (['cls_token', 'sep_token'] as const).find((key) => !Object.hasOwn(vocab, name(key)));
  if (beyond || lacking) throw new ZsaqError('unsupported', `${beyond ? 'tokens were added beyond vocab.txt' : `vocab.txt has no ${name(lacking!)}`}, and the model's folder has no tokenizer.json for transformers.js: convert the tokenizer with transformers first (save_pretrained of a fast tokenizer)`);
  const added = (Object.keys(SPECIAL) as (keyof typeof SPECIAL)[]).map(name).filter((content) => Object.hasOwn(vocab, content));
  const token = (content: string) => ({ [content]: { id: content, ids: [vocab[content]], tokens: [content] } }), piece = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } });
  const text = (id: string, type: number) => ({ Sequence: { id, type_id: type } }), cls = name('cls_token'), sep = name('sep_token'), lowercase = config.do_lower_case !== false;
  writeWhole(join(dir, 'tokenizer.json'), `${canonicalJson({
    version: '1.0', truncation: null, padding: null,
    added_tokens: added.map((content) => ({ id: vocab[content], content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })).sort((a, b) => a.id - b.id),
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: config.tokenize_chinese_chars !== false, strip_accents: config.strip_accents ?? null, lowercase },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing', single: [piece(cls, 0), text('A', 0), piece(sep, 0)], pair: [piece(cls, 0), text('A', 0), piece(sep, 0), text('B', 1), piece(sep, 1)],
      special_tokens: { ...token(cls), ...token(sep) },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: { type: 'WordPiece', unk_token: name('unk_token'), continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab },
  }, 1)}\n`);
}
