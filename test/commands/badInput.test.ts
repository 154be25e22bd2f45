// A user's mistake is one clear sentence, a non-zero exit and nothing left behind.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { openSafetensors } from '../../src/io/safetensors';
import { bert, generator, opt, scratch, zsaq } from './helpers';

describe('command line: bad input', () => {
  const s = scratch(), out = s.path('out');
  after(() => s.remove());

  const quantize = (...args: string[]) => zsaq('quantize', '--out', out, '--preset', 'smoke', ...args);
  const damaged = (name: string, damage: (dir: string) => void, model = bert) => {
    const dir = s.copy(model, name);
    damage(dir);
    return dir;
  };
  const edit = (key: string, value: unknown) => (dir: string) => {
    const path = `${dir}/config.json`;
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), [key]: value }));
  };
  /** NaN (fp16 0x7e00) over the first values of the first tensor. */
  const poison = (dir: string) => {
    const path = `${dir}/model.safetensors`, bytes = readFileSync(path), start = 8 + Number(bytes.readBigUInt64LE(0));
    bytes.writeUInt16LE(0x7e00, start + 20);
    writeFileSync(path, bytes);
    openSafetensors(path).close(); // the file itself is sound
  };

  const cases: [string, () => string[], RegExp, number][] = [
    ['no such command', () => [], /there is no command "frobnicate": choose/, 2],
    ['missing folder', () => ['--model', s.path('nowhere'), '--bits', 'W2A8'], /nowhere.*config\.json/, 1],
    ['missing model option', () => ['--bits', 'W2A8'], /--model is missing/, 2],
    ['unknown option', () => ['--modle', bert, '--bits', 'W2A8'], /modle.*--help/, 2],
    ['truncated safetensors', () => ['--model', damaged('cut', (d) => truncateSync(`${d}/model.safetensors`, 100_000)), '--bits', 'W2A8'], /cut.*model\.safetensors/, 1],
    ['unknown architecture', () => ['--model', damaged('llama', edit('model_type', 'llama')), '--bits', 'W2A8'], /"llama" is not known: bert, opt/, 1],
    ['a billion layers', () => ['--model', damaged('deep', edit('num_hidden_layers', 1e9)), '--bits', 'W2A8'], /num_hidden_layers must be a whole number from 1 to/, 1],
    ['weights that do not fit', () => ['--model', damaged('wide', edit('hidden_size', 256)), '--bits', 'W2A8'], /has shape \[.*config\.json asks for/, 1],
    ['NaN in weights', () => ['--model', damaged('nan', poison), '--bits', 'W2A8'], /holds NaN at position/, 1],
    ['bits out of range', () => ['--model', bert, '--bits', 'W5A8'], /bits "W5A8": give W2A8/, 1],
    ['no bits', () => ['--model', bert, '--bits', 'two'], /bits "two"/, 1],
    ['a task that does not fit the head', () => ['--model', opt, '--bits', 'W2A8', '--task', 'pocket-sentiment'], /pocket-sentiment is a classification task.*languageModel/, 1],
    ['a text for a classifier', () => ['--model', bert, '--bits', 'W2A8', '--task', 'pocket-tales'], /pocket-tales is text for a language model.*classification/, 1],
    ['unknown task', () => ['--model', bert, '--bits', 'W2A8', '--task', 'SST-3'], /there is no task "SST-3".*SST-2/, 2],
    ['unknown method', () => ['--model', bert, '--bits', 'W2A8', '--method', 'magic'], /method "magic": choose full, ptq, zeroQuant, gptq, qatReal, qatRandom, llmQat, adversarial, samSga/, 2],
    ['unknown preset', () => ['--model', bert, '--bits', 'W2A8', '--preset', 'huge'], /preset "huge": choose smoke, mini, paper/, 2],
    ['unknown setting', () => ['--model', bert, '--bits', 'W2A8', '--set', 'betta=1'], /there is no "betta"; there are/, 2],
    ['setting of the wrong type', () => ['--model', bert, '--bits', 'W2A8', '--set', 'beta=big'], /"beta" takes a number/, 2],
    ['setting out of range', () => ['--model', bert, '--bits', 'W2A8', '--set', 'rate=-1'], /rate=-1: rate must be above 0/, 1],
    ['a choice that is none', () => ['--model', bert, '--bits', 'W2A8', '--set', 'sam=maybe'], /sam must be on or off/, 1],
    ['rule without a match', () => ['--model', bert, '--bits', 'W2A8', '--set', 'plan.rules.*lstm*="full"'], /matches no quantized weight/, 2],
    ['groups that do not divide', () => ['--model', bert, '--bits', 'W2A8', '--set', 'plan.granularity={"group":7}'], /do not divide into groups of 7/, 1],
    ['sequence longer than the model', () => ['--model', bert, '--bits', 'W2A8', '--set', 'seq=5000'], /seq=5000: the model has/, 1],
    ['seed that is no number', () => ['--model', bert, '--bits', 'W2A8', '--seed', 'x'], /--seed x: give a whole number/, 2],
    ['a classifier as generator', () => ['--model', bert, '--bits', 'W2A8', '--generator', bert], /was trained on pocket-sentiment/, 1],
    ['a language model as its own generator', () => ['--model', opt, '--bits', 'W2A8', '--generator', opt], /generator was trained on pocket-tales/, 1],
    ['a generator that is scored on', () => ['--model', opt, '--bits', 'W2A8', '--generator', generator, '--task', 'pocket-reports'], /trained on pocket-reports/, 1],
    ['real data without a folder', () => ['--model', bert, '--bits', 'W2A8', '--task', 'SST-2', '--data', s.path('no-data')], /SST-2.*no-data|no-data/, 1],
    ['output folder with other files', () => { mkdirSync(s.path('full'), { recursive: true }); writeFileSync(s.path('full', 'thesis.tex'), 'x'); return ['--model', bert, '--bits', 'W2A8', '--method', 'ptq', '--out', s.path('full')]; }, /full holds files of something else/, 2],
    ['a method without the text that it reads', () => ['--model', bert, '--bits', 'W2A8', '--method', 'qatReal', '--preset', 'smoke'], /qatReal learns from real training text: give data/, 1],
    ['the folder of a run as a model', () => { mkdirSync(s.path('run', 'model'), { recursive: true }); writeFileSync(s.path('run', 'metrics.json'), '{}'); return ['--model', s.path('run'), '--bits', 'W2A8']; }, /run is the folder of a run: give .*run\/model/, 2],
    ['output that is a file', () => { writeFileSync(s.path('plain'), 'x'); return ['--model', bert, '--bits', 'W2A8', '--method', 'ptq', '--out', s.path('plain')]; }, /plain is a file: give a folder/, 2],
  ];

  it('says its version, and explains a command in either order', async () => {
    assert.equal((await zsaq('--version')).stdout.trim(), (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version);
    assert.equal((await zsaq('help', 'eval')).stdout, (await zsaq('eval', '--help')).stdout);
    assert.match((await zsaq('help')).stdout, /Exit code: 0 done/);
  });

  for (const [what, args, sentence, code] of cases) {
    it(what, async () => {
      const ended = what === 'no such command' ? await zsaq('frobnicate') : await quantize(...args());
      const lines = ended.stderr.trim().split('\n');
      assert.equal(lines.length, 1, `one line: ${ended.stderr}`);
      assert.match(lines[0], sentence);
      assert.match(lines[0], /^zsaq: /);
      assert.doesNotMatch(ended.stderr, /\n\s+at /, 'no stack trace');
      assert.equal(ended.code, code);
      assert.equal(ended.stdout, '');
      assert.ok(!existsSync(out), 'no half-made output folder');
    });
  }
});
