// Where the models of the cells are, what they have read, and how those that are missing are made.
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { sha256File, ZsaqError } from '../src/index';
import { findModel, madeFolder } from '../src/commands/modelFolder';
import { resultOf } from './cells/result';
import type { Cell, ModelCell, Preset } from './cells/cell';

const GLUE = ['CoLA', 'SST-2', 'MRPC', 'STS-B', 'QQP', 'MNLI', 'QNLI', 'RTE'];

/** Sets that a model without a card was trained on (the models' own README says so). */
const TRAINED_ON: Readonly<Record<string, readonly string[]>> = {
  'opt-wikitext': ['wikitext-2'], 'opt-ptb': ['ptb'],
  ...Object.fromEntries(['sst2', 'mrpc', 'stsb', 'rte', 'qnli', 'qqp', 'mnli'].map((t) => [`minilm-${t}`, GLUE])), // one encoder, trained on all of them
};

/** @throws ZsaqError 'missing' in one sentence */
export function modelPath(name: string): string {
  const found = findModel(name);
  if (!found) throw new ZsaqError('missing', whyMissing(name));
  return found;
}

/** Whether there is nothing left to do of a cell: its result is there, and of one that makes a model the model too, which does not travel with the results. */
export function isDone(results: string, cell: Cell): boolean { return resultOf(results, cell) !== undefined && (cell.kind === 'quantize' || findModel(cell.name) !== undefined); }

/** A sentence on a model that is not there. */
export function whyMissing(name: string): string {
  const places = `${process.env.ZSAQ_MODELS ? '$ZSAQ_MODELS' : 'ZSAQ_MODELS, which is not set,'} and ${madeFolder()}`;
  const how = recipeOf(name, 'mini') ? `\`zsaq reproduce NAME\` of a table or figure that has it makes it` : 'put it there';
  return `the model ${name} is not in ${places}: ${how}`;
}

/** How a missing model is made; undefined where only its folder will do. */
export function recipeOf(name: string, preset: Preset): ModelCell | undefined {
  const generator = /^generator-(ptb|wikitext-2|pocket-reports)-([\d.]+M)$/.exec(name);
  if (generator) return { kind: 'pretrain', preset, name, from: generator[1], options: { size: generator[2], tokenizer: generator[1].startsWith('pocket-') ? 'pocket-bert' : 'all-MiniLM-L6-v2' } };
  if (name === 'minilm-cola') return { kind: 'finetune', preset, name, from: 'CoLA', options: { model: 'all-MiniLM-L6-v2', epochs: '8', rate: '1e-4' } };
  return undefined;
}

/** What a folder says of itself, or where it says nothing what is known of the model. */
export function cardOf(name: string, card: Record<string, unknown> | undefined): Record<string, unknown> | undefined {
  return card ?? (TRAINED_ON[name] && { trainedOn: TRAINED_ON[name].map((set) => ({ set, split: 'train' })) });
}

const hashes = new Map<string, string>();

/** SHA-256 over configuration, tokenizer and weights of a model folder. */
export function weightsHash(dir: string): string {
  const key = resolve(dir), known = hashes.get(key);
  if (known) return known;
  const hash = createHash('sha256');
  for (const name of readdirSync(dir).filter((n) => /\.(safetensors|bin)$|^(config|tokenizer)\.json$|^vocab\./.test(n)).sort()) hash.update(`${name} ${sha256File(join(dir, name))}\n`);
  const found = hash.digest('hex');
  hashes.set(key, found);
  return found;
}
