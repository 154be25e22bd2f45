import { rmSync, writeFileSync } from 'node:fs';
import type { Stream } from '../../src/core/random';

/** One to three wounds: changed bits, bytes and numbers, cuts, holes, repetitions. */
export function damage(whole: Buffer, random: Stream): Buffer {
  let bytes: Buffer = Buffer.from(whole);
  for (let wounds = 1 + random.int(3); wounds > 0; wounds--) {
    if (!bytes.length) return bytes;
    const at = random.int(bytes.length);
    switch (random.int(7)) {
      case 0: bytes[at] ^= 1 << random.int(8); break;
      case 1: bytes[at] = random.int(256); break;
      case 2: bytes = bytes.subarray(0, at); break;
      case 3: bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.int(30))]); break;
      case 4: bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - random.int(30)))]); break;
      case 5: if (at + 8 <= bytes.length) bytes.writeBigUInt64LE(random.pick([0n, 1n, 0xffffffffn, 0x7fffffffffffffffn, 0xffffffffffffffffn, 1n << 40n]), at); break;
      case 6: if (at + 4 <= bytes.length) bytes.writeUInt32LE(random.pick([0, 0x7fffffff, 0xffffffff, 0x10000, bytes.length]), at); break;
    }
  }
  return bytes;
}

/** Puts a new file in the place of the old one: much faster than writing into it, which some file systems flush to the disk. */
export function put(path: string, bytes: Uint8Array): void {
  rmSync(path, { force: true });
  writeFileSync(path, bytes);
}

/** Values that no field expects, or not there. */
const ODD: readonly unknown[] = [
  null, true, false, 0, -1, 0.5, 1e308, 2 ** 31, 2 ** 53, 10_000_000, '', ' ', 'a', '##', '\ud800', '\u0000', '__proto__', 'x'.repeat(2000), [], {}, [[]], ['a', 'b'], { content: 5 }, { id: -1 },
];

/** One to three wounds in the values of a JSON text, so that it stays JSON: odd values, lost, doubled and moved entries. */
export function damageJson(whole: string, random: Stream): string {
  const root = { value: JSON.parse(whole) as unknown };
  for (let wounds = 1 + random.int(3); wounds > 0; wounds--) {
    let parent = root as unknown as Record<string, unknown>, key = 'value';
    for (let depth = random.int(7); depth > 0; depth--) { // walks down to a random place
      const child = parent[key];
      const keys = typeof child === 'object' && child !== null ? Object.keys(child) : [];
      if (!keys.length) break;
      parent = child as Record<string, unknown>;
      key = random.pick(keys);
    }
    const value = parent[key];
    switch (random.int(5)) {
      case 0: case 1: parent[key] = structuredClone(random.pick(ODD)); break;
      case 2: if (Array.isArray(parent)) parent.splice(Number(key), 1); else delete parent[key]; break;
      case 3: parent[key] = [value, structuredClone(value)]; break;
      case 4: parent[random.pick(Object.keys(parent))] = structuredClone(value); break;
    }
    if (root.value === undefined) root.value = null;
  }
  return JSON.stringify(root.value);
}
