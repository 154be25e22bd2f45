import { resolve } from 'node:path';
import { ready } from '../core/backend';
import { ZsaqError } from '../core/error';
import { loadModel } from '../models/load';
import { openPretrained } from '../io/pretrained';
import { outputOrder } from '../eval/glue';
import { labelledBatches } from '../text/training';
import { loadTokenizer } from '../text/tokenizer';
import { companionsOf } from '../../datasets';
import { optional, required, wholeNumber, type Command, type Outcome, type Values } from './command';
import { modelFolder } from './modelFolder';
import { makeScorer, type Score } from './score';
import { dropoutSeed } from '../train/loss';
import { taskModel } from './taskHead';
import { textRun } from './textRun';
import { trainingExamples } from './trainingData';
import { countFrom, numberFrom } from './trainingOptions';
import { baseOf, trainedBefore, trainRun } from './trainRun';

const CLIP = 1, WEIGHT_DECAY = 0.01, WARMUP = 0.1;

export const finetuneCommand: Command = {
  name: 'finetune',
  summary: 'make a teacher: train an encoder on a task, or go on training a language model',
  help: `zsaq finetune --model DIR --task NAME --out DIR [options]
zsaq finetune --model DIR --text NAME --out DIR [options]

  --model DIR          Hugging Face folder, a name on the hub (org/name) or that of a model in ZSAQ_MODELS: an encoder with any head or none, or a language model
  --task NAME          SST-2, CoLA, MRPC, STS-B, QQP, MNLI, QNLI, RTE, pocket-sentiment, pocket-acceptability
  --text NAME          running text in place of a task, for language models: wikitext-2, ptb, pocket-tales, ...
  --data DIR           folder of the real data sets (ZSAQ_DATA)
  --train FILE         training file in the layout of the task (the largest that is there; of SST-2 train_full.tsv before train.tsv)
  --out DIR            run folder: settings, history, metrics, model/
  --epochs N           passes over the training set (3; of --text 1)
  --batch N            examples of a batch (32), or windows of a text (8)
  --rate X             peak of the learning rate (5e-5); a linear rise over ${100 * WARMUP} % of the steps, then a linear fall to 0
  --max-length N       longer texts are cut, the longer of a pair first (128); tokens of a window of text (128)
  --seed N             seed of the new head and of the order (0)
  --checkpoint-seconds N  seconds between two checkpoints (60)
  --json               last line of standard output: one JSON object

AdamW, weight decay ${WEIGHT_DECAY} on matrices, gradients clipped to norm ${CLIP}, of encoders dropout as config.json says. The model is that of the last step; the dev set is read once, for
the score of the saved file. The same command again continues an interrupted run. Example:
  zsaq finetune --model all-MiniLM-L6-v2 --task SST-2 --data data --epochs 2 --rate 1e-4 --out runs/sst2`,
  options: {
    model: { type: 'string' }, task: { type: 'string' }, text: { type: 'string' }, data: { type: 'string' }, train: { type: 'string' }, out: { type: 'string' },
    epochs: { type: 'string' }, batch: { type: 'string' }, rate: { type: 'string' }, 'max-length': { type: 'string' }, seed: { type: 'string' },
    'checkpoint-seconds': { type: 'string' },
  },
  async run(values, signal) {
    const name = required(values, 'model', 'give the Hugging Face folder of the model'), out = resolve(required(values, 'out', 'give a folder for the results'));
    const task = optional(values, 'task'), text = optional(values, 'text');
    if ((task === undefined) === (text === undefined)) throw new ZsaqError('usage', 'give either --task or --text: what to train on');
    await ready();
    const dir = await modelFolder(name, signal);
    return task !== undefined ? finetuneTask(values, dir, task, out, signal) : finetuneText(values, dir, text!, out, signal);
  },
};

