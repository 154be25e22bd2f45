import { ZsaqError } from '../core/error';
import { quote } from './quote';

/** Nesting that no configuration needs; deeper text is refused before it can exhaust the stack. */
const MAX_DEPTH = 200;

/** Keys that would change an object's prototype instead of its contents in code that copies it carelessly. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor']);

/**
 * The same value with null for each NaN and Infinity, which JSON cannot hold: a correlation with one answer for every example is no number, and the rest of its result counts.
 *
 * @param digits of each number, for files that people read; all without it
 */
export function finiteJson<T>(value: T, digits?: number): T {
  if (typeof value === 'number') return (!Number.isFinite(value) ? null : digits === undefined ? value : Number(value.toPrecision(digits))) as T;
  if (Array.isArray(value)) return value.map((v) => finiteJson(v, digits)) as T;
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, finiteJson(v, digits)])) as T;
  return value;
}

/**
 * JSON with sorted keys and no spaces: equal values have equal text, so that the text can be hashed and compared.
 * Keys whose value is `undefined` are left out; -0 keeps its sign, so that every number is read back bit for bit.
 *
 * @param indent spaces per level, for files that people read
 * @throws ZsaqError 'nonFinite' for NaN and Infinity, 'format' for what JSON cannot hold; both name the place
 * @example canonicalJson({ b: 1, a: [true, null] }) // '{"a":[true,null],"b":1}'
 */
export function canonicalJson(value: unknown, indent = 0): string {
  const ancestors: object[] = [], path: (string | number)[] = [];
  const where = (): string => `value${path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('')}`;

  const refuse = (what: string): never => {
    throw new ZsaqError('format', `${where()} is ${what}, which JSON cannot hold: give numbers, text, true, false, null, lists and plain objects`);
  };

  const join = (open: string, items: string[], close: string): string => {
    if (!items.length) return open + close;
    if (!indent) return open + items.join(',') + close;
    const line = '\n' + ' '.repeat(indent * ancestors.length);
    return open + line + items.join(',' + line) + line.slice(0, line.length - indent) + close;
  };

  const write = (v: unknown): string => {
    if (v === null || typeof v === 'boolean' || typeof v === 'string') return JSON.stringify(v);
    if (typeof v === 'number') {
      if (!Number.isFinite(v)) throw new ZsaqError('nonFinite', `${where()} is ${v}, which JSON cannot hold: give a finite number or null`);
      return Object.is(v, -0) ? '-0' : String(v);
    }
    if (typeof v !== 'object') return refuse(v === undefined ? 'undefined' : `a ${typeof v}`);
    if (ancestors.includes(v)) return refuse('an object that contains itself');
    if (ancestors.length >= MAX_DEPTH) return refuse(`nested more than ${MAX_DEPTH} levels deep`);
    const prototype = Object.getPrototypeOf(v);
    const plain = prototype === null || Object.getPrototypeOf(prototype) === null;
    if (!Array.isArray(v) && !plain) return refuse(`a ${v.constructor?.name ?? 'class instance'}`);
    ancestors.push(v);
    const text = Array.isArray(v)
      ? join('[', Array.from(v, (item, i) => at(i, item)), ']')
      : join('{', Object.keys(v).sort()
        .filter((key) => (v as Record<string, unknown>)[key] !== undefined)
        .map((key) => JSON.stringify(key) + (indent ? ': ' : ':') + at(key, (v as Record<string, unknown>)[key])), '}');
    ancestors.pop();
    return text;
  };

  const at = (key: string | number, item: unknown): string => {
    path.push(key);
    const text = write(item);
    path.pop();
    return text;
  };

  return write(value);
}

/**
 * Strict JSON: what `JSON.parse` accepts, less keys given twice, `__proto__` and `constructor` keys, and numbers beyond
 * the range of a double. A byte-order mark at the start is skipped.
 *
 * @param where names the text in errors, usually its file
 * @throws ZsaqError 'format' with line and column
 */
export function parseJson(text: string, where: string): unknown {
  const body = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  checkJson(body, where);
  return JSON.parse(body);
}

/** Walks the grammar of RFC 8259 without recursion, because `JSON.parse` neither tells places nor sees keys given twice. */
function checkJson(text: string, where: string): void {
  const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
  const open: (Set<string> | null)[] = []; // keys seen of each open object, null for a list
  let at = 0;

  const fail = (what: string, place = at): never => {
    const before = text.slice(0, place);
    const line = before.split('\n').length, column = place - before.lastIndexOf('\n');
    throw new ZsaqError('format', `${where} is not valid JSON at line ${line}, column ${column} (${what}): mend the file or fetch it again`);
  };
  const space = (): void => {
    for (let c; (c = text.charCodeAt(at)) === 32 || c === 10 || c === 13 || c === 9;) at++;
  };
  const string = (): string => {
    const start = at++;
    for (; ; at++) {
      const c = text.charCodeAt(at);
      if (c === 0x22) return text.slice(start, ++at);
      if (!(c >= 0x20)) fail(at >= text.length ? 'a text without closing quote' : 'a control character inside a text');
      if (c !== 0x5c) continue;
      const escape = text[++at];
      if (escape === 'u' && /^[0-9a-fA-F]{4}$/.test(text.slice(at + 1, at + 5))) at += 4;
      else if (escape === undefined || !'"\\/bfnrt'.includes(escape)) fail('an unknown escape inside a text');
    }
  };
  const key = (seen: Set<string>): void => {
    space();
    const start = at;
    if (text[at] !== '"') fail('expected a key in double quotes');
    const name = JSON.parse(string()) as string;
    if (FORBIDDEN_KEYS.has(name)) fail(`the key ${quote(name)} is not allowed`, start);
    if (seen.has(name)) fail(`the key ${quote(name)} is given twice`, start);
    seen.add(name);
    space();
    if (text[at++] !== ':') fail("expected ':'", at - 1);
  };
  const begin = (seen: Set<string> | null, close: string): boolean => {
    at++;
    if (open.length >= MAX_DEPTH) fail(`nested more than ${MAX_DEPTH} levels deep`);
    space();
    if (text[at] === close) { at++; return false; }
    open.push(seen);
    if (seen) key(seen);
    return true;
  };

  for (; ;) {
    space();
    if (text[at] === '{') { if (begin(new Set(), '}')) continue; }
    else if (text[at] === '[') { if (begin(null, ']')) continue; }
    else if (text[at] === '"') string();
    else {
      SCALAR.lastIndex = at;
      const scalar = SCALAR.exec(text)?.[0] ?? fail(at >= text.length ? 'the text ends too early' : 'expected a value');
      if (Math.abs(Number(scalar)) === Infinity) fail('a number beyond the range of a double');
      at += scalar.length;
    }
    for (; ;) { // after a value: the next one, or the end of what is open
      space();
      if (!open.length) {
        if (at < text.length) fail('text after the end');
        return;
      }
      const seen = open[open.length - 1];
      if (text[at] === ',') {
        at++;
        if (seen) key(seen);
        break;
      }
      if (text[at] !== (seen ? '}' : ']')) fail(`expected ',' or '${seen ? '}' : ']'}'`);
      at++;
      open.pop();
    }
  }
}
