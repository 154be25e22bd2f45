// The grid of the sweep over beta, size of the generator, bits and steps, on the bundled BERT.
import { plainCell, type Preset, type QuantizeCell } from '../cells/cell';

/** A generator: what it is called, and how many parameters it has. All have read pocket-reports, and nothing else. */
export interface Writer { name: string; millions: number }

export const WRITERS: readonly Writer[] = [
  { name: 'generator-pocket-reports-0.3M', millions: 0.1 }, { name: 'pocket-generator', millions: 0.3 }, { name: 'generator-pocket-reports-3M', millions: 1.3 },
];
const BUNDLED = WRITERS[1];

/** Perturbation as a share of the norm of the quantized weights; 0 is AdamW. */
export const BETAS = [0, 5e-4, 1e-3, 2e-3, 5e-3];
/** Those that the notebook offers: between and beyond the sweep's as well. */
export const OFFERED = { betas: [0, 2e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2], bits: ['W2A8', 'W3A8', 'W4A8', 'W8A8'] };
export const WIDTHS = ['W2A8', 'W4A8', 'W8A8'];

/** Length of a run, and the steps of it at which the student is measured. */
export const ALONG: Readonly<Record<'smoke' | 'mini', readonly number[]>> = { smoke: [2, 4], mini: [5, 10, 20, 40, 60] };

/** A run of the sweep; the notebook's own runs are of the same form. */
export function exploreCell(preset: 'smoke' | 'mini', writer: string, bits: string, beta: number): QuantizeCell {
  const along = ALONG[preset];
  return plainCell({
    preset, model: 'pocket-bert', task: 'pocket-sentiment', generator: writer, method: 'samSga', bits, bank: BUNDLED.name, along,
    set: [beta === 0 ? 'sam=off' : `beta=${beta}`, `steps=${along[along.length - 1]}`],
  });
}

/** At 4 and 8 bits rounding alone loses next to nothing: there one generator will do. */
export function exploreCells(preset: Preset): QuantizeCell[] {
  if (preset === 'paper') return [];
  if (preset === 'smoke') return [0, 1e-3].map((beta) => exploreCell(preset, BUNDLED.name, 'W2A8', beta));
  return WIDTHS.flatMap((bits) => (bits === 'W2A8' ? WRITERS : [BUNDLED]).flatMap(({ name }) => BETAS.map((beta) => exploreCell(preset, name, bits, beta))));
}

/** The beta that a cell of the sweep is run with. */
export function betaOf({ set }: QuantizeCell): number { return Number(set.find((s) => s.startsWith('beta='))?.slice(5) ?? 0); }

export function millionsOf(writer: string): number { return WRITERS.find(({ name }) => name === writer)!.millions; }
