import { isNative, kernel, tf } from '../core/backend';
import { operation } from '../core/grad';
import { dropout } from '../core/kernels';
import type { Params } from '../core/tree';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/**
 * Mean cross-entropy -log softmax(logits)[target], in one kernel where TensorFlow has it.
 *
 * @param logits `[n, classes]`  @param targets int32 `[n]`
 */
export function crossEntropy(logits: Tensor2D, targets: Tensor1D): Scalar {
  const [n, classes] = logits.shape;
  if (!isNative()) {
    const hot = tf.oneHot(targets, classes);
    return tf.neg(tf.div(tf.sum(tf.mul(hot, tf.logSoftmax(logits))), n)) as Scalar;
  }
  return operation([logits], (save) => {
    const types = { T: { type: 'float32' }, Tlabels: { type: 'int32' } } as const;
    const [losses, gradient] = kernel('SparseSoftmaxCrossEntropyWithLogits', types, [logits, targets], 2);
    save([gradient]);
    return tf.mean(losses);
  }, (dy: Tensor, [gradient]: Tensor[]) => [() => tf.mul(gradient, tf.div(dy, n))]) as Scalar;
}

/**
 * Mean squared error of a one-logit head.
 *
 * @param logits `[n, 1]`  @param targets float32 `[n]`
 */
export function meanSquaredError(logits: Tensor2D, targets: Tensor1D): Scalar {
  return tf.mean(tf.squaredDifference(tf.reshape(logits, [-1]), targets)) as Scalar;
}

/** What supervised training asks of a model. */
export interface Learner {
  readonly head: { readonly kind: string };
  forward(params: Params, inputs: { ids: Tensor2D; mask?: Tensor2D; typeIds?: Tensor2D }, hooks?: { dropout?(x: Tensor, rate: number): Tensor }): { logits: Tensor };
}

/**
 * The loss of a batch: the squared error of a regression, else the cross-entropy of every row of logits, of a language
 * model every token's. The batch holds `ids`, `mask`, `typeIds` `[batch, seq]`, `targets`, one a row of logits, and for dropout `seed` int32
 * `[2]`, another at every step.
 */
export function supervisedLoss(model: Learner): (params: Params, batch: Params) => Scalar {
  return (params, batch) => {
    const { seed, ...inputs } = batch, { logits } = model.forward(params, inputs as { ids: Tensor2D; mask?: Tensor2D; typeIds?: Tensor2D }, seed ? { dropout: dropouts(seed as Tensor1D) } : {});
    const rows = tf.reshape(logits, [-1, logits.shape[logits.rank - 1]!]) as Tensor2D, targets = batch.targets as Tensor1D;
    return model.head.kind === 'regression' ? meanSquaredError(rows, targets) : crossEntropy(rows, targets);
  };
}

/** Each place of a forward pass draws numbers of its own. */
function dropouts(seed: Tensor1D): (x: Tensor, rate: number) => Tensor {
  let place = 0;
  return (x, rate) => dropout(x, rate, tf.add(seed, tf.tensor1d([0, place++], 'int32')) as Tensor1D);
}

/** Numbers of a seed that one step may use: more than a model has places. */
const PLACES = 1024;

/** The seed of a step's dropout, as `supervisedLoss` takes it. */
export function dropoutSeed(seed: number, step: number): { shape: [number]; data: Int32Array } { return { shape: [2], data: Int32Array.of(seed, step * PLACES) }; }
