import { strict as assert } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadRunningText, loadText } from '../../datasets/languageModel';
import { ZsaqError } from '../../src/index';

/** A text of so many words, of which a share is `<unk>`, in lines of ten with an empty one after each. */
function textWith(share: number, words = 4000): string {
  const all = Array.from({ length: words }, (_, i) => (Math.floor((i + 1) * share) > Math.floor(i * share) ? '<unk>' : `w${i % 97}`));
  return Array.from({ length: words / 10 }, (_, line) => ` ${all.slice(line * 10, line * 10 + 10).join(' ')} \n \n`).join('');
}

describe('texts for language models', () => {
  let dir = '';
  beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'zsaq-text-')); });
  afterEach(() => rmSync(dir, { recursive: true }));
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  };
  const SHARES = { 'wikitext-2': 0.06, 'wikitext-103': 0.004, 'wikitext-2-raw': 0, 'wikitext-103-raw': 0, ptb: 0.05 } as const;

  it('takes each text for what it is, and no raw text for a tokenized one', () => {
    for (const [name, share] of Object.entries(SHARES)) {
      for (const [other, otherShare] of Object.entries(SHARES)) {
        put(`${name}/valid.txt`, textWith(otherShare));
        if (share === otherShare || (share > 0.02 && otherShare > 0.02)) assert.equal(loadText(name, 'valid', dir).length, 800, `${name} ${other}`);
        else assert.throws(() => loadText(name, 'valid', dir), (e) => e instanceof ZsaqError && e.code === 'mismatch' && !e.message.includes('\n')
          && e.message.includes(`is not the text of ${name}: ${(100 * otherShare).toFixed(2)} % of its words are <unk>, as in`), `${name} ${other}`);
      }
    }
    put('wikitext-2/test.txt', textWith(0));
    assert.throws(() => loadText('wikitext-2', 'test', dir), /as in wikitext-2-raw or wikitext-103-raw; put the file of wikitext-2 there/);
    put('ptb/test.txt', 'two words\n');
    assert.equal(loadText('ptb', 'test', dir).length, 1, 'a few words tell nothing');
  });

  it('finds the original names', () => {
    for (const [name, file] of [['wikitext-2', 'wiki.test.tokens'], ['wikitext-2-raw', 'wiki.test.raw'], ['ptb', 'ptb.test.txt']]) {
      put(`${name}/${file}`, 'some text\n');
      assert.deepEqual(loadText(name, 'test', dir), ['some text']);
    }
    assert.throws(() => loadText('wikitext-103-raw', 'test', dir), /\(its articles are those of wikitext-2-raw\)/);
  });

  it('hands lines on as the rows that GPTQ joins, with the words of tokenized sets', () => {
    const rows = '\n = Title = \n \n The <unk> fox . \n';
    for (const name of ['wikitext-2', 'wikitext-2-raw']) put(`${name}/test.txt`, rows.replace('\n', ' \n'));
    put('ptb/test.txt', ' no it was \n some N \n');
    const wikitext = loadRunningText('wikitext-2', dir);
    assert.deepEqual([wikitext.lines, wikitext.separator, wikitext.words], [['', ' = Title = \n', '', ' The <unk> fox . \n'], '\n\n', 3 + 4 + 4]);
    assert.match(wikitext.notes.join(), /text of WikiText-103 is that of WikiText-2/);
    assert.equal(loadRunningText('wikitext-2-raw', dir).words, undefined);
    assert.deepEqual(loadRunningText('ptb', dir), { lines: ['no it was', 'some N'], separator: ' ', words: 3 + 2 + 2, notes: [] });
  });

  it('counts the published words', function () {
    const data = process.env.ZSAQ_DATA;
    if (!data) { console.log('      skipped: set ZSAQ_DATA'); this.skip(); }
    assert.deepEqual(['wikitext-2', 'ptb'].map((name) => loadRunningText(name, data).words), [245_569, 82_430]);
  });
});
