/**
 * A name from a file in double quotes, for an error message: escaped, so that it stays on one line, and cut after 80 characters.
 *
 * @example quote('bert.pooler\n') // '"bert.pooler\\n"'
 */
export function quote(name: unknown): string {
  const text = typeof name === 'string' ? name : String(name);
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text).replace(/[\x7f-\x9f\u2028\u2029]/g, '?');
}

/** A shape for an error message, cut after eight sides. @example sides([2, 3]) // '[2, 3]' */
export function sides(shape: readonly unknown[]): string {
  return `[${shape.slice(0, 8).join(', ')}${shape.length > 8 ? ', ...' : ''}]`;
}
