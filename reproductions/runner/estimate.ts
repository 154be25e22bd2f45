// How long a cell will take: from finished cells of its kind, else from what such runs took on two cores.
import { settingsOf, type CellResult, type QuantizeResult } from '../cells/result';
import { flopsOf } from './size';
import type { Cell, QuantizeCell } from '../cells/cell';
import type { MethodId } from '../../src/index';

/** Seconds of a step on two cores where nothing has been measured yet: 512 tokens of MiniLM. */
const STEP: Readonly<Partial<Record<MethodId, number>>> = { samSga: 1.3, adversarial: 0.85, qatRandom: 0.65, qatReal: 0.65, llmQat: 0.65 };
/** Seconds of a method without steps. */
const ALONE: Readonly<Partial<Record<MethodId, number>>> = { full: 1, ptq: 5, zeroQuant: 5, gptq: 90 };
/** Seconds to start, load and score. */
const AROUND = 25;
/** Operations a second of a data-centre GPU in float32, of which a run of many small kernels reaches a part: an assumption, no measurement. */
const GPU = 1e13;
/** Seconds of a cell on a GPU that no product of matrices explains: to start, load, compile and score. */
const GPU_AROUND = 120;
/** Steps of the bundled models take so much less, and their scoring. */
const POCKET = 0.06;

const kindOf = ({ model, method, set }: QuantizeCell): string => [model.replace(/^minilm-.*/, 'minilm'), method, ...set.filter((s) => /^(look|perturbLayers|stepsPerBatch|generator|sam|sga|precision|lkd)/.test(s))].join(' ');

/** Seconds a step, by kind of cell: the median of what has been measured. */
export type Measured = ReadonlyMap<string, number>;

export function measured(results: Iterable<CellResult>): Measured {
  const found = new Map<string, number[]>();
  for (const r of results) {
    if (r.cell.kind !== 'quantize') continue;
    const { steps, seconds } = r as QuantizeResult, key = kindOf(r.cell);
    found.set(key, [...(found.get(key) ?? []), seconds / Math.max(1, steps)]);
  }
  return new Map([...found].map(([key, list]) => [key, list.sort((a, b) => a - b)[list.length >> 1]]));
}

/** Updates of a cell; 0 for methods without. */
export function stepsOf(cell: QuantizeCell): number {
  const { steps } = settingsOf(cell);
  return STEP[cell.method] !== undefined && typeof steps === 'number' ? steps : 0;
}

/** Seconds that a cell will take. */
export function secondsOf(cell: Cell, known: Measured): number {
  if (cell.kind !== 'quantize') return cell.kind === 'pretrain' ? 600 : 1000;
  if (cell.preset === 'paper') return known.get(kindOf(cell)) === undefined ? GPU_AROUND + (flopsOf(cell) ?? 0) / GPU : GPU_AROUND + known.get(kindOf(cell))! * Math.max(1, stepsOf(cell));
  const steps = stepsOf(cell), scale = cell.model.startsWith('pocket-') ? POCKET : 1, each = known.get(kindOf(cell));
  const work = each === undefined ? scale * (steps ? steps * STEP[cell.method]! : ALONE[cell.method] ?? 60) : each * Math.max(1, steps);
  return work + (scale < 1 ? 6 : AROUND * (1 + cell.transfer.length / 2));
}
