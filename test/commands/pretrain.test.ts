// Sizes of generators: the parameters that their names state, a configuration that both sides read, and bad input.
import assert from 'node:assert/strict';
import { modelFromConfig } from '../../src/models/registry';
import { generatorConfig, sizeOf, SIZES } from '../../src/commands/sizes';
import { bert, scratch, zsaq } from './helpers';

const teacher = { vocabSize: 30522, special: { cls: 101, sep: 102, pad: 0 } };

describe('zsaq pretrain: sizes', () => {
  const s = scratch();
  after(() => s.remove());

  for (const [name, size] of Object.entries(SIZES)) {
    it(`${name} has the parameters that it states, with the vocabulary of BERT`, () => {
      const { shapes, maxLength, padId } = modelFromConfig(generatorConfig(size, teacher, 128));
      const parameters = Object.values(shapes).reduce((n, shape) => n + shape.reduce((a, b) => a * b, 1), 0);
      assert.ok(Math.abs(parameters / (1e6 * parseFloat(name)) - 1) < 0.08, `${parameters}`);
      assert.deepEqual([maxLength, padId, size.hidden % size.heads], [128, 0, 0]);
    });
  }

  it('counts as the table has it', () => {
    const counts = Object.keys(SIZES).map((name) => Object.values(modelFromConfig(generatorConfig(sizeOf(name), teacher, 128)).shapes).reduce((n, shape) => n + shape.reduce((a, b) => a * b, 1), 0));
    assert.deepEqual(counts, [320_592, 1_029_896, 3_042_240, 10_216_704, 30_086_080]);
  });

  const wrong: [string, string[], RegExp, number][] = [
    ['no size', ['--text', 'pocket-reports', '--tokenizer', bert], /--size is missing: choose 0\.3M, 1M/, 2],
    ['a task as text', ['--text', 'SST-2', '--tokenizer', bert, '--size', '1M'], /SST-2 has examples, not running text: it is a --task of finetune/, 2],
    ['a folder without tokenizer', ['--text', 'pocket-reports', '--tokenizer', s.path('none'), '--size', '1M'], /there is no folder .*none/, 1],
    ['real text without a folder', ['--text', 'ptb', '--tokenizer', bert, '--size', '0.3M', '--data', s.path('none')], /there is no data folder/, 1],
    ['no steps', ['--text', 'pocket-reports', '--tokenizer', bert, '--size', '0.3M', '--steps', '0'], /--steps 0: give a whole number of at least 1/, 2],
  ];
  for (const [what, args, message, code] of wrong) {
    it(`refuses ${what} in a sentence`, async () => {
      const ended = await zsaq('pretrain', '--out', s.path('out'), ...args);
      assert.match(ended.stderr, message);
      assert.equal(ended.code, code);
    });
  }
});
