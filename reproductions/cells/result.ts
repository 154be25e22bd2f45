// What a finished cell leaves: one file, sealed, so that a number changed by hand is noticed.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { applySettings, canonicalJson, makeFolder, METHODS, presetSize, readJson, writeWhole, ZsaqError, type BankScore, type Contributions, type DataSource, type Entry } from '../../src/index';
import { RECIPE, weightBits } from '../recipe';
import type { StudentLandscape } from './landscape';
import { contentOf, idOf, type Cell, type ModelCell, type QuantizeCell } from './cell';

/** Contributions of the examples in a file: a bit each where they are right or wrong, else float32; base64. */
export interface PackedContributions { kind: Contributions['kind']; n: number; data: string }

/** One point of a thinned history: means over the steps up to `step`. */
export type HistoryPoint = Partial<Record<'step' | 'student' | 'generator' | 'sharpness' | 'relativeRadius' | 'codesMoved' | 'gradientNorm' | 'distinct' | 'held', number>>;

/** What a student is after some steps of its run. */
export interface AlongPoint {
  step: number;
  /** on the task, with the metric's own scale; null where it is not finite */
  score: number | null;
  /** mean divergence on the fixed bank; null where it is not finite */
  bank: number | null;
}

interface Common { recipe: number; id: string; status: 'ok' | 'diverged'; seconds: number; peakBytes: number; date: string; commit: string; backend: string; device: string }

/** A score that a result holds; null where it is not finite. */
export interface CellScore { task: string; metric: string; score: number | null; examples: number; details?: Record<string, number | null | undefined> }

/** The result of a quantization. */
export interface QuantizeResult extends Common, CellScore {
  cell: QuantizeCell;
  /** score of the best constant answer, with the metric's own scale; null for running text */
  majority: number | null;
  each: PackedContributions;
  transfer: (CellScore & { majority: number | null })[];
  /** divergence on the fixed bank, where the cell asks for it */
  bank?: BankScore & { sha256: string };
  /** the student after some of the run's steps, where the cell asks for it */
  along?: AlongPoint[];
  /** the loss around the student, where the cell asks for it */
  landscape?: StudentLandscape;
  steps: number;
  sizeBytes: number;
  /** seconds of each part of a step */
  phases: Record<string, number>;
  settings: Record<string, unknown>;
  planOptions: Record<string, unknown>;
  /** mean rise of the divergence by SAM's perturbation */
  sharpness: number | null;
  history: HistoryPoint[];
  read: DataSource | null;
  /** SHA-256 of teacher, generator and evaluation set */
  hashes: { model: string; generator: string | null; data: string };
}

/** The result of making a model. */
export interface ModelResult extends Common { cell: ModelCell; metrics: Record<string, unknown>; hashes: { model: string } }

export type CellResult = QuantizeResult | ModelResult;

export function packed({ kind, values }: Contributions): PackedContributions {
  const n = values.length;
  if (kind !== 'correct') return { kind, n, data: Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64') };
  const bits = Buffer.alloc(Math.ceil(n / 8));
  values.forEach((v, i) => { if (v) bits[i >> 3] |= 1 << (i & 7); });
  return { kind, n, data: bits.toString('base64') };
}

export function unpacked({ kind, n, data }: PackedContributions): Float32Array {
  const bytes = Buffer.from(data, 'base64');
  if (kind === 'correct') return Float32Array.from({ length: n }, (_, i) => (bytes[i >> 3] >> (i & 7)) & 1);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 4 * n));
}

const NUMBERS = ['student', 'generator', 'sharpness', 'relativeRadius', 'codesMoved', 'gradientNorm', 'distinct', 'held'] as const;

