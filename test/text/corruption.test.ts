import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ZsaqError } from '../../src/core/error';
import { Stream } from '../../src/core/random';
import { loadTokenizer } from '../../src/text/tokenizer';
import { damage, damageJson, put } from '../io/damage';
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

const FOLDERS: Readonly<Record<string, Folder>> = {
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
const RUNS = 500, TEXTS = ['Hello, the world! é 中 😀', '', 'the <mask> [SEP] ##a \u0000'], SLACK = 16 * 2 ** 20;

describe('tokenizers from damaged files', () => {
  let dir = '';
  beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'zsaq-wounds-')); });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('are wounded 7000 times', () => assert.equal(Object.values(FOLDERS).reduce((n, files) => n + Object.keys(files).length, 0) * RUNS, 7000));

  for (const [name, files] of Object.entries(FOLDERS)) {
    it(`${name}: each of ${Object.keys(files).join(', ')} is refused in one sentence or read, within twice its memory`, function () {
      this.timeout(60_000);
      for (const [file, text] of Object.entries(files)) put(join(dir, file), Buffer.from(text));
      loadTokenizer(dir);
      const total = Object.values(files).reduce((n, text) => n + text.length, 0);
      for (const [file, text] of Object.entries(files)) {
        const seen = { refused: 0, accepted: 0 };
        for (let run = 0; run < RUNS; run++) {
          const random = new Stream(`${name} ${file}`, run), seed = `seed "${name} ${file}" ${run}`;
          const bytes = run % 2 && file.endsWith('.json') ? Buffer.from(damageJson(text, random)) : damage(Buffer.from(text), random);
          put(join(dir, file), bytes);
          const before = process.memoryUsage();
          try {
            const tokenizer = loadTokenizer(dir);
            for (const one of TEXTS) tokenizer.decode(tokenizer.encodePair(one, TEXTS[0], 16).ids);
            seen.accepted++;
          } catch (error) {
            assert(error instanceof ZsaqError, `${seed}: ${error instanceof Error ? error.stack : String(error)}`);
            assert(!error.message.includes('\n') && error.message.length < 1500, `${seed}: ${error.message}`);
            seen.refused++;
          }
          const after = process.memoryUsage(), taken = after.arrayBuffers - before.arrayBuffers + Math.max(0, after.heapUsed - before.heapUsed);
          assert(taken <= 2 * (total + bytes.length) + SLACK, `${seed}: took ${taken} bytes for files of ${total}`);
        }
        put(join(dir, file), Buffer.from(text));
        assert(seen.refused + seen.accepted === RUNS && seen.accepted > 0 && (seen.refused > 0 || file === 'vocab.txt'), `${name} ${file}: ${json(seen)}`);
      }
    });
  }
});
