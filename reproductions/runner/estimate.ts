// How long a cell will take: from finished cells of its kind, else from what such runs took on two cores.
import { settingsOf, type CellResult, type QuantizeResult } from '../cells/result';
import { flopsOf } from './size';
import type { Cell, QuantizeCell } from '../cells/cell';
import type { MethodId } from '../../src/index';

/** Seconds of a step on two cores where nothing has been measured yet: 512 tokens of MiniLM. */
const STEP: Readonly<Partial<Record<MethodId, number>>> = { samSga: 1.3, adversarial: 0.85, qatRandom: 0.65, qatReal: 0.65, llmQat: 0.65 };
/** Seconds of an update of one layer distilled by itself. */
const LAYER_UPDATE = 0.15;
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

const modelOf = ({ model }: QuantizeCell): string => model.replace(/^minilm-.*/, 'minilm');
const kindOf = (cell: QuantizeCell): string => [modelOf(cell), cell.method, ...cell.set.filter((s) => /^(look|perturbLayers|stepsPerBatch|generator|sam|sga|precision)/.test(s))].join(' ');
/** Layers distilled by themselves take the same in each method that does so. */
const layersOf = (cell: QuantizeCell): string => `${modelOf(cell)} layers`;

/** Seconds a step (of a method without steps: in all) by kind of cell, and an update of a layer by model: the median of what has been measured. */
export type Measured = ReadonlyMap<string, number>;

export function measured(results: Iterable<CellResult>): Measured {
  const found = new Map<string, number[]>();
  const add = (key: string, seconds: number): void => { found.set(key, [...(found.get(key) ?? []), seconds]); };
  for (const r of results) {
    if (r.cell.kind !== 'quantize') continue;
    const { seconds, phases } = r as QuantizeResult, updates = layerUpdatesOf(r.cell), layers = updates ? phases.layers ?? 0 : 0;
    add(kindOf(r.cell), (seconds - layers) / Math.max(1, stepsOf(r.cell)));
    if (layers) add(layersOf(r.cell), layers / updates);
  }
  return new Map([...found].map(([key, list]) => [key, list.sort((a, b) => a - b)[list.length >> 1]]));
}

/** Updates of a cell's whole student; 0 for methods without. */
export function stepsOf(cell: QuantizeCell): number {
  const { steps } = settingsOf(cell);
  return STEP[cell.method] !== undefined && typeof steps === 'number' ? steps : 0;
}

/** Updates of single layers: of a layer-wise start, or ZeroQuant's distillation. */
function layerUpdatesOf(cell: QuantizeCell): number {
  const { lkd, steps, layerwise } = settingsOf(cell) as { lkd?: string; steps?: number; layerwise?: { steps: number } };
  return layerwise?.steps ?? (lkd === 'on' ? steps ?? 0 : 0);
}

/** Seconds that a cell will take. */
export function secondsOf(cell: Cell, known: Measured): number {
  if (cell.kind !== 'quantize') return cell.kind === 'pretrain' ? 600 : 1000;
  const steps = stepsOf(cell), each = known.get(kindOf(cell)), updates = layerUpdatesOf(cell), update = known.get(layersOf(cell));
  if (cell.preset === 'paper') return GPU_AROUND + (each === undefined ? (flopsOf(cell) ?? 0) / GPU : each * Math.max(1, steps) + updates * (update ?? 0));
  const scale = cell.model.startsWith('pocket-') ? POCKET : 1;
  const work = each === undefined ? scale * (steps ? steps * STEP[cell.method]! : ALONE[cell.method] ?? 60) : each * Math.max(1, steps);
  return work + updates * (update ?? scale * LAYER_UPDATE) + (scale < 1 ? 6 : AROUND * (1 + cell.transfer.length / 2));
}
