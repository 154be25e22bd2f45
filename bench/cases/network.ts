// Forward pass, and forward and backward pass with the gradients of all weights, each as one graph.
import { dispose, loadModel, tf, valueAndGrad, type Inputs } from '../../src/index';
import { compiled } from '../../src/core/graph';
import { withPrecision } from '../../src/core/kernels';
import { tidy } from '../../src/core/memory';
import { norm, part, prefixed } from '../../src/core/tree';
import { checksum, type Case } from './case';
import { readIds } from './files';
import { precisionOf, type Prepare } from '../protocol';
import type { Scalar, Tensor2D } from '@tensorflow/tfjs-node-gpu';

export async function networkCase({ folder, mode, case: name }: Prepare): Promise<Case> {
  const precision = precisionOf(mode), { model, params } = await loadModel(folder), ids = readIds(folder);
  if (name === 'forward') {
    const pass = compiled((x) => tidy(() => withPrecision(precision, () => ({ size: tf.mean(tf.square(model.forward(params, x as Inputs).logits)) }))), params);
    const run = async (): Promise<number[]> => {
      const { size } = pass({ ids }), [value] = await size.data();
      size.dispose();
      return [value];
    };
    return { run: async () => void await run(), check: run };
  }
  const pass = compiled((x) => tidy(() => withPrecision(precision, () => {
    const { value, grads } = valueAndGrad((p) => tf.mean(tf.square(model.forward(p, { ids: x.ids as Tensor2D }).logits)) as Scalar, part(x, 'w/'));
    return { value, norm: norm(grads), ...prefixed('g/', grads) };
  })));
  const run = async (checked: boolean): Promise<number[]> => {
    const { value, norm: size, ...grads } = pass({ ids, ...prefixed('w/', params) });
    const numbers = [(await value.data())[0], (await size.data())[0]];
    if (checked) numbers.push(await checksum(grads));
    tf.dispose([value, size]);
    dispose(grads);
    return numbers;
  };
  return { run: async () => void await run(false), check: () => run(true) };
}
