// Makes the bundled models: npx tsx datasets/pocket/train.ts [pocket-bert | pocket-opt | pocket-generator]...
// Stopped at any time and started again, it goes on from its last checkpoint (.cache/pocket); a model that is there is left alone.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  backendName, count, dispose, evaluateTask, freshWeights, hostTensors, labelledBatches, loadCheckpoint, loadModel, loadTokenizer, modelFromConfig, perplexity,
  ready, saveCheckpoint, savePretrained, supervisedLoss, tokenStream, train, windowBatches, ZsaqError, type Tokenizer, type TrainingCheckpoint, type TrainingRun,
} from '../../src/index';
import { pocketModelPath, pocketTask, pocketText, pocketVocabulary, writePocketTokenizer } from '../pocket';
import { SEED, type Family, type Split } from './corpus';
import { recipes, type Recipe } from './training/recipes';

const cache = join(__dirname, '..', '..', '.cache', 'pocket');
/** The bundled classifier was made in whole pools of so many batches. */
const POOL = 16;
const PRINT_EVERY = 50;

const familyOf = (set: Recipe['data']['set']): Family => (set === 'pocket-tales' ? 'tales' : 'reports');

/** The training text of a recipe as batches, with its SHA-256 for the model's card. */
function readData({ name, data, batch, window }: Recipe, tokenizer: Tokenizer): { batchOf: TrainingRun['batchOf']; sha256: string } {
  const digest = (lines: readonly string[]): string => createHash('sha256').update(lines.join('\n')).digest('hex');
  if (data.set === 'pocket-sentiment') {
    const { examples } = pocketTask(data.set, 'train', data.amount);
    const encoded = examples.map((e) => ({ ids: tokenizer.encodePair(e.text, undefined, window).ids }));
    const stepsPerEpoch = Math.floor(encoded.length / (batch * POOL)) * POOL;
    const batchOf = labelledBatches(encoded, Int32Array.from(examples, (e) => e.label), { name, seed: SEED, batchSize: batch, stepsPerEpoch, maxLength: window, padId: 0 });
    return { batchOf, sha256: digest(examples.map((e) => `${e.label}\t${e.text}`)) };
  }
  const lines = pocketText(familyOf(data.set), 'train', data.amount);
  return { batchOf: windowBatches(Int32Array.from(tokenStream(lines, tokenizer)), { name, seed: SEED, batchSize: batch, window }), sha256: digest(lines) };
}

/** The score of a saved folder on a split: accuracy, or perplexity in windows of 128. */
async function score(dir: string, { data }: Recipe, split: Split): Promise<{ metric: string; score: number; examples: number }> {
  const { model, params } = await loadModel(dir), tokenizer = loadTokenizer(dir);
  try {
    if (data.set === 'pocket-sentiment') {
      const { task, examples } = pocketTask(data.set, split);
      const result = await evaluateTask(model, params, tokenizer, task, examples);
      return { metric: result.metric, score: round(result.score), examples: result.examples };
    }
    const result = await perplexity(model, params, tokenStream(pocketText(familyOf(data.set), split), tokenizer));
    return { metric: result.metric, score: round(result.score), examples: result.examples };
  } finally {
    dispose(params);
  }
}

const round = (x: number): number => Math.round(x * 100) / 100;

function checkpointsIn(dir: string): NonNullable<TrainingRun['checkpoints']> {
  return {
    load: () => loadCheckpoint(dir) as TrainingCheckpoint | null,
    save: ({ step, state, tensors }) => saveCheckpoint(dir, { step, state, tensors: Object.fromEntries(Object.entries(tensors).map(([n, t]) => [n, { dtype: 'float32', ...t }])) }),
  };
}

async function make(recipe: Recipe): Promise<void> {
  const { name, data, config } = recipe, dir = pocketModelPath(name);
  if (existsSync(dir)) return console.log(`${name} is there (remove its folder to make it again)`);
  mkdirSync(cache, { recursive: true });
  const tokenizerDir = mkdtempSync(join(cache, 'tokenizer-'));
  try {
    writePocketTokenizer(tokenizerDir);
    const tokenizer = loadTokenizer(tokenizerDir);
    console.log(`${name}: writing ${data.amount} ${data.set === 'pocket-sentiment' ? 'examples' : 'tokens'} of ${data.set}`);
    const { batchOf, sha256 } = readData(recipe, tokenizer);
    const model = modelFromConfig(config), checkpoints = join(cache, name), { steps, rate, warmup, floor, weightDecay, clip } = recipe;
    const { params, seconds } = await train({ steps, rate, schedule: { kind: 'cosine', warmup, floor }, weightDecay, clip }, {
      start: () => freshWeights(model.shapes, name, SEED, recipe.deviation), loss: supervisedLoss(model), batchOf, checkpoints: checkpointsIn(checkpoints),
      onProgress({ step, loss, rate: now, secondsLeft }) {
        if (step % PRINT_EVERY === 0 || step === steps) console.log(`${name} ${step}/${steps}  loss ${loss.toFixed(3)}  rate ${now.toExponential(1)}  ${Math.ceil(secondsLeft)} s left`);
      },
    });
    const { data: trained, config: _, ...settings } = recipe;
    const card = {
      name, parameters: count(params), seed: SEED, recipe: settings,
      trainedOn: [{ set: trained.set, split: 'train', amount: trained.amount, sha256 }],
      note: `Made by datasets/pocket/train.ts on text that the project generates; it has seen no other text.`,
    };
    const host = Object.entries(hostTensors(params));
    const tensors = Object.fromEntries(host.map(([key, { shape, data }]) => [key, { dtype: 'F16' as const, shape, data }]));
    const parts = { config: { ...config }, tensors, copyFrom: tokenizerDir };
    // The scores that are recorded are those of the half-precision file, read again.
    const draft = join(tokenizerDir, 'model');
    savePretrained(draft, parts);
    const scores = { dev: await score(draft, recipe, 'dev'), test: await score(draft, recipe, 'test') };
    savePretrained(dir, { ...parts, card: { ...card, scores, made: { seconds: Math.round(seconds), backend: backendName() } } });
    dispose(params);
    rmSync(checkpoints, { recursive: true, force: true });
    console.log(`${name}: ${scores.dev.metric} ${scores.dev.score} (dev), ${scores.test.score} (test), ${Math.round(seconds)} s`);
  } finally {
    rmSync(tokenizerDir, { recursive: true, force: true });
  }
}

async function main(wanted: readonly string[]): Promise<void> {
  const all = recipes(pocketVocabulary().length);
  const unknown = wanted.find((name) => !all.some((r) => r.name === name));
  if (unknown) throw new ZsaqError('usage', `there is no pocket model ${JSON.stringify(unknown)}: choose ${all.map((r) => r.name).join(', ')}`);
  await ready();
  for (const recipe of all) if (!wanted.length || wanted.includes(recipe.name)) await make(recipe);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof ZsaqError ? error.message : error);
  process.exitCode = 1;
});
