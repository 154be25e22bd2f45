import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { ZsaqError } from '../../src/core/error';
import { loadTokenizer, longestFirst, type Tokenizer } from '../../src/text/tokenizer';
import { digest, FIXTURES, hard, synthetic, tokenizerOf } from './synthetic';

const lines = [...synthetic(11, 300), ...hard.extremes];

describe('tokenizer against Python tokenizers', () => {
  it('draws the lines that Python drew', () => {
    assert.equal(createHash('sha256').update(lines.join('\n')).digest('hex'), hard.lines);
  });

  for (const set of hard.sets) {
    describe(set.name, () => {
      const tokenizer = tokenizerOf(set);
      it('gives the same ids for hard synthetic lines', () => {
        lines.forEach((line, i) => assert.deepEqual(tokenizer.encode(line), set.ids[i], JSON.stringify(line)));
      });
      it('gives the same ids for lines of 100,000 characters, each in seconds', () => {
        hard.long.forEach(([piece, times], i) => {
          const started = Date.now();
          assert.equal(digest([tokenizer.encode(piece.repeat(times))]), set.long[i], `${piece} x ${times}`);
          assert.ok(Date.now() - started < 5000, `${piece} x ${times} took ${Date.now() - started} ms`);
        });
      });
      it('places special tokens and cuts pairs alike', () => {
        for (const c of set.pairs) {
          const got = tokenizer.encodePair(lines[c.line], c.pair ? lines[c.line + 1] : undefined, c.length);
          assert.deepEqual(got, { ids: c.ids, typeIds: c.types }, JSON.stringify([c.line, c.pair, c.length]));
        }
      });
      it('decodes alike', () => {
        set.decoded.forEach((text, i) => assert.equal(tokenizer.decode(set.ids[i].slice(0, 40)), text));
      });
    });
  }
});

describe('added tokens', () => {
  it('are found as Python finds them: white space taken along, whole words only, in the normalized text, the longest first', () => {
    const tokenizer = tokenizerOf(hard.added);
    hard.added.lines.forEach((line, i) => assert.deepEqual(tokenizer.encode(line), hard.added.ids[i], JSON.stringify(line)));
  });
});

describe('byte-level BPE merges', () => {
  it('drops a proposed merge whose right side has since become part of another', () => {
    const tokens = ['a', 'b', 'c', 'd', 'e', 'bc', 'ab', 'de', 'bcde', 'abc'];
    const tokenizer = tokenizerOf({ tokenizer: {
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
      model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((t, i) => [t, i])), merges: ['b c', 'a b', 'd e', 'bc de', 'a bc'] },
    } });
    assert.deepEqual(tokenizer.encode('abcde').map(tokenizer.idToToken), ['a', 'bcde']);
    assert.deepEqual(tokenizer.encode('abcab').map(tokenizer.idToToken), ['abc', 'ab']);
  });
});

describe('tokenizer on real text', () => {
  const data = process.env.ZSAQ_DATA, models = process.env.ZSAQ_MODELS;
  const made = JSON.parse(readFileSync(join(FIXTURES, 'hashes.json'), 'utf8')) as { files: Record<string, { lines: number; wordpiece: Sum; bpe: Sum }> };
  interface Sum { tokens: number; sha256: string }

  it('gives the ids of Python for 27,000 lines of GLUE, WikiText, PTB and synthetic Unicode, without exception', function () {
    if (!data || !models) { console.log('      skipped: set ZSAQ_DATA and ZSAQ_MODELS'); this.skip(); }
    this.timeout(120_000);
    const tokenizers = { wordpiece: loadTokenizer(join(models, 'all-MiniLM-L6-v2')), bpe: loadTokenizer(join(models, 'gpt2-tokenizer')) };
    for (const [name, expected] of Object.entries(made.files)) {
      const text: string[] = name === 'synthetic' ? [...synthetic(12, 4000), ...hard.extremes] : readFileSync(join(data, name), 'utf8').split('\n');
      assert.equal(text.length, expected.lines, name);
      for (const kind of ['wordpiece', 'bpe'] as const) {
        const rows = text.map((line) => tokenizers[kind].encode(line));
        assert.deepEqual({ tokens: rows.reduce((n, r) => n + r.length, 0), sha256: digest(rows) }, expected[kind], `${name} ${kind}`);
      }
    }
  });

  it('reads vocab.txt and tokenizer.json of a folder alike', function () {
    if (!models) { console.log('      skipped: set ZSAQ_MODELS'); this.skip(); }
    const folder = join(models, 'all-MiniLM-L6-v2');
    inFolder((dir) => {
      writeFileSync(join(dir, 'vocab.txt'), readFileSync(join(folder, 'vocab.txt')));
      writeFileSync(join(dir, 'tokenizer_config.json'), readFileSync(join(folder, 'tokenizer_config.json')));
      const older = loadTokenizer(dir), newer = loadTokenizer(folder);
      assert.equal(older.vocabSize, 30522);
      assert.deepEqual(older.special, newer.special);
      for (const line of lines) assert.deepEqual(older.encodePair(line, 'b', 64), newer.encodePair(line, 'b', 64));
    });
  });
});

