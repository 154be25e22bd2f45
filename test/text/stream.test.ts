import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { loadText } from '../../datasets/languageModel';
import type { Definition } from '../../src/text/definition';
import { streamProtocol, tokenStream } from '../../src/text/stream';
import { loadTokenizer, makeTokenizer } from '../../src/text/tokenizer';
import { fromTokenizerJson } from '../../src/text/tokenizerJson';
import { hard } from './synthetic';

describe('token stream', () => {
  const [wordpiece, , bpe] = hard.sets.map((s) => makeTokenizer({ ...fromTokenizerJson(s.tokenizer, s.name), special: { unk: 1, sep: 3 } } as Definition));

  it('of WordPiece: stripped lines, no empty ones, <unk> as [UNK], [SEP] after each line and nothing else', () => {
    const the = wordpiece.tokenToId('the')!;
    assert.deepEqual(tokenStream(['  the <unk> \n', '', '   ', 'the'], wordpiece), [the, 1, 3, the, 3]);
    assert.match(streamProtocol(wordpiece), /\[SEP\] after each line/);
  });
  it('of byte-level BPE: the joined text after the leading tokens of the family', () => {
    assert.deepEqual(tokenStream(['the', 'the'], bpe), bpe.encodePair('the\n\nthe', undefined, 99).ids);
    assert.deepEqual(tokenStream(['the', 'the'], bpe, { separator: ' ' }), bpe.encodePair('the the', undefined, 99).ids);
    assert.match(streamProtocol(bpe), /joined by an empty line.*GPTQ/);
    assert.match(streamProtocol(bpe, { separator: ' ' }), /joined by " "/);
  });
  it('needs its special tokens', () => {
    const bare = makeTokenizer({ ...fromTokenizerJson(hard.sets[0].tokenizer, 'bare'), special: {} } as Definition);
    assert.throws(() => tokenStream(['the'], bare), /\[UNK\] or no \[SEP\]/);
  });
  it('has as many tokens as the scores of the shared models say', function () {
    const data = process.env.ZSAQ_DATA, models = process.env.ZSAQ_MODELS;
    if (!data || !models) { console.log('      skipped: set ZSAQ_DATA and ZSAQ_MODELS'); this.skip(); }
    for (const [model, set, predictions] of [['opt-wikitext', 'wikitext-2', 256512], ['opt-ptb', 'ptb', 89088]] as const) {
      const ids = tokenStream(loadText(set, 'test', data), loadTokenizer(join(models, model)));
      assert.equal(Math.floor((ids.length - 1) / 128) * 128, predictions);
    }
  });
});
