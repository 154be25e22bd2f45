// A cell: one run and its scores, as plain data. Tables and figures share a cell if its data are the same.
import { createHash } from 'node:crypto';
import { canonicalJson, type MethodId } from '../../src/index';
import { anyTask } from '../../datasets';
import { RECIPE, recipeAt } from '../recipe';

export const PRESETS = ['smoke', 'mini', 'paper'] as const;
export type Preset = typeof PRESETS[number];

/** Another task that the student is scored on with that task's own head: zero-shot transfer. */
export interface Transfer { task: string; model: string }

/** A quantization and its score on a task. Models are named, never placed (models.ts finds them). */
export interface QuantizeCell {
  kind: 'quantize';
  preset: Preset;
  model: string;
  task: string;
  /** what writes the inputs; null for methods that need none */
  generator: string | null;
  method: MethodId;
  bits: string;
  /** settings over the defaults of method and preset, `path=value`, the recipe's first */
  set: readonly string[];
  seed: number;
  transfer: readonly Transfer[];
  /** generator of the fixed bank on which the student is measured as well; absent where it is not */
  bank?: string;
  /** step counts of this one run after which the student is scored on its task and on `bank`, which must be named; absent where it is only at the end */
  along?: readonly number[];
  /** generator of the fixed bank on which the loss around the student is measured; absent where it is not */
  landscape?: string;
}

/** A generator or a teacher that is made where it is not found. */
export interface ModelCell {
  kind: 'pretrain' | 'finetune';
  preset: Preset;
  /** of the model, and of its folder */
  name: string;
  /** the text or the task that it learns */
  from: string;
  /** options of the command that makes it */
  options: Readonly<Record<string, string>>;
}

export type Cell = QuantizeCell | ModelCell;

/** Methods whose generator plays against the student. */
const PLAYERS: readonly MethodId[] = ['samSga', 'adversarial'];

/** Whether a method's inputs are written by the generator. */
function writes(method: MethodId, set: readonly string[]): boolean {
  if (set.some((s) => /^inputs=(random|real)$/.test(s))) return false;
  return [...PLAYERS, 'llmQat', 'gptq'].includes(method) || (method === 'zeroQuant' && set.includes('lkd=on'));
}

export interface QuantizeOf extends Partial<Pick<QuantizeCell, 'set' | 'seed' | 'transfer' | 'landscape' | 'bank' | 'along'>> { preset: Preset; model: string; task: string; generator: string; method: MethodId; bits?: string }

/** A cell with the recipe's settings before its own. */
export function quantizeCell({ set = [], bits = 'W32A32', ...rest }: QuantizeOf): QuantizeCell { return plainCell({ ...rest, bits, set: [...recipeAt(rest.method, rest.preset, bits), ...set] }); }

/** A cell of the search for the recipe: these settings alone, measured on the fixed bank. */
export function searchCell(of: QuantizeOf): QuantizeCell { return plainCell({ ...of, bank: of.generator }); }

/** A cell of a method as it is without the recipe: what is asked of the bundled models, whose runs a notebook's reader repeats. */
export function plainCell({ preset, model, task, generator, method, bits = 'W32A32', set = [], seed = 0, transfer = [], ...measured }: QuantizeOf): QuantizeCell {
  const { landscape, bank, along } = measured, asked = { ...(landscape === undefined ? {} : { landscape }), ...(bank === undefined ? {} : { bank }), ...(along === undefined ? {} : { along }) };
  return { kind: 'quantize', preset, model, task, generator: writes(method, set) ? generator : null, method, bits, set, seed, transfer, ...asked };
}

/** The content of a cell as 8 hexadecimal digits: recipe, models, task, settings, seed. Equal cells are one cell. */
export function contentOf(cell: Cell): string {
  return createHash('sha256').update(canonicalJson({ recipe: RECIPE, cell })).digest('hex').slice(0, 8);
}

/** What a cell is called, also as the name of its files: readable, and its own by content. @example 'SST-2_W2A8_samSga_s0_1f0c9d2e' */
export function idOf(cell: Cell): string {
  const words = cell.kind === 'quantize' ? [cell.task, cell.bits, cell.method, `s${cell.seed}`] : [cell.kind, cell.name];
  return [...words, contentOf(cell)].join('_').replace(/[^\w.-]/g, '-');
}

/** Who writes the inputs, in words: a language model's own text is what GPTQ, ZeroQuant and LLM-QAT read unless told otherwise. */
function inputsIn({ generator, method, task, set }: QuantizeCell): string[] {
  if (!generator) return [];
  const own = !PLAYERS.includes(method) && anyTask(task).kind === 'languageModel' && !set.includes('writing.by=generator');
  return [own ? 'on text of its own' : `with ${generator}`];
}

/** A cell in words, for logs and `--only`. */
export function labelOf(cell: Cell): string {
  if (cell.kind !== 'quantize') return `${cell.kind} ${cell.name}`;
  return [cell.model, cell.task, cell.bits, cell.method, ...inputsIn(cell), ...cell.set, `seed ${cell.seed}`].join(' ');
}

/** Each cell once, in the order of their first appearance. */
export function unique(cells: readonly Cell[]): Cell[] { return [...new Map(cells.map((cell) => [contentOf(cell), cell])).values()]; }
