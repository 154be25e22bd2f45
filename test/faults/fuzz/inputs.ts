import fc from 'fast-check';
import type { Stream } from '../../../src/core/random';
import { damage, damageJson } from '../../io/damage';

/** What attackers put where a name or a number is expected. */
const HOSTILE = ['__proto__', 'constructor', 'prototype', '{"__proto__":{"polluted":1}}', '../../../../etc/passwd', '/etc/passwd', '..\\..\\x', 'C:\\x', 'a\0b', '\u202e', '<script>alert(1)</script>', '$(id)', '%s%n', '1e999', '-0', '0x10', '9'.repeat(400), '\ud800', 'x'.repeat(5000), '='.repeat(50), '[' .repeat(300), '(a+)+$', 'NaN', 'null', ''];

/** A whole input with wounds: bytes, values of its JSON, hostile words in the place of texts; now and then nothing of it is left. */
export function wounded(whole: Buffer, random: Stream): Buffer {
  const kind = random.int(10);
  if (kind === 0) return Buffer.from(fc.sample(fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.json().map((text) => Buffer.from(text)), fc.string({ unit: 'binary' }).map((text) => Buffer.from(text))), { seed: random.int(2 ** 31 - 1), numRuns: 1 })[0]);
  const text = kind < 6 && isJson(whole) ? whole.toString('utf8') : undefined;
  if (text !== undefined && kind < 4) return Buffer.from(damageJson(text, random));
  if (text !== undefined || kind === 1) return Buffer.from(hostile(text ?? whole.toString('latin1'), random), text === undefined ? 'latin1' : 'utf8');
  return damage(whole, random);
}

function isJson(bytes: Buffer): boolean {
  if (bytes[0] !== 0x7b && bytes[0] !== 0x5b) return false;
  try { JSON.parse(bytes.toString('utf8')); return true; } catch { return false; }
}

/** A hostile word in the place of one of the words. */
function hostile(text: string, random: Stream): string {
  const words = [...text.matchAll(/[\w./-]+/g)];
  if (!words.length) return random.pick(HOSTILE);
  const word = random.pick(words), escaped = JSON.stringify(random.pick(HOSTILE)).slice(1, -1);
  return text.slice(0, word.index ?? 0) + escaped + text.slice((word.index ?? 0) + word[0].length);
}

/** A few arguments: what fits, what nearly fits, and what does not. */
export function words(random: Stream, fitting: readonly string[], most: number): string[] {
  return Array.from({ length: random.int(most + 1) }, () => {
    const word = random.pick(fitting);
    switch (random.int(5)) {
      case 0: return random.pick(HOSTILE);
      case 1: return `${word}=${random.pick(HOSTILE)}`;
      case 2: return damage(Buffer.from(word), random).toString('utf8');
      default: return word;
    }
  });
}
