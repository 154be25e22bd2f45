import { ZsaqError } from '../core/error';
import { decodeUtf8 } from './file';
import { quote } from './quote';

/** A callable or class that a pickle names; only its name is known, nothing is ever imported or run. */
export class Global { constructor(readonly name: string) {} }

/** What the two ends of a pickle mean to its reader. */
export interface PickleHost {
  /** Full names (`module.name`) that may occur. */
  globals: ReadonlySet<string>;
  /** The value of calling an allowed global. */
  call(name: string, args: unknown[]): unknown;
  /** The object that a persistent id stands for. */
  persistent(id: unknown): unknown;
}

/** Names of the opcodes that are refused, for the error; numbers are from Python's pickle module. */
const REFUSED: Record<number, string> = {
  0x30: 'POP', 0x31: 'POP_MARK', 0x32: 'DUP', 0x46: 'FLOAT', 0x49: 'INT', 0x4c: 'LONG', 0x50: 'PERSID', 0x53: 'STRING', 0x54: 'BINSTRING',
  0x55: 'SHORT_BINSTRING', 0x56: 'UNICODE', 0x64: 'DICT', 0x67: 'GET', 0x69: 'INST', 0x6c: 'LIST', 0x6f: 'OBJ', 0x70: 'PUT', 0x81: 'NEWOBJ', 0x82: 'EXT1',
  0x83: 'EXT2', 0x84: 'EXT4', 0x8b: 'LONG4', 0x42: 'BINBYTES', 0x43: 'SHORT_BINBYTES', 0x8c: 'SHORT_BINUNICODE', 0x8d: 'BINUNICODE8', 0x8e: 'BINBYTES8',
  0x8f: 'EMPTY_SET', 0x90: 'ADDITEMS', 0x91: 'FROZENSET', 0x92: 'NEWOBJ_EX', 0x93: 'STACK_GLOBAL', 0x94: 'MEMOIZE', 0x95: 'FRAME', 0x96: 'BYTEARRAY8',
  0x97: 'NEXT_BUFFER', 0x98: 'READONLY_BUFFER',
};

/**
 * Reads one pickle of protocol 2 with the opcodes that state dicts of tensors need, and no others. Dicts become Maps,
 * lists and tuples arrays, None null. Time and memory grow with the bytes read; nothing in the pickle is executed.
 *
 * @param start where the pickle begins in `bytes`
 * @returns the value, and the place after its STOP
 * @throws ZsaqError 'unsupported' for another opcode, protocol or global, by name; 'format' for damage
 * @see Python's Lib/pickletools.py
 */
