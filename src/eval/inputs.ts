import { tf } from '../core/backend';
import type { Inputs } from '../models/model';
import type { Batch } from '../text/batches';
import type { Tensor2D } from '@tensorflow/tfjs-node-gpu';

/**
 * A padded batch of texts as a model reads it. The caller owns the tensors.
 *
 * @example lengthBatches(texts.map((t) => tokenizer.encodePair(t, undefined, 64)), { batchSize: 32, padId: 0 }).map(batchInputs)
 */
export function batchInputs({ ids, mask, typeIds, batch, seq }: Batch): Inputs {
  const shaped = (values: Int32Array): Tensor2D => tf.tensor2d(values, [batch, seq], 'int32');
  return { ids: shaped(ids), mask: tf.tensor2d(Float32Array.from(mask), [batch, seq]), typeIds: shaped(typeIds) };
}
