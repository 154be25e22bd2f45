/** What a user can do something about. `code` is stable; the message says what is wrong, where, and what to do. */
export type ErrorCode =
  | 'usage' | 'missing' | 'format' | 'unsupported' | 'mismatch' | 'range' | 'nonFinite'
  | 'leak' | 'backend' | 'diverged' | 'cancelled' | 'busy' | 'network' | 'disk';

/**
 * The one error class of zsaq. The command line prints only its message; a stack trace of any other error is a bug of ours.
 *
 * @example throw new ZsaqError('missing', `no config.json in ${dir}: give a Hugging Face model folder`)
 */
export class ZsaqError extends Error {
  constructor(readonly code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ZsaqError';
  }
}

/** A user's own words in an error message: on one line, cut after 80 characters. @example cut('beta=1') // 'beta=1' */
export function cut(text: string): string {
  const line = text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, '?');
  return line.length > 80 ? `${line.slice(0, 80)}...` : line;
}

/** A value of a file for an error message: as JSON on one line, cut after 80 characters. @example shown('gelu') // '"gelu"' */
export function shown(value: unknown): string {
  const text = (JSON.stringify(value) ?? String(value)).replace(/[\x7f-\x9f\u2028\u2029]/g, '?');
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
