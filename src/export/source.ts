import { get } from '../core/tree';
import { loadRunnable, readPackedWeights, type PackedWeight, type RunnableModel } from './packed';

/** A model about to be exported: as it runs, and its quantized weights as codes. */
export interface ExportSource extends RunnableModel {
  /** quantized weights by name; empty for a model in full precision */
  packed: Readonly<Record<string, PackedWeight>>;
  /** a parameter as it is computed with */
  values(name: string): Float32Array;
}

/** @throws ZsaqError for a folder that zsaq cannot read */
export async function loadSource(dir: string): Promise<ExportSource> {
  const runnable = await loadRunnable(dir), packed = runnable.plan ? readPackedWeights(dir, runnable.model, runnable.plan) : {};
  return { ...runnable, packed, values: (name) => get(runnable.params, name).dataSync() as Float32Array };
}
