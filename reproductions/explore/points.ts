// What the exploring notebook draws: points of the sweep, and of runs made there.
import { betaOf, millionsOf } from './grid';
import type { QuantizeCell } from '../cells/cell';
import type { AlongPoint, QuantizeResult } from '../cells/result';

/** A student after some steps of a run. */
export interface ExplorePoint {
  bits: string;
  beta: number;
  /** parameters of the generator, in millions */
  millions: number;
  steps: number;
  /** accuracy in percent; null where the student answers nothing finite */
  score: number | null;
  /** divergence on the fixed bank */
  bank: number | null;
  /** made in this notebook, not read from the committed results */
  own?: boolean;
}

/** The points of one run. */
export function pointsOf(cell: QuantizeCell, along: readonly AlongPoint[], own = false): ExplorePoint[] {
  return along.map(({ step, score, bank }) => ({ bits: cell.bits, beta: betaOf(cell), millions: millionsOf(cell.generator!), steps: step, score, bank, ...(own ? { own } : {}) }));
}

/** All points that results hold. */
export function explored(cells: readonly { cell: QuantizeCell; result: QuantizeResult | undefined }[]): ExplorePoint[] {
  return cells.flatMap(({ cell, result }) => pointsOf(cell, result?.along ?? []));
}