export function unpickle(bytes: Uint8Array, start: number, host: PickleHost, path: string): { value: unknown; end: number } {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: unknown[] = [];
  const marks: number[] = [];
  const memo = new Map<number, unknown>();
  let at = start;

  const bad = (what: string): never => {
    throw new ZsaqError('format', `the pickle in ${path} is damaged at byte ${at} (${what}): fetch the file again`);
  };
  const refuse = (what: string): never => {
    throw new ZsaqError('unsupported',
      `${path} holds ${what}, which a file of tensors does not need, and was not read: save a plain state dict, or convert it to safetensors`);
  };
  const take = (count: number): number => {
    if (count > bytes.byteLength - at) bad('it ends too early');
    at += count;
    return at - count;
  };
  const pop = (): unknown => {
    if (!stack.length || stack.length <= (marks[marks.length - 1] ?? 0)) bad('its stack is empty');
    return stack.pop();
  };
  const popToMark = (): unknown[] => stack.splice(marks.pop() ?? bad('a mark is missing') as number);
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    if (end < 0 || end - at > 200) bad('a name has no end');
    const text = decodeUtf8(bytes.subarray(at, end), `a name in ${path}`);
    at = end + 1;
    return text;
  };
  const setItems = (pairs: unknown[]): void => {
    const dict = stack[stack.length - 1];
    if (!(dict instanceof Map) || pairs.length % 2) return bad('items without a dict');
    for (let i = 0; i < pairs.length; i += 2) {
      const key = pairs[i];
      if (typeof key !== 'string' && typeof key !== 'number') return refuse('a dict key that is neither text nor a number');
      dict.set(key, pairs[i + 1]);
    }
  };
  const append = (items: unknown[]): void => {
    const list = stack[stack.length - 1];
    if (!Array.isArray(list)) return bad('items without a list');
    for (const item of items) list.push(item);
  };
  const recall = (index: number): void => {
    if (!memo.has(index)) bad('it refers to an object that it does not hold');
    stack.push(memo.get(index));
  };
  const tuple = (count: number): void => {
    const items: unknown[] = [];
    for (let i = 0; i < count; i++) items.unshift(pop());
    stack.push(items);
  };

  for (; ;) {
    const code = data.getUint8(take(1));
    switch (code) {
      case 0x80: { // PROTO
        const protocol = data.getUint8(take(1));
        if (protocol !== 2) refuse(`pickle protocol ${protocol}`);
        break;
      }
      case 0x2e: { // STOP
        const value = pop();
        if (stack.length || marks.length) bad('objects are left over at its end');
        return { value, end: at };
      }
      case 0x28: marks.push(stack.length); break; // MARK
      case 0x7d: stack.push(new Map()); break; // EMPTY_DICT
      case 0x5d: case 0x29: stack.push([]); break; // EMPTY_LIST, EMPTY_TUPLE
      case 0x4e: stack.push(null); break; // NONE
      case 0x88: stack.push(true); break; // NEWTRUE
      case 0x89: stack.push(false); break; // NEWFALSE
      case 0x4a: stack.push(data.getInt32(take(4), true)); break; // BININT
      case 0x4b: stack.push(data.getUint8(take(1))); break; // BININT1
      case 0x4d: stack.push(data.getUint16(take(2), true)); break; // BININT2
      case 0x47: stack.push(data.getFloat64(take(8))); break; // BINFLOAT
      case 0x8a: { // LONG1: little-endian two's complement
        const length = data.getUint8(take(1));
        const from = take(length);
        let value = 0n;
        for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[from + i]);
        value = BigInt.asIntN(length * 8, value);
        stack.push(Number.isSafeInteger(Number(value)) ? Number(value) : value);
        break;
      }
      case 0x58: { // BINUNICODE
        const length = data.getUint32(take(4), true);
        const from = take(length);
        stack.push(decodeUtf8(bytes.subarray(from, at), `a text in ${path}`));
        break;
      }
      case 0x74: { // TUPLE
        const items = popToMark();
        stack.push(items);
        break;
      }
      case 0x85: tuple(1); break;
      case 0x86: tuple(2); break;
      case 0x87: tuple(3); break;
      case 0x71: memo.set(data.getUint8(take(1)), stack[stack.length - 1]); break; // BINPUT
      case 0x72: memo.set(data.getUint32(take(4), true), stack[stack.length - 1]); break; // LONG_BINPUT
      case 0x68: recall(data.getUint8(take(1))); break; // BINGET
      case 0x6a: recall(data.getUint32(take(4), true)); break; // LONG_BINGET
      case 0x63: { // GLOBAL
        const name = `${line()}.${line()}`;
        if (!host.globals.has(name)) refuse(`the Python object ${quote(name)}`);
        stack.push(new Global(name));
        break;
      }
      case 0x52: { // REDUCE
        const args = pop(), callee = pop();
        if (!(callee instanceof Global) || !Array.isArray(args)) return bad('a call of something that is no function');
        stack.push(host.call(callee.name, args));
        break;
      }
      case 0x51: stack.push(host.persistent(pop())); break; // BINPERSID
      case 0x62: // BUILD: state dicts carry version numbers as attributes of an OrderedDict; they are read and dropped
        pop();
        if (!(stack[stack.length - 1] instanceof Map)) refuse('attributes of an object that is no dict (opcode BUILD)');
        break;
      case 0x73: { // SETITEM
        const value = pop(), key = pop();
        setItems([key, value]);
        break;
      }
      case 0x75: setItems(popToMark()); break; // SETITEMS
      case 0x61: append([pop()]); break; // APPEND
      case 0x65: append(popToMark()); break; // APPENDS
      default:
        refuse(`the pickle opcode ${REFUSED[code] ?? `0x${code.toString(16).padStart(2, '0')}`}`);
    }
  }
}
