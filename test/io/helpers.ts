import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ZsaqError, type ErrorCode } from '../../src/core/error';
import type { HostTensor } from '../../src/io/tensor';

/** Files that the Python libraries wrote (see make.py beside them). */
export const FIXTURES = join(__dirname, '..', 'fixtures', 'io');

/** A folder of its own for each test of the calling suite, removed afterwards. */
export function scratch(): (name: string) => string {
  let dir = '';
  beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'zsaq-io-')); });
  afterEach(() => { rmSync(dir, { recursive: true, force: true }); });
  return (name) => join(dir, name);
}

/** Asserts that `action` throws a ZsaqError of this code, in one sentence without line breaks, that matches `pattern`. */
export function refuses(action: () => unknown, code: ErrorCode, pattern: RegExp): void {
  let error: unknown;
  try {
    action();
  } catch (caught) {
    error = caught;
  }
  assertSentence(error, code, pattern);
}

export function assertSentence(error: unknown, code: ErrorCode, pattern: RegExp): void {
  assert(error instanceof ZsaqError, `expected a ZsaqError, got ${error instanceof Error ? error.stack : String(error)}`);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, pattern);
  assert(!error.message.includes('\n'), `one line: ${error.message}`);
}

/** The values that Python read from the fixtures, as the bytes of float32, int32 or uint8. */
export function expectedTensors(): Map<string, { shape: number[]; bytes: Buffer }> {
  const parsed = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8')) as Record<string, { shape: number[]; base64: string }>;
  return new Map(Object.entries(parsed).map(([name, { shape, base64 }]) => [name, { shape, bytes: Buffer.from(base64, 'base64') }]));
}

export function bytesOf(tensor: HostTensor): Buffer {
  return Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
}
