import { ZsaqError } from '../core/error';
import { Stream } from '../core/random';
import { lengthBatches, type Batch, type Encoded } from './batches';

/** Rows that are sorted by length together, in batches: enough to save padding, too few to show the order of lengths. */
const POOL = 16;

/** Lengths are padded up to a multiple of this, as far as the model takes them, so that few shapes occur and each is compiled once. */
const LENGTH_UNIT = 8;

/** How a set is read in batches; `name` and `seed` decide the order. */
export interface EpochOptions {
  name: string;
  seed: number;
  batchSize: number;
  /** batches of each pass over the set; the rows that are left are others in each pass */
  stepsPerEpoch: number;
  /** tokens that the model takes */
  maxLength: number;
  padId: number;
}

/** Names and shapes as the training loop takes them. */
interface IdArray { shape: [number, number]; data: Int32Array }
interface TargetArray { shape: [number]; data: Int32Array | Float32Array }

/**
 * Batches of labelled texts, a function of the step alone: each pass over them in a new order, texts of similar length together.
 *
 * @param targets class indices, or float32 values of a regression
 * @throws ZsaqError 'range' where the set fills no batch
 */
export function labelledBatches(encoded: readonly Encoded[], targets: Int32Array | Float32Array, { name, seed, batchSize, stepsPerEpoch, maxLength, padId }: EpochOptions):
(step: number) => { ids: IdArray; mask: IdArray; typeIds: IdArray; targets: TargetArray } {
  if (stepsPerEpoch < 1 || stepsPerEpoch * batchSize > encoded.length) throw new ZsaqError('range', `${encoded.length} examples do not fill ${Math.max(1, stepsPerEpoch)} batches of ${batchSize}: make the batch smaller`);
  const padTo = (length: number) => Math.min(maxLength, Math.ceil(length / LENGTH_UNIT) * LENGTH_UNIT);
  let epoch = -1, pool = -1, order: number[] = [], made: Batch[] = [];
  return (step) => {
    const within = step % stepsPerEpoch, wantedEpoch = Math.floor(step / stepsPerEpoch), wantedPool = Math.floor(within / POOL);
    if (wantedEpoch !== epoch) order = new Stream(`${name}/order/${wantedEpoch}`, seed).shuffle(encoded.map((_, i) => i));
    if (wantedEpoch !== epoch || wantedPool !== pool) {
      const end = Math.min((wantedPool + 1) * POOL, stepsPerEpoch) * batchSize, rows = order.slice(wantedPool * POOL * batchSize, end);
      made = lengthBatches(rows.map((i) => encoded[i]), { batchSize, padId, padTo }).map((b) => ({ ...b, index: b.index.map((i) => rows[i]) }));
      new Stream(`${name}/pool/${wantedEpoch}/${wantedPool}`, seed).shuffle(made);
    }
    [epoch, pool] = [wantedEpoch, wantedPool];
    const { index, ids, mask, typeIds, batch, seq } = made[within % POOL], shape: [number, number] = [batch, seq];
    const wanted = targets instanceof Int32Array ? Int32Array.from(index, (i) => targets[i]) : Float32Array.from(index, (i) => targets[i]);
    return { ids: { shape, data: ids }, mask: { shape, data: mask }, typeIds: { shape, data: typeIds }, targets: { shape: [batch], data: wanted } };
  };
}

/**
 * Windows of a stream of ids from random places, a function of the step alone; the target of each token is the next one.
 *
 * @throws ZsaqError 'range' where the stream is no longer than a window
 */
export function windowBatches(ids: Int32Array, { name, seed, batchSize, window }: { name: string; seed: number; batchSize: number; window: number }):
(step: number) => { ids: IdArray; targets: TargetArray } {
  if (ids.length <= window) throw new ZsaqError('range', `${ids.length} tokens do not fill a window of ${window} and the token after it: give a longer text`);
  return (step) => {
    const random = new Stream(`${name}/windows/${step}`, seed);
    const inputs = new Int32Array(batchSize * window), targets = new Int32Array(batchSize * window);
    for (let row = 0; row < batchSize; row++) {
      const start = random.int(ids.length - window);
      inputs.set(ids.subarray(start, start + window), row * window);
      targets.set(ids.subarray(start + 1, start + window + 1), row * window);
    }
    return { ids: { shape: [batchSize, window], data: inputs }, targets: { shape: [batchSize * window], data: targets } };
  };
}
