// The one matrix of methods, bits and tasks that Tables 1 and 5, the ablation and the questions are views of.
import { quantizeCell, type Preset, type QuantizeCell, type Transfer } from '../cells/cell';
import { encoders, type Setup } from '../setups';
import type { MethodId } from '../../src/index';

/** One row of a table: a method with what distinguishes it. */
export interface Variant {
  key: string;
  title: string;
  method: MethodId;
  set: readonly string[];
  /** seeds at 2 bits; elsewhere the first one */
  seeds: readonly number[];
  /** how it counts in comparisons: a zero-shot baseline, ours, an ablation of ours, or a mark (full precision, real data) */
  role: 'baseline' | 'ours' | 'ablation' | 'mark';
  /** only at these bits */
  bits?: readonly string[];
  /** only of language models, whose teacher could write for itself */
  text?: true;
}

export const BITS = ['W2A8', 'W4A8', 'W8A8'] as const;
const THREE = [0, 1, 2], ONE = [0];

/** Steps of QAT on random tokens in the time of SAM-SGA: 2.5 times its own (with twice the steps it took 0.81 to 0.83 of that time on SST-2, STS-B and WikiText-2). */
const SAME_TIME: Readonly<Record<Preset, number>> = { smoke: 50, mini: 1500, paper: 25_000 };

/** The rows of the tables, from full precision to SAM-SGA. */
export function variants(preset: Preset): Variant[] {
  return [
    { key: 'full', title: 'full precision', method: 'full', set: [], seeds: ONE, role: 'mark' },
    { key: 'qatReal', title: 'QAT on real data (QAT-GT)', method: 'qatReal', set: [], seeds: ONE, role: 'mark' },
    { key: 'ptqPlain', title: 'round to nearest (symmetric, absmax)', method: 'ptq', set: ['plan.grid=symmetric', 'plan.scale=absmax'], seeds: ONE, role: 'baseline' },
    { key: 'ptq', title: 'round to nearest', method: 'ptq', set: [], seeds: ONE, role: 'baseline' },
    { key: 'zeroQuantPlain', title: 'ZeroQuant without LKD (groups of 64)', method: 'zeroQuant', set: ['lkd=off'], seeds: ONE, role: 'baseline' },
    { key: 'zeroQuant', title: 'ZeroQuant (groups of 64, LKD)', method: 'zeroQuant', set: [], seeds: ONE, role: 'baseline' },
    { key: 'zeroQuantRows', title: 'ZeroQuant, a scale for each row (LKD)', method: 'zeroQuant', set: ['plan.granularity="row"'], seeds: ONE, role: 'baseline', bits: ['W2A8'] },
    { key: 'gptq', title: 'GPTQ (generated inputs)', method: 'gptq', set: [], seeds: ONE, role: 'baseline' },
    { key: 'qatRandom', title: 'QAT on random tokens (QAT-Rand)', method: 'qatRandom', set: [], seeds: THREE, role: 'baseline' },
    { key: 'qatRandomLong', title: 'QAT on random tokens, as long as SAM-SGA (2.5 times the steps)', method: 'qatRandom', set: [`steps=${SAME_TIME[preset]}`], seeds: ONE, role: 'baseline', bits: ['W2A8'] },
    { key: 'llmQat', title: 'LLM-QAT', method: 'llmQat', set: [], seeds: ONE, role: 'baseline' },
    { key: 'llmQatGenerator', title: 'LLM-QAT, text of the generator', method: 'llmQat', set: ['writing.by=generator'], seeds: ONE, role: 'baseline', bits: ['W2A8'], text: true },
    { key: 'zeroQuantGenerator', title: 'ZeroQuant, a scale for each row (LKD), text of the generator', method: 'zeroQuant', set: ['plan.granularity="row"', 'writing.by=generator'], seeds: ONE, role: 'baseline', bits: ['W2A8'], text: true },
    { key: 'adversarial', title: 'adversarial (no SAM)', method: 'adversarial', set: [], seeds: THREE, role: 'baseline' },
    { key: 'neither', title: 'generator frozen, no SAM', method: 'adversarial', set: ['sga=off'], seeds: ONE, role: 'ablation', bits: ['W2A8'] },
    { key: 'frozen', title: 'SAM-SGA, generator frozen (no SGA)', method: 'samSga', set: ['sga=off'], seeds: ONE, role: 'ablation', bits: ['W2A8'] },
    { key: 'samSga', title: 'SAM-SGA', method: 'samSga', set: [], seeds: THREE, role: 'ours' },
  ];
}

export function variant(preset: Preset, key: string): Variant { return variants(preset).find((v) => v.key === key)!; }

/** Tasks between which transfer is measured: their teachers share one encoder. */
const TRANSFER = ['SST-2', 'MRPC', 'QNLI'];

export function transferSetups(preset: Preset): Setup[] { return preset === 'mini' ? encoders(preset).filter(({ task }) => TRANSFER.includes(task)) : []; }

/** Whether a row has cells with a pair of models: LLM-QAT has nothing to read from a generator of another vocabulary. */
export function standsWith({ method }: Variant, { foreign }: Setup): boolean { return !(foreign && method === 'llmQat'); }

/** What the pair of models needs: an adaptation for the adversary, random tokens for methods that calibrate on text. */
function neededBy({ method }: Variant, { set, foreign }: Setup): readonly string[] {
  if (method === 'samSga' || method === 'adversarial') return set;
  return foreign && (method === 'gptq' || method === 'zeroQuant') ? ['inputs=random'] : [];
}

/** The cells of one place in a table: one for each seed. */
export function cellsAt(preset: Preset, setup: Setup, row: Variant, bits: string, steps?: number): QuantizeCell[] {
  if (!standsWith(row, setup)) return [];
  const { method, set, seeds, key } = row, width = method === 'full' ? 'W32A32' : bits;
  const kept = width === 'W2A8' && preset !== 'smoke' ? seeds : seeds.slice(0, 1);
  return kept.map((seed) => quantizeCell({
    preset, ...setup, method, bits: width, set: [...neededBy(row, setup), ...set, ...(steps === undefined ? [] : [`steps=${steps}`])], seed,
    transfer: ['samSga', 'qatRandom'].includes(key) && seed === 0 && width === 'W2A8' && steps === undefined ? transferOf(preset, setup) : [],
  }));
}

function transferOf(preset: Preset, setup: Setup): Transfer[] {
  const among = transferSetups(preset);
  return among.some(({ task }) => task === setup.task) ? among.filter(({ task }) => task !== setup.task).map(({ task, model }) => ({ task, model })) : [];
}

/** Whether a row stands at a width. */
export function standsAt({ method, bits: only }: Variant, bits: string): boolean { return method === 'full' || !only || only.includes(bits); }

/** All cells of some rows over tasks and widths. */
export function matrixCells(preset: Preset, setups: readonly Setup[], rows: readonly Variant[], widths: readonly string[]): QuantizeCell[] {
  return widths.flatMap((bits) => rows.filter((row) => standsAt(row, bits)).flatMap((row) => setups.flatMap((setup) => cellsAt(preset, setup, row, bits))));
}
