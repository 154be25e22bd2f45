import type { Params } from '../core/tree';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** The same tensors under longer names: several records in one checkpoint. */
export function prefixed(prefix: string, record: Params): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(record).map(([n, x]) => [prefix + n, x]));
}

/** The tensors whose names begin with the prefix, under their shorter names. */
export function part(record: Params, prefix: string): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(record).filter(([n]) => n.startsWith(prefix)).map(([n, x]) => [n.slice(prefix.length), x]));
}
