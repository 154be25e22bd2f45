// Whole tokenizers of a few words, file by file: a wound in them hits something that matters.
import { hard } from './synthetic';

type Folder = Readonly<Record<string, string>>;

/** A few words over the bytes or letters of a real tokenizer, so that a wound hits something that matters. */
const BYTES = ['a', 'b', 'c', 'd', 'e', 'h', 'l', 'o', 't', 'Ġ', ',', '!', '1', 'Ã', '©', 'ð', 'Ł'];
const BPE_VOCABULARY = Object.fromEntries(['<s>', '<pad>', '</s>', '<unk>', '<mask>', ...BYTES, 'th', 'the', 'Ġthe', 'he', 'll', 'lo', 'Ġt', 'Ã©'].map((token, id) => [token, id]));
const MERGES = ['t h', 'th e', 'h e', 'l l', 'l o', 'Ġ t', 'Ġt he', 'Ã ©'];
const WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'the', 'hello', 'world', 'a', 'b', 'c', 'e', 'h', 'l', 'o', 't', '!', ',', '1', '##a', '##b', '##e', '##l', '##lo', '##o', '##s', '中', 'é'];

const json = (value: unknown): string => JSON.stringify(value);
const special = json({ cls_token: '[CLS]', sep_token: { content: '[SEP]', lstrip: false }, pad_token: '[PAD]', unk_token: '[UNK]', mask_token: '[MASK]' });

/** The tokenizer of a set of hard.json with only a small vocabulary. */
function small(set: number, vocab: Record<string, number>, more: object = {}): string {
  const whole = hard.sets[set].tokenizer as { model: object };
  return json({ ...whole, model: { ...whole.model, vocab, ...more } });
}

export const FOLDERS: Readonly<Record<string, Folder>> = {
  'WordPiece, tokenizer.json': {
    'tokenizer.json': small(0, Object.fromEntries(WORDS.map((w, i) => [w, i]))), 'tokenizer_config.json': json({ do_lower_case: true, tokenizer_class: 'BertTokenizer', model_max_length: 512 }),
    'special_tokens_map.json': special,
  },
  'byte-level BPE, tokenizer.json': {
    'tokenizer.json': small(2, BPE_VOCABULARY, { merges: MERGES }), 'tokenizer_config.json': json({ add_prefix_space: false, bos_token: '</s>', unk_token: '</s>' }),
    'special_tokens_map.json': json({ eos_token: '</s>', bos_token: { content: '<s>' } }),
  },
  'WordPiece, vocab.txt': {
    'vocab.txt': `${WORDS.join('\n')}\n`, 'special_tokens_map.json': special,
    'tokenizer_config.json': json({ do_lower_case: true, strip_accents: null, tokenize_chinese_chars: true, added_tokens_decoder: { 0: { content: '[PAD]', special: true }, 4: { content: '[MASK]', lstrip: true } } }),
  },
  'byte-level BPE, vocab.json and merges.txt': {
    'vocab.json': json(BPE_VOCABULARY), 'merges.txt': `#version: 0.2\n${MERGES.join('\n')}\n`, 'special_tokens_map.json': json({ mask_token: { content: '<mask>', lstrip: true } }),
    'tokenizer_config.json': json({ tokenizer_class: 'RobertaTokenizer', add_prefix_space: false }), 'added_tokens.json': json({ '<extra>': 40 }),
  },
};
