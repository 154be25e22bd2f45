// What our side of a case is.
import type { Params } from '../../src/core/tree';

/** Something that can be timed. */
export interface Case {
  /** one run of the work, to its end */
  run(): void | Promise<void>;
  /** one run from equal starting values: what must be as in PyTorch */
  check(): number[] | Promise<number[]>;
  /** further numbers of the last run */
  extras?(): Record<string, number>;
}

/**
 * One number that a gradient of another sign, at another place or of another size changes and in which nothing cancels:
 * sum over tensors and entries of max(g, 0) (1 + cos j), j the place in its tensor.
 */
export async function checksum(grads: Params): Promise<number> {
  let sum = 0;
  for (const x of Object.values(grads)) {
    const values = await x.data();
    for (let j = 0; j < values.length; j++) if (values[j] > 0) sum += values[j] * (1 + Math.cos(j));
  }
  return sum;
}