async function finetuneTask(values: Values, dir: string, name: string, out: string, signal: AbortSignal): Promise<Outcome> {
  const seed = wholeNumber(values, 'seed', 0), epochs = numberFrom(values, 'epochs', 3), batch = countFrom(values, 'batch', 32), rate = numberFrom(values, 'rate', 5e-5);
  const maxLength = countFrom(values, 'max-length', 128), dataDir = optional(values, 'data') ?? process.env.ZSAQ_DATA;
  const { task, examples, source } = trainingExamples(name, dataDir, optional(values, 'train'));
  const { model, config, params, fresh } = taskModel(dir, task, seed), tokenizer = loadTokenizer(dir), card = cardOf(dir);
  const scorers = [task.name, ...(task.name.startsWith('pocket-') ? [] : companionsOf(task.name))].map((t) => makeScorer(t, dataDir, model, tokenizer, signal));
  console.error(`${task.name}: ${source.rows} training examples${source.file ? ` of ${source.file}` : ''}; ${fresh.length ? `new ${fresh.join(', ')}` : 'the head is kept'}`);

  const order = outputOrder(model, task), length = Math.min(maxLength, model.maxLength);
  const encoded = examples.map((e) => tokenizer.encodePair(e.text, e.pair, length));
  const targets = order ? Int32Array.from(examples, (e) => order.indexOf(e.label)) : Float32Array.from(examples, (e) => e.label);
  const stepsPerEpoch = Math.floor(encoded.length / batch), steps = Math.round(epochs * stepsPerEpoch);
  const batchOf = labelledBatches(encoded, targets, { name: 'finetune', seed, batchSize: batch, stepsPerEpoch, maxLength: length, padId: tokenizer.special.pad ?? model.padId });
  const base = baseOf(dir, card), withSeed = (step: number) => ({ ...batchOf(step), seed: dropoutSeed(seed, step) });
  const settings = { task: task.name, epochs, batch, rate, maxLength: length, seed };
  return trainRun({
    label: `${base.name} on ${task.name}`, out, settings: { command: 'finetune', model: resolve(dir), train: source, ...settings }, model, config,
    start: () => params,
    recipe: { steps, rate, schedule: { kind: 'linear', warmup: WARMUP, floor: 0 }, weightDecay: WEIGHT_DECAY, clip: CLIP }, batchOf: withSeed, tokenizerDir: dir,
    trainedOn: [...trainedBefore(card), source], facts: { command: 'finetune', ...settings, base, fresh },
    async score(saved) {
      const scores: Record<string, Score> = {};
      for (const scorer of scorers) scores[`${scorer.task.name} dev`] = await scorer.score(`scoring ${scorer.task.name}`, saved.model, saved.params, saved.hooks);
      return scores;
    },
    checkpointSeconds: wholeNumber(values, 'checkpoint-seconds', 60), signal,
  });
}

async function finetuneText(values: Values, dir: string, name: string, out: string, signal: AbortSignal): Promise<Outcome> {
  const { model, params, config, card } = await loadModel(dir), base = baseOf(dir, card);
  if (values.train !== undefined) throw new ZsaqError('usage', '--train is the file of a task: it does not go with --text');
  return textRun({
    text: name, model, config: { ...config, dtype: 'float16' }, start: () => params, tokenizerDir: dir, dataDir: optional(values, 'data') ?? process.env.ZSAQ_DATA, out, signal,
    label: `${base.name} on ${name}`, facts: { command: 'finetune', base }, settings: { model: resolve(dir) }, trainedBefore: trainedBefore(card),
    epochs: numberFrom(values, 'epochs', 1), batch: countFrom(values, 'batch', 8), window: countFrom(values, 'max-length', 128), seed: wholeNumber(values, 'seed', 0),
    checkpointSeconds: wholeNumber(values, 'checkpoint-seconds', 60),
    recipe: { rate: numberFrom(values, 'rate', 5e-5), schedule: { kind: 'linear', warmup: WARMUP, floor: 0 }, weightDecay: WEIGHT_DECAY, clip: CLIP },
  });
}

function cardOf(dir: string): Record<string, unknown> | undefined {
  const folder = openPretrained(dir);
  folder.close();
  return folder.card;
}
