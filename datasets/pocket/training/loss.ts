import { isNative, kernel, operation, tf } from '../../../src/index';
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
