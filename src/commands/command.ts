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
  run(values: Values, signal: AbortSignal): Promise<Outcome>;
}

/** The options of a command as given. @throws ZsaqError 'usage' in one sentence */
export function parse(command: Command, args: string[]): Values {
  try {
    const options: Options = { ...command.options, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } };
    const { values, positionals } = parseArgs({ args, options, strict: true, allowPositionals: true });
    if (positionals.length) throw new Error(`unexpected "${positionals[0]}"`);
    return values as Values;
  } catch (e) {
    const reason = (e as Error).message.split(/\. |\n/)[0].replace(/\.$/, '');
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
