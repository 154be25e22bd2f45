import { resolve } from 'node:path';
import { ready } from '../core/backend';
import { modelFromConfig } from '../models/registry';
import { loadTokenizer } from '../text/tokenizer';
import { freshWeights } from '../train/weights';
import { optional, required, wholeNumber, type Command } from './command';
import { modelFolder } from './modelFolder';
import { generatorConfig, sizeOf, SIZES } from './sizes';
import { textRun } from './textRun';
import { countFrom, numberFrom } from './trainingOptions';

const CLIP = 1, WEIGHT_DECAY = 0.05, WARMUP = 0.04, FLOOR = 0.02, DEVIATION = 0.02;

export const pretrainCommand: Command = {
  name: 'pretrain',
  summary: 'make a generator: train a small OPT from scratch with the tokenizer of a teacher',
  help: `zsaq pretrain --text NAME --tokenizer DIR --size SIZE --out DIR [options]

  --text NAME        wikitext-2, wikitext-103, ptb, pocket-reports, ...: a generator must not have read the text of what it helps to
                     quantize or of the evaluation, which the card of the model is checked for
  --tokenizer DIR    folder of the teacher, a name on the hub or in ZSAQ_MODELS: the generator writes its tokens
  --size SIZE        ${Object.keys(SIZES).join(' | ')}: parameters with a vocabulary of 30,522
  --data DIR         folder of the real data sets (ZSAQ_DATA)
  --out DIR          run folder: settings, history, metrics, model/
  --steps N          steps of training (as the size has it: ${Object.entries(SIZES).map(([name, { steps }]) => `${name} ${steps}`).join(', ')})
  --batch N          windows of a step (8)
  --context N        tokens of a window, and positions of the model (128)
  --rate X           peak of the learning rate (as the size has it)
  --seed N           seed of the first weights and of the windows (0)
  --checkpoint-seconds N  seconds between two checkpoints (60)
  --json             last line of standard output: one JSON object

AdamW, weight decay ${WEIGHT_DECAY} on matrices, gradients clipped to norm ${CLIP}, a linear rise over ${100 * WARMUP} % of the steps, then half a cosine to ${100 * FLOOR} %.
The model is that of the last step. The same command again continues an interrupted run. Example:
  zsaq pretrain --text pocket-reports --tokenizer datasets/pocket/models/pocket-bert --size 0.3M --steps 200 --out runs/generator`,
  options: {
    text: { type: 'string' }, tokenizer: { type: 'string' }, size: { type: 'string' }, data: { type: 'string' }, out: { type: 'string' }, steps: { type: 'string' },
    batch: { type: 'string' }, context: { type: 'string' }, rate: { type: 'string' }, seed: { type: 'string' }, 'checkpoint-seconds': { type: 'string' },
  },
  async run(values, signal) {
    const text = required(values, 'text', 'name the text to learn'), name = required(values, 'size', `choose ${Object.keys(SIZES).join(', ')}`), size = sizeOf(name);
    const from = required(values, 'tokenizer', 'give the folder of the teacher'), out = resolve(required(values, 'out', 'give a folder for the results'));
    const seed = wholeNumber(values, 'seed', 0), window = countFrom(values, 'context', 128);
    await ready();
    const tokenizerDir = await modelFolder(from, signal), config = generatorConfig(size, loadTokenizer(tokenizerDir), window), model = modelFromConfig(config);
    return textRun({
      text, model, config, start: () => freshWeights(model.shapes, 'pretrain', seed, DEVIATION), tokenizerDir, dataDir: optional(values, 'data') ?? process.env.ZSAQ_DATA, out, signal,
      label: `${name} on ${text}`, facts: { command: 'pretrain', size: name, deviation: DEVIATION }, settings: { tokenizer: resolve(tokenizerDir) }, trainedBefore: [],
      steps: countFrom(values, 'steps', size.steps), batch: countFrom(values, 'batch', 8), window, seed, checkpointSeconds: wholeNumber(values, 'checkpoint-seconds', 60),
      recipe: { rate: numberFrom(values, 'rate', size.rate), schedule: { kind: 'cosine', warmup: WARMUP, floor: FLOOR }, weightDecay: WEIGHT_DECAY, clip: CLIP },
    });
  },
};
