import { existsSync, lstatSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { ZsaqError } from '../core/error';
import { diskError, makeFolder, removeQuietly, syncFolder } from './disk';
import { canonicalJson, readJson, writeWhole } from './file';
import { quote } from './quote';
import { openSafetensors, writeSafetensors, type WritableTensor } from './safetensors';
import { sweepBeside, temporaryBeside } from './temporary';
import type { HostTensor, TensorFile, TensorInfo } from './tensor';
import { openTorchBin } from './torchBin';

const CONFIG = 'config.json', CARD = 'zsaq.json', WEIGHTS = 'model.safetensors';

/** Where weights are looked for, in this order. */
export const WEIGHT_FILES = [WEIGHTS, 'model.safetensors.index.json', 'pytorch_model.bin', 'pytorch_model.bin.index.json'] as const;

/** Files that together make up a tokenizer, in the newer and the older forms. */
export const TOKENIZER_FILES = [
  'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json', 'vocab.txt', 'vocab.json', 'merges.txt',
] as const;

/** Files of a model folder that zsaq neither needs nor writes; they do not keep a folder from being replaced. */
const HARMLESS = new Set<string>([...TOKENIZER_FILES, ...WEIGHT_FILES, CONFIG, CARD, 'generation_config.json', 'README.md']);

/** A Hugging Face model folder, opened: its configuration, its tensors by name, and where its tokenizer files are. */
export interface Pretrained {
  readonly dir: string;
  readonly config: Record<string, unknown>;
  /** What zsaq recorded of the model (`zsaq.json`), above all which text it was trained on; undefined where there is none. */
  readonly card: Record<string, unknown> | undefined;
  /** Path by name of each tokenizer file that is there. */
  readonly files: Readonly<Record<string, string>>;
  readonly names: string[];
  /** @throws ZsaqError 'missing' */
  info(name: string): TensorInfo;
  /** Reads one tensor from its shard. @throws ZsaqError 'missing' | 'unsupported' | 'range' | 'format' | 'disk' */
  read(name: string): HostTensor;
  close(): void;
}

/**
 * Opens a model folder: `config.json` and weights as `model.safetensors`, `pytorch_model.bin`, or shards with an index.
 * All headers are checked now; tensors are read when asked for. Tensor names are those of the files.
 *
 * @throws ZsaqError 'missing' for the folder, its configuration, weights, a shard or a tensor of the index; 'format', 'unsupported', 'disk'
 * @example const model = openPretrained(dir); const w = model.read('bert.pooler.dense.weight'); model.close()
 */
export function openPretrained(dir: string): Pretrained {
  const stat = statSync(dir, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) throw new ZsaqError('missing', `${dir} is ${stat ? 'no folder' : 'not there'}: give a folder with ${CONFIG} and weights`);
  if (!existsSync(join(dir, CONFIG))) throw new ZsaqError('missing', `there is no ${CONFIG} in ${dir}: give a Hugging Face model folder`);
  const config = readObject(resolveLink(join(dir, CONFIG)));
  const card = existsSync(join(dir, CARD)) ? readObject(resolveLink(join(dir, CARD))) : undefined;
  const files = Object.fromEntries(TOKENIZER_FILES.filter((name) => existsSync(join(dir, name))).map((name) => [name, resolveLink(join(dir, name))]));

  const weights = WEIGHT_FILES.find((name) => existsSync(join(dir, name)));
  if (!weights) {
    const broken = WEIGHT_FILES.find((name) => lstatSync(join(dir, name), { throwIfNoEntry: false }));
    throw new ZsaqError('missing', broken
      ? `${broken} in ${dir} is a link to a file that is not there: fetch the model again`
      : `there are no weights in ${dir}: it needs ${WEIGHT_FILES[0]} or ${WEIGHT_FILES[2]}, whole or in shards with an index`);
  }
  const shards = new Map<string, TensorFile>();
  const close = (): void => shards.forEach((shard) => shard.close());
  try {
    const places = weights.endsWith('.index.json') ? openShards(dir, weights, shards) : openWhole(dir, weights, shards);
    const find = (name: string): TensorFile => {
      const shard = places.get(name);
      if (!shard) {
        throw new ZsaqError('missing',
          `${dir} has no tensor ${quote(name)} among its ${places.size}: check that its ${CONFIG} and weights belong together`);
      }
      return shard;
    };
    return { dir, config, card, files, close, names: [...places.keys()], info: (name) => find(name).info(name), read: (name) => find(name).read(name) };
  } catch (error) {
    close();
    throw error;
  }
}

function openTensors(path: string): TensorFile {
  const place = resolveLink(path);
  return path.endsWith('.bin') ? openTorchBin(place) : openSafetensors(place);
}

function openWhole(dir: string, name: string, shards: Map<string, TensorFile>): Map<string, TensorFile> {
  const file = openTensors(join(dir, name));
  shards.set(name, file);
  return new Map(file.names.map((tensor) => [tensor, file]));
}

/**
 * Reads a shard index: the file of each tensor.
 *
 * @throws ZsaqError 'format' where a shard is not a weights file beside the index, so that no path can reach out of the folder
 */
export function readShardIndex(path: string): Map<string, string> {
  const map = readObject(resolveLink(path)).weight_map;
  if (!isObject(map) || !Object.keys(map).length) throw new ZsaqError('format', `${path} has no "weight_map" of tensors to files: fetch the model again`);
  const ending = path.endsWith('.bin.index.json') ? '.bin' : '.safetensors';
  return new Map(Object.entries(map).map(([tensor, shard]) => {
    if (typeof shard !== 'string' || /[/\\\0]/.test(shard) || !shard.endsWith(ending)) {
      throw new ZsaqError('format',
        `${path} places the tensor ${quote(tensor)} in ${quote(shard)}, which is not a ${ending} file beside it: fetch the model again`);
    }
    return [tensor, shard];
  }));
}

function openShards(dir: string, index: string, shards: Map<string, TensorFile>): Map<string, TensorFile> {
  const path = join(dir, index);
  const places = new Map<string, TensorFile>();
  for (const [tensor, shard] of readShardIndex(path)) {
    let file = shards.get(shard);
    if (!file) {
      if (!existsSync(join(dir, shard))) throw new ZsaqError('missing', `the shard ${quote(shard)} that ${path} lists is not there: fetch the model again`);
      shards.set(shard, (file = openTensors(join(dir, shard))));
    }
    places.set(tensor, file);
  }
  const held = new Map([...shards].map(([shard, file]) => [file, { shard, names: new Set(file.names) }]));
  for (const [tensor, file] of places) {
    const { shard, names } = held.get(file)!;
    if (!names.has(tensor)) {
      throw new ZsaqError('missing',
        `the shard ${quote(shard)} in ${dir} does not hold the tensor ${quote(tensor)} that the index places there: fetch the model again`);
    }
  }
  return places;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readObject(path: string): Record<string, unknown> {
  const value = readJson(path);
  if (!isObject(value)) throw new ZsaqError('format', `${path} does not hold a JSON object: fetch the file again`);
  return value;
}

/**
 * Follows links that were stored as text: git (without symbolic links) and some archives leave a small file that holds
 * nothing but the relative path of the file it stands for.
 */
function resolveLink(path: string): string {
  for (let hops = 0; hops < 5; hops++) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat?.isFile() || stat.size > 1000) break;
    const text = readFileSync(path, 'utf8');
    const target = resolve(dirname(path), text);
    if (/[\0-\x1f{]/.test(text) || extname(target) !== extname(path) || !existsSync(target)) break;
    path = target;
  }
  return path;
}

/** What makes up a model folder. */
export interface PretrainedParts {
  config: Record<string, unknown>;
  tensors: Readonly<Record<string, WritableTensor>>;
  /** A model folder whose tokenizer files are copied. */
  copyFrom?: string;
  /** Written as `zsaq.json`: what the model is and which text it was trained on. */
  card?: Record<string, unknown>;
}

/**
 * Writes a model folder that `openPretrained` and transformers read. It is made beside `dir` and moved into place when
 * complete, so that a half-written folder is never seen. A model folder in its place is replaced; a folder with other
 * files is refused.
 *
 * @throws ZsaqError 'usage' where `dir` holds files that are not a model's; 'mismatch' | 'range' | 'nonFinite' | 'disk'
 * @example savePretrained('out/model', { config, tensors: { w: { dtype: 'F16', shape: [2], data } }, copyFrom: teacherDir })
 */
export function savePretrained(dir: string, { config, tensors, copyFrom, card }: PretrainedParts): void {
  checkReplaceable(resolve(dir), dir);
  writeFolder(dir, (temporary) => {
    writeWhole(join(temporary, CONFIG), canonicalJson(config, 2) + '\n');
    if (card) writeWhole(join(temporary, CARD), canonicalJson(card, 2) + '\n');
    if (copyFrom !== undefined) copyTokenizer(copyFrom, temporary);
    writeSafetensors(join(temporary, WEIGHTS), Object.entries(tensors), { format: 'pt' });
  });
}

/** Copies the tokenizer files of a model folder into another folder. */
export function copyTokenizer(from: string, to: string): void {
  for (const name of TOKENIZER_FILES) {
    const source = join(from, name);
    if (existsSync(source)) writeWhole(join(to, name), readFileSync(resolveLink(source)));
  }
}

/**
 * Makes a folder beside `dir` and moves it into place when it is complete, in the place of what was there.
 *
 * @param fill writes into the folder that it is given
 * @throws ZsaqError 'disk', and whatever `fill` throws; then nothing has changed
 */
export function writeFolder(dir: string, fill: (temporary: string) => void): void {
  const target = resolve(dir);
  const temporary = temporaryBeside(target, 'tmp'), previous = temporaryBeside(target, 'old');
  try {
    makeFolder(temporary);
    fill(temporary);
    const replaced = existsSync(target);
    if (replaced) renameSync(target, previous);
    try {
      renameSync(temporary, target);
    } catch (error) {
      if (replaced) renameSync(previous, target);
      throw error;
    }
    syncFolder(dirname(target));
    removeQuietly(previous);
    sweepBeside(target);
  } catch (error) {
    removeQuietly(temporary);
    throw diskError(error, 'write', dir);
  }
}

function checkReplaceable(target: string, dir: string): void {
  const stat = statSync(target, { throwIfNoEntry: false });
  if (!stat) return;
  if (!stat.isDirectory()) throw new ZsaqError('usage', `${dir} is a file: give a folder for the model`);
  const others = readdirSync(target).filter((name) => !HARMLESS.has(name) && !/^(model|pytorch_model)-\d+-of-\d+\.(safetensors|bin)$/.test(name));
  if (others.length) {
    throw new ZsaqError('usage',
      `${dir} holds files that are not a model's (${others.slice(0, 3).join(', ')}): give a new folder for the model`);
  }
}
