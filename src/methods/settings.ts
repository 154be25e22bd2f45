import { cut, ZsaqError } from '../core/error';
import { accepts } from './check';

type Plain = Record<string, unknown>;

/**
 * Defaults changed by `path=value` texts, checked against them: the path must exist and the value must have its type.
 * Values are JSON or bare words. An empty record (`rules`) takes any key.
 *
 * @throws ZsaqError naming the path and what is allowed there
 * @example applySettings(samSga.defaults, ['beta=0.001', 'generator.rate=1e-5', 'sam=off'])
 */
export function applySettings<T extends object>(defaults: T, settings: readonly string[]): T {
  const out = structuredClone(defaults);
  for (const text of settings) {
    const at = text.indexOf('='), told = cut(text);
    if (at < 1) throw new ZsaqError('usage', `--set ${told}: write path=value, for example --set ${examplePath(defaults)}`);
    change(out as Plain, defaults as Plain, text.slice(0, at), parse(text.slice(at + 1)), told);
  }
  return out;
}

function change(root: Plain, defaults: Plain, path: string, value: unknown, text: string): void {
  const keys = path.split('.');
  let here = root, there = defaults;
  for (const [depth, key] of keys.entries()) {
    const last = depth === keys.length - 1, free = Object.keys(there).length === 0 && depth > 0;
    if (!free && !Object.hasOwn(here, key)) {
      throw new ZsaqError('usage', `--set ${text}: there is no "${cut(keys.slice(0, depth + 1).join('.'))}"; there are ${Object.keys(here).join(', ')}`);
    }
    if (keys.includes('__proto__')) throw new ZsaqError('usage', `--set ${text}: "__proto__" is no name of a setting`);
    if (free) { // the rest of the path is one key: weight names contain dots
      here[keys.slice(depth).join('.')] = value;
      return;
    }
    if (!last) {
      if (typeof here[key] !== 'object' || here[key] === null) throw new ZsaqError('usage', `--set ${text}: "${keys.slice(0, depth + 1).join('.')}" is a single value`);
      here = here[key] as Plain, there = there[key] as Plain;
      continue;
    }
    // a word that looks like a number: plan.embeddings=8
    if (kind(here[key]) === 'string' && typeof value === 'number' && accepts(path, String(value))) value = String(value);
    if (kind(here[key]) !== kind(value) && !mixed(key)) {
      throw new ZsaqError('usage', `--set ${text}: "${path}" takes a ${kind(here[key])} such as ${JSON.stringify(here[key])}`);
    }
    if (typeof value === 'number' && !Number.isFinite(value)) throw new ZsaqError('range', `--set ${text}: "${path}" takes a finite number`);
    here[key] = value;
  }
}

/** Granularity is a word or a record. */
function mixed(key: string): boolean { return key === 'granularity'; }

function kind(x: unknown): string {
  return x === null ? 'null' : Array.isArray(x) ? 'list' : typeof x;
}

function parse(text: string): unknown {
  try { return JSON.parse(text); } catch { return text; }
}

function examplePath(defaults: object): string {
  const [key, value] = Object.entries(defaults).find(([, v]) => typeof v === 'number') ?? ['path', 1];
  return `${key}=${value}`;
}
