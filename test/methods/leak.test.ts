import { strict as assert } from 'node:assert';
import { refuseLeak } from '../../src/methods/leak';

const card = (...sets: string[]) => ({ trainedOn: sets.map((set) => ({ set, split: 'train' })) });

describe('methods/leak', () => {
  it('refuses a generator that has read what it is scored on or the teacher was trained on; all WikiTexts are one', () => {
    assert.throws(() => refuseLeak(card('ptb'), undefined, 'ptb'), /trained on ptb/);
    assert.throws(() => refuseLeak(card('wikitext-2'), undefined, 'wikitext-103'), /trained on wikitext-2/);
    assert.throws(() => refuseLeak(card('wikitext-103-raw'), card('wikitext-2')), /trained on wikitext-103-raw/);
    refuseLeak(card('wikitext-2'), card('SST-2'), 'ptb');
    refuseLeak(undefined, card('ptb'), 'ptb');
  });
});
