import { lengthBatches, Stream, tf, type Encoded, type Inputs } from '../../../src/index';
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';
import { SEED } from '../corpus';

/** What one step reads: inputs of the model and the class or next token of each row of its logits. */
export interface TrainingBatch {
  readonly inputs: Inputs;
  readonly targets: Tensor1D;
}

/** The batch of a step. A function of the step alone, so that a run which is continued reads what it would have read. */
export type BatchOf = (step: number) => TrainingBatch;

/** Rows that are sorted by length together, in batches: enough to save padding, too few to show the order of lengths. */
const POOL = 16;

/** Batches of labelled texts: each pass over them in a new order, texts of similar length together. */
export function classificationBatches(name: string, encoded: readonly Encoded[], labels: readonly number[], batchSize: number): BatchOf {
  const perEpoch = Math.floor(encoded.length / (batchSize * POOL)) * POOL;
  let epoch = -1, pool = -1, order: number[] = [], made: { index: number[]; ids: Int32Array; mask: Int32Array; seq: number }[] = [];
  return (step) => {
    const wantedEpoch = Math.floor(step / perEpoch), wantedPool = Math.floor((step % perEpoch) / POOL);
    if (wantedEpoch !== epoch) order = new Stream(`${name}/order/${wantedEpoch}`, SEED).shuffle(encoded.map((_, i) => i));
    if (wantedEpoch !== epoch || wantedPool !== pool) {
      const rows = order.slice(wantedPool * POOL * batchSize, (wantedPool + 1) * POOL * batchSize);
      made = lengthBatches(rows.map((i) => encoded[i]), { batchSize, padId: 0 }).map((b) => ({ ...b, index: b.index.map((i) => rows[i]) }));
      new Stream(`${name}/pool/${wantedEpoch}/${wantedPool}`, SEED).shuffle(made);
    }
    [epoch, pool] = [wantedEpoch, wantedPool];
    const { index, ids, mask, seq } = made[step % POOL], shape: [number, number] = [index.length, seq];
    return {
      inputs: { ids: tf.tensor2d(ids, shape, 'int32') as Tensor2D, mask: tf.tensor2d(mask, shape, 'int32') as Tensor2D },
      targets: tf.tensor1d(index.map((i) => labels[i]), 'int32'),
    };
  };
}

/** Windows of a stream of ids from random places; the target of each token is the next one. */
export function languageModelBatches(name: string, ids: Int32Array, batchSize: number, window: number): BatchOf {
  return (step) => {
    const random = new Stream(`${name}/windows/${step}`, SEED);
    const inputs = new Int32Array(batchSize * window), targets = new Int32Array(batchSize * window);
    for (let row = 0; row < batchSize; row++) {
      const start = random.int(ids.length - window);
      inputs.set(ids.subarray(start, start + window), row * window);
      targets.set(ids.subarray(start + 1, start + window + 1), row * window);
    }
    return { inputs: { ids: tf.tensor2d(inputs, [batchSize, window], 'int32') as Tensor2D }, targets: tf.tensor1d(targets, 'int32') };
  };
}