describe('tokenizer folders', () => {
  it('adds OPT\'s leading </s>, RoBERTa\'s <s> ... </s> and nothing for GPT-2', () => {
    inFolder((dir) => {
      const bytes = Object.keys((hard.sets[2].tokenizer as { model: { vocab: object } }).model.vocab).filter((t) => [...t].length === 1);
      const tokens = ['<s>', '<pad>', '</s>', '<unk>', '<mask>', ...bytes, 'ab'];
      writeFileSync(join(dir, 'vocab.json'), JSON.stringify(Object.fromEntries(tokens.map((t, i) => [t, i]))));
      writeFileSync(join(dir, 'merges.txt'), '#version: 0.2\na b\n');
      const config = (value: object) => writeFileSync(join(dir, 'tokenizer_config.json'), JSON.stringify(value));
      const ab = tokens.length - 1;
      config({ tokenizer_class: 'GPT2Tokenizer', add_bos_token: true, bos_token: '</s>', eos_token: { content: '</s>' }, unk_token: '</s>' });
      assert.deepEqual(loadTokenizer(dir).encodePair('ab', undefined, 8), { ids: [2, ab], typeIds: [0, 0] });
      assert.deepEqual(loadTokenizer(dir).encodePair('ab', 'ab', 8), { ids: [2, ab, 2, ab], typeIds: [0, 0, 1, 1] });
      assert.equal(loadTokenizer(dir).special.bos, 2);
      config({ tokenizer_class: 'RobertaTokenizer' });
      assert.deepEqual(loadTokenizer(dir).encodePair('ab', 'ab', 8).ids, [0, ab, 2, 2, ab, 2]);
      assert.deepEqual(loadTokenizer(dir).encode('ab <mask>'), [ab, 4]);
      config({ tokenizer_class: 'GPT2Tokenizer' });
      assert.deepEqual(loadTokenizer(dir).encodePair('ab', undefined, 8).ids, [ab]);
    });
  });

  it('refuses what it cannot read in one clear sentence', () => {
    const good = hard.sets[0].tokenizer as Record<string, any>;
    const cases: [string, unknown, RegExp][] = [
      ['unsupported', { ...good, model: { type: 'Unigram', vocab: { a: 0 } } }, /Unigram/],
      ['unsupported', { ...good, normalizer: { type: 'NFKC' } }, /NFKC/],
      ['unsupported', { ...good, pre_tokenizer: { type: 'Metaspace' } }, /Metaspace/],
      ['format', { ...good, model: { ...good.model, vocab: { a: -1 } } }, /"a"/],
      ['format', { ...good, model: { ...good.model, unk_token: 'nowhere' } }, /nowhere/],
      ['format', { ...good, added_tokens: 7 }, /added_tokens/],
      ['format', { ...good, post_processor: { type: 'TemplateProcessing', single: [{ SpecialToken: { id: 'nowhere' } }], pair: [] } }, /"nowhere"/],
      ['format', [], /object/],
    ];
    for (const [code, value, message] of cases) {
      inFolder((dir) => {
        writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify(value));
        assertRefused(() => loadTokenizer(dir), code, message);
      });
    }
    assertRefused(() => loadTokenizer('/nowhere/at/all'), 'missing', /no folder/);
    inFolder((dir) => assertRefused(() => loadTokenizer(dir), 'missing', /tokenizer\.json, or vocab\.txt/));
    inFolder((dir) => {
      writeFileSync(join(dir, 'tokenizer.json'), '{"model"');
      assertRefused(() => loadTokenizer(dir), 'format', /not JSON/);
    });
  });

  it('refuses or reads a damaged file, and nothing else', () => {
    const texts = hard.sets.map((s) => Buffer.from(JSON.stringify(s.tokenizer)));
    inFolder((dir) => fc.assert(fc.property(fc.nat(texts.length - 1), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.integer({ min: 0, max: 255 }), fc.boolean(), (which, at, byte, cut) => {
      const bytes = Buffer.from(texts[which]), place = Math.floor(at * bytes.length);
      bytes[place] = byte;
      writeFileSync(join(dir, 'tokenizer.json'), cut ? bytes.subarray(0, place) : bytes);
      try {
        loadTokenizer(dir).encodePair('Hello, world', 'the thing', 32);
      } catch (error) {
        assert.ok(error instanceof ZsaqError, String((error as Error).stack));
      }
    }), { numRuns: 400, seed: 5 }));
  });
});

