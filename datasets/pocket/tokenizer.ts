import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../src/index';
import { allForms, punctuationMarks } from './lexicon/index';

const special = { pad_token: '[PAD]', unk_token: '[UNK]', cls_token: '[CLS]', sep_token: '[SEP]', mask_token: '[MASK]' } as const;

/** The vocabulary in the order of `vocab.txt`: special tokens, marks, then every word form of the lexicon, one token each. */
export function pocketVocabulary(): string[] {
  return [...Object.values(special), ...punctuationMarks, ...allForms()];
}

/** The tokenizer files of a Hugging Face folder by name: BERT's, lower-case, one token for each word and mark. */
export function tokenizerFiles(): Readonly<Record<string, string>> {
  const json = (value: object): string => JSON.stringify(value, null, 2) + '\n';
  return {
    'vocab.txt': pocketVocabulary().join('\n') + '\n',
    'special_tokens_map.json': json(special),
    'tokenizer_config.json': json({
      ...special, do_lower_case: true, model_max_length: 128, strip_accents: null, tokenize_chinese_chars: true, tokenizer_class: 'BertTokenizer',
    }),
  };
}

/** Writes the pocket tokenizer into a folder, which is made if it is missing. @throws ZsaqError 'disk' */
export function writePocketTokenizer(dir: string): void {
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(tokenizerFiles())) writeWhole(join(dir, name), text);
}