/** A history in at most `points` means of as many steps each, to 4 digits. */
export function thinned(history: readonly Entry[], points = 40): HistoryPoint[] {
  const width = Math.max(1, Math.ceil(history.length / points));
  return Array.from({ length: Math.ceil(history.length / width) }, (_, i) => {
    const part = history.slice(i * width, (i + 1) * width), point: HistoryPoint = { step: part[part.length - 1].step };
    for (const name of NUMBERS) {
      const values = part.flatMap((e) => e[name] ?? []).filter(Number.isFinite);
      if (values.length) point[name] = Number((values.reduce((a, b) => a + b, 0) / values.length).toPrecision(4));
    }
    return point;
  });
}

const sealOf = (result: object): string => createHash('sha256').update(canonicalJson(result)).digest('hex');

/** Writes a result whole, under its cell's name, with the seal of its content. */
export function writeResult(folder: string, result: CellResult): string {
  const file = join(folder, `${idOf(result.cell)}.json`);
  makeFolder(folder);
  writeWhole(file, `${canonicalJson({ ...result, seal: sealOf(result) }, 1)}\n`);
  return file;
}

/** @throws ZsaqError 'format' where the content is not what was sealed or belongs to another cell */
export function readResult(file: string): CellResult {
  const read = readJson(file);
  if (typeof read !== 'object' || read === null || Array.isArray(read)) throw new ZsaqError('format', `${file} holds no result: remove it and run \`zsaq reproduce\` again`);
  const { seal, ...result } = read as CellResult & { seal: string };
  if (seal !== sealOf(result)) throw new ZsaqError('format', `${file} was changed after it was written (its seal does not fit): remove it and run \`zsaq reproduce\` again`);
  if (result.id !== idOf(result.cell) && result.recipe === RECIPE) throw new ZsaqError('format', `${file} holds the result of another cell: remove it and run \`zsaq reproduce\` again`);
  return result;
}

/** The result of a cell, if it is there and counts: made by this recipe, with the settings that the cell has now. */
export function resultOf(folder: string, cell: Cell): CellResult | undefined {
  const file = join(folder, `${idOf(cell)}.json`);
  if (!existsSync(file)) return undefined;
  const result = readResult(file);
  return changedSetting(result) === undefined ? result : undefined;
}

/** The first setting in which a result differs from what its cell would be run with today. Settings that it does not know are new, and off unless asked for. */
export function changedSetting(result: CellResult): string | undefined {
  if (result.recipe !== RECIPE) return `recipe ${result.recipe} of ${RECIPE}`;
  if (result.cell.kind !== 'quantize') return undefined;
  const { cell, settings } = result as QuantizeResult, now = settingsOf(cell);
  const differs = (was: unknown, is: unknown, path: string): string | undefined => {
    if (typeof was !== 'object' || was === null) return was === is ? undefined : path;
    for (const [key, value] of Object.entries(was)) {
      const found = differs(value, (is as Record<string, unknown> | undefined)?.[key], path ? `${path}.${key}` : key);
      if (found) return found;
    }
    return undefined;
  };
  const { seq, batch, divergence, ...rest } = settings; // these depend on the form of the task and on the model's head and length
  return differs(rest, now, '');
}

/** Settings of a cell as far as they do not depend on the model. */
export function settingsOf({ method, preset, bits, set }: QuantizeCell): Record<string, unknown> {
  const base: Record<string, unknown> = { ...(METHODS[method].defaults as object) };
  const size: object = presetSize(preset, weightBits(bits), 'single', Infinity);
  for (const [key, value] of Object.entries(size)) if (key in base) base[key] = value;
  return applySettings(base, set.filter((s) => !s.startsWith('plan.')));
}

/** All sound results of a folder, by content of their cells. */
export function allResults(folder: string): Map<string, CellResult> {
  if (!existsSync(folder)) return new Map();
  const results = readdirSync(folder).filter((name) => name.endsWith('.json')).sort().map((name) => readResult(join(folder, name)));
  return new Map(results.filter((r) => changedSetting(r) === undefined).map((r) => [contentOf(r.cell), r]));
}
