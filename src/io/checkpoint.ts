import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ZsaqError } from '../core/error';
import { diskError, makeFolder, removeQuietly } from './disk';
import { canonicalJson, parseJson } from './file';
import { openSafetensors, writeSafetensors, type WritableTensor } from './safetensors';
import type { HostTensor } from './tensor';

/** The state of a run between two steps. */
export interface Checkpoint {
  step: number;
  /** Anything that JSON holds: random streams, histories, settings. Numbers come back bit for bit. */
  state: unknown;
  tensors: Record<string, HostTensor>;
}

const KEPT = 2;
const NAME = /^step-(\d{10})\.safetensors$/;
const DTYPES: Record<HostTensor['dtype'], WritableTensor['dtype']> = { float32: 'F32', int32: 'I32', uint8: 'U8', bool: 'BOOL' };

/**
 * Writes a checkpoint, whole or not at all, and keeps the one before it. Checkpoints of later steps belong to a course of
 * the run that this one replaces and are removed.
 *
 * @throws ZsaqError 'range' for an impossible step, 'nonFinite' for NaN in the state (tensors may hold it), 'mismatch', 'usage' where the folder is a file, 'disk'
 * @example saveCheckpoint('run/checkpoints', { step: 100, state: { streams: random.save() }, tensors })
 */
export function saveCheckpoint(dir: string, { step, state, tensors }: Checkpoint): void {
  if (!Number.isSafeInteger(step) || step < 0 || step > 9_999_999_999) {
    throw new ZsaqError('range',
      `a checkpoint at step ${step} cannot be written: give a whole number of at least 0`);
  }
  const text = canonicalJson(state);
  makeFolder(dir);
  const stored = Object.entries(tensors).map(([name, { dtype, shape, data }]) => [name, { dtype: DTYPES[dtype], shape, data }] as const);
  // The file sorts its tensors; a resumed run must meet them in the same order, or sums over them would round differently.
  const order = canonicalJson(Object.keys(tensors));
  const metadata = { format: 'zsaq-checkpoint', step: String(step), state: text, order, sha256: digest(step, text, tensors).toString('hex') };
  writeSafetensors(join(dir, `step-${String(step).padStart(10, '0')}.safetensors`), stored, metadata);

  const kept = list(dir).filter((other) => other.step <= step).slice(0, KEPT).map(({ file }) => file);
  for (const name of readdirSync(dir)) {
    // A killed run leaves the temporary file that it was writing.
    const superseded = NAME.test(name) && !kept.includes(name);
    if (superseded || /^\.step-\d{10}\.safetensors\..*\.tmp$/.test(name)) removeQuietly(join(dir, name));
  }
}

/**
 * Reads the newest whole checkpoint of a folder; null where there is none yet. Where the newest is damaged, the one
 * before it is returned with a `warning` that says so.
 *
 * @throws ZsaqError 'format' where every checkpoint is damaged, 'disk'
 */
export function loadCheckpoint(dir: string): (Checkpoint & { warning?: string }) | null {
  const damage: string[] = [];
  for (const { file } of list(dir)) {
    try {
      const checkpoint = read(join(dir, file));
      return damage.length ? { ...checkpoint, warning: `${damage.join('; ')}; continuing from step ${checkpoint.step}` } : checkpoint;
    } catch (error) {
      if (!(error instanceof ZsaqError) || error.code === 'disk') throw error;
      damage.push(error.message);
    }
  }
  if (!damage.length) return null;
  throw new ZsaqError('format', `every checkpoint in ${dir} is damaged (${damage.join('; ')}): remove them to start from the beginning`);
}

/** Checkpoints of a folder, newest first. */
function list(dir: string): { step: number; file: string }[] {
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw diskError(error, 'read', dir);
  }
  return names.filter((name) => NAME.test(name)).map((file) => ({ file, step: Number(NAME.exec(file)![1]) })).sort((a, b) => b.step - a.step);
}

function read(path: string): Checkpoint {
  const file = openSafetensors(path);
  try {
    const { format, step: stepText, state: text = '', order = '[]', sha256 = '' } = file.metadata;
    if (format !== 'zsaq-checkpoint') throw new ZsaqError('format', `${path} is not a zsaq checkpoint`);
    const step = Number(stepText), names = parseJson(order, `the order in ${path}`) as string[];
    if (!Number.isSafeInteger(step) || !Array.isArray(names) || names.length !== file.names.length) {
      throw new ZsaqError('format',
        `${path} does not list its tensors`);
    }
    const tensors = Object.fromEntries(names.map((name) => [name, file.read(name)]));
    const found = digest(step, text, tensors), recorded = Buffer.from(sha256, 'hex');
    if (!found.equals(recorded)) throw new ZsaqError('format', `${path} has another SHA-256 than was recorded`);
    return { step, state: parseJson(text, `the state in ${path}`), tensors };
  } finally {
    file.close();
  }
}

/** SHA-256 over the step, the state, and name, dtype, shape and bytes of each tensor, in their order. */
function digest(step: number, state: string, tensors: Record<string, HostTensor>): Buffer {
  const hash = createHash('sha256').update(canonicalJson([step, state]));
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    hash.update(canonicalJson([name, dtype, shape]));
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest();
}
