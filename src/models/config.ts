import { shown, ZsaqError } from '../core/error';

/** What `config.json` of a model folder holds. */
export type Config = Readonly<Record<string, unknown>>;

/** A positive integer of `config.json`, at most `limit`. */
export function integer(config: Config, key: string, fallback?: number, limit = 2 ** 31 - 1): number {
  const v = config[key] ?? fallback;
  if (typeof v !== 'number' || !Number.isInteger(v) || v < 1 || v > limit) {
    throw new ZsaqError('format', `config.json: ${key} must be a whole number from 1 to ${limit}, but is ${shown(config[key])}`);
  }
  return v;
}

/** A finite number of `config.json`. */
export function number(config: Config, key: string, fallback: number): number {
  const v = config[key] ?? fallback;
  if (typeof v !== 'number' || !Number.isFinite(v)) throw new ZsaqError('format', `config.json: ${key} must be a number, but is ${shown(v)}`);
  return v;
}

/** A share of `config.json`, at least 0 and below 1; null counts as absent. */
export function share(config: Config, key: string, fallback: number): number {
  const v = number({ [key]: config[key] ?? undefined }, key, fallback);
  if (v < 0 || v >= 1) throw new ZsaqError('format', `config.json: ${key} must be at least 0 and below 1, but is ${shown(v)}`);
  return v;
}

export function boolean(config: Config, key: string, fallback: boolean): boolean {
  const v = config[key] ?? fallback;
  if (typeof v !== 'boolean') throw new ZsaqError('format', `config.json: ${key} must be true or false, but is ${shown(v)}`);
  return v;
}

export function text(config: Config, key: string, fallback: string): string {
  const v = config[key] ?? fallback;
  if (typeof v !== 'string') throw new ZsaqError('format', `config.json: ${key} must be a string, but is ${shown(v)}`);
  return v;
}

/** More layers than any model has: a damaged file must not make us build a list of billions. */
const LAYERS = 1000;

export function layerCount(config: Config, key = 'num_hidden_layers'): number { return integer(config, key, undefined, LAYERS); }

/** A setting that changes what the model computes and is not supported must be absent or have the one value that is. */
export function only(config: Config, key: string, value: unknown): void {
  const v = config[key] ?? value;
  if (v !== value) throw new ZsaqError('unsupported', `config.json: ${key} ${shown(v)} is not supported, only ${shown(value)}: choose another model`);
}

/**
 * The class that saved the folder, the first of `architectures`; undefined where none is named.
 *
 * @throws ZsaqError 'unsupported' with the list of known ones
 */
export function architecture<T extends string>(config: Config, known: readonly T[]): T | undefined {
  const [name] = Array.isArray(config.architectures) ? config.architectures as unknown[] : [];
  if (name === undefined || known.includes(name as T)) return name as T | undefined;
  throw new ZsaqError('unsupported', `config.json: architecture ${shown(name)} is not known: ${known.join(', ')} are`);
}

/** The padding token, or what stands in for it where `config.json` names none. */
export function padToken(config: Config, fallback: number): number {
  return typeof config.pad_token_id === 'number' ? config.pad_token_id : fallback;
}

/** hidden size per head must be whole. */
export function divides(config: Config, heads: number, hidden: number): void {
  if (hidden % heads) throw new ZsaqError('format', `config.json: hidden size ${hidden} is not a multiple of ${heads} attention heads`);
}

/** Label names in the order of the logits; `num_labels` or two nameless labels if `id2label` is missing. */
export function labels(config: Config): string[] {
  const table = config.id2label;
  if (table === undefined || table === null) return Array.from({ length: integer(config, 'num_labels', 2) }, (_, i) => `LABEL_${i}`);
  const entries = Object.entries(table as Record<string, unknown>);
  const names = entries.map((_, i) => (table as Record<string, unknown>)[String(i)]);
  if (!entries.length || names.some((n) => typeof n !== 'string')) {
    throw new ZsaqError('format', 'config.json: id2label must name every label from "0" on');
  }
  return names as string[];
}
