import { compiled, type Compile } from '../core/graph';
import { valueAndGrad } from '../core/grad';
import { tidy } from '../core/memory';
import { dispose, part, prefixed, type Params } from '../core/tree';
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';

/** A function of a record that is looked at from many places: its values and its gradients. */
export interface Objective {
  value(p: Params): Promise<number>;
  /** The caller owns the gradients. */
  gradient(p: Params): Record<string, Tensor>;
  dispose(): void;
}

/**
 * The objective of a loss over fixed batches.
 *
 * @param loss a pure function of the record and of `held`  @param held tensors that it reads besides, batches among them; the caller keeps them alive
 * @param compile graphs, which pay after a handful of calls, or `uncompiled`
 */
export function makeObjective(loss: (p: Params) => Scalar, held: Params = {}, compile: Compile = compiled): Objective {
  const value = compile((x) => tidy(() => ({ value: loss(part(x, 'p/')) })), held), gradient = compile((x) => tidy(() => valueAndGrad(loss, part(x, 'p/')).grads), held);
  return {
    async value(p) {
      const out = value(prefixed('p/', p)), [number] = await out.value.data();
      dispose(out);
      return number;
    },
    gradient: (p) => gradient(prefixed('p/', p)),
    dispose() { value.dispose(), gradient.dispose(); },
  };
}
