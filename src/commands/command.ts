import { parseArgs, type ParseArgsConfig } from 'node:util';
import { ZsaqError } from '../core/error';

type Options = NonNullable<ParseArgsConfig['options']>;
export type Values = Record<string, string | boolean | string[] | undefined>;

/** What a command has to say: text for people, one object for programs, and how the process ends. */
export interface Outcome { text: string; json: Record<string, unknown>; exitCode?: number }

/** One command of the command line. `options` are described in `help`, in the same order. */
export interface Command {
  name: string;
  summary: string;
  help: string;
  options: Options;
  /** words of which exactly one must stand after the command's name; `values.action` is the one that does */
  actions?: readonly string[];
  /** the one action that takes a further word, which becomes `values.operand`, and what to call that word */
  operand?: { action: string; name: string };
  /** a command without actions that takes one word, `values.operand`, and what to call it */
  word?: string;
  /** a command without actions that takes any number of words, `values.words`, and what to call one */
  words?: string;
  run(values: Values, signal: AbortSignal): Promise<Outcome>;
}

/** The options of a command as given, and its action if it has any. @throws ZsaqError 'usage' in one sentence */
export function parse(command: Command, args: string[]): Values {
  try {
    const options: Options = { ...command.options, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } };
    const { values, positionals } = parseArgs({ args, options, strict: true, allowPositionals: true });
    if (command.words) return { ...values, words: positionals } as Values;
    const [action, operand] = positionals, { name } = (command.operand?.action === action && command.operand) || {};
    const unexpected = positionals[(command.actions || command.word ? 1 : 0) + (name ? 1 : 0)];
    if (unexpected !== undefined) throw new Error(`unexpected "${unexpected}"`);
    if (command.word && !values.help) {
      if (action === undefined) throw new Error(`say which ${command.word} to ${command.name}`);
      return { ...values, operand: action } as Values;
    }
    if (!command.actions || values.help) return values as Values;
    if (!command.actions.includes(action)) throw new Error(`${action === undefined ? 'say what to do' : `"${action}" is none of its actions`}, ${command.actions.join(' or ')}`);
    if (name && operand === undefined) throw new Error(`say which ${name} to ${action}`);
    return { ...values, action, ...(name ? { operand } : {}) } as Values;
  } catch (e) {
    const reason = (e as Error).message.split(/\. |\n/)[0].replace(/\.$/, '').replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, '?').slice(0, 300);
    throw new ZsaqError('usage', `${command.name}: ${reason}: see \`zsaq ${command.name} --help\``, { cause: e });
  }
}

/** A text option that must be there. */
export function required(values: Values, name: string, hint: string): string {
  const v = values[name];
  if (typeof v !== 'string' || v === '') throw new ZsaqError('usage', `--${name} is missing: ${hint}`);
  return v;
}

export function optional(values: Values, name: string): string | undefined {
  return values[name] as string | undefined;
}

/** A whole number option. */
export function wholeNumber(values: Values, name: string, fallback: number): number {
  const v = optional(values, name);
  if (v === undefined) return fallback;
  if (!/^\d+$/.test(v)) throw new ZsaqError('usage', `--${name} ${v}: give a whole number of at least 0`);
  return Number(v);
}