describe('tokenizer properties', () => {
  const [wordpiece, , bpe] = hard.sets.map(tokenizerOf);
  it('byte-level BPE decodes to the text it encoded', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }).filter((s) => !s.includes('<')), (text) => {
      assert.equal(bpe.decode(bpe.encode(text)), text);
    }), { numRuns: 300, seed: 1 });
  });
  it('never makes more ids than maxLength, and exactly as many where there are enough', () => {
    const check = (t: Tokenizer) => fc.property(fc.string({ maxLength: 40 }), fc.option(fc.string({ maxLength: 40 }), { nil: undefined }), fc.integer({ min: 4, max: 20 }), (a, b, max) => {
      const { ids, typeIds } = t.encodePair(a, b, max), all = t.encodePair(a, b, 10_000).ids.length;
      assert.equal(ids.length, Math.min(all, max));
      assert.equal(typeIds.length, ids.length);
    });
    for (const t of [wordpiece, bpe]) fc.assert(check(t), { numRuns: 200, seed: 2 });
  });
  it('cuts the longer text first', () => {
    assert.deepEqual(longestFirst(10, 3, 8), [5, 3]);
    assert.deepEqual(longestFirst(3, 10, 8), [3, 5]);
    assert.deepEqual(longestFirst(10, 10, 9), [4, 5]);
    assert.deepEqual(longestFirst(11, 10, 9), [5, 4]);
    assert.deepEqual(longestFirst(9, 0, 4), [4, 0]);
  });
  it('states its one exception: a lone surrogate counts as U+FFFD', () => {
    assert.deepEqual(wordpiece.encode('the\ud800'), wordpiece.encode('the\ufffd'));
    assert.deepEqual(bpe.encode('the\ud800'), bpe.encode('the\ufffd'));
  });
  it('names ids that are not in the vocabulary, and lengths that leave no room', () => {
    assertRefused(() => wordpiece.decode([1e6]), 'range', /1000000/);
    assertRefused(() => wordpiece.encodePair('a', 'b', 2), 'range', /at least 3/);
  });
});

function inFolder(use: (dir: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'zsaq-tokenizer-'));
  try { use(dir); } finally { rmSync(dir, { recursive: true }); }
  assert.ok(!existsSync(dir));
}

function assertRefused(act: () => unknown, code: string, message: RegExp): void {
  assert.throws(act, (error) => {
    assert.ok(error instanceof ZsaqError, String((error as Error).stack));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.ok(!error.message.includes('\n'));
    return true;
  });
}
