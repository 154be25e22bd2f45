import { ZsaqError } from '../core/error';

/** A text as ids, with its segments. */
export interface Encoded { ids: readonly number[]; typeIds?: readonly number[] }

/** Texts of similar length, padded to the longest of them. */
export interface Batch {
  /** places of the rows in the list that was batched */
  index: number[];
  /** `[batch, seq]`, row by row */
  ids: Int32Array;
  /** 1 at tokens, 0 at padding, `[batch, seq]` */
  mask: Int32Array;
  /** segments, `[batch, seq]` */
  typeIds: Int32Array;
  batch: number;
  seq: number;
}

/** How texts are gathered into batches of one length each. */
export interface BatchOptions {
  /** rows in a batch at most */
  batchSize?: number;
  /** rows times padded length at most; a row that is longer by itself makes a batch alone */
  tokensPerBatch?: number;
  /** the padded length of a batch from that of its longest text, which it is unless told */
  padTo?(length: number): number;
  padId: number;
}

/**
 * Batches in the order of length, the longest first (so that a batch that does not fit into memory fails at once), equal
 * lengths in their own order. `index` leads back: `out[batch.index[r]] = row r of the batch`.
 *
 * @throws ZsaqError 'range' for empty texts and sizes below 1
 * @example lengthBatches([{ ids: [1, 2] }, { ids: [3] }], { batchSize: 8, padId: 0 })[0].ids // [1, 2, 3, 0]
 */
export function lengthBatches(encoded: readonly Encoded[], { batchSize = Infinity, tokensPerBatch = Infinity, padTo = (length) => length, padId }: BatchOptions): Batch[] {
  if (!(batchSize >= 1 && tokensPerBatch >= 1)) throw new ZsaqError('range', `batches of ${batchSize} rows and ${tokensPerBatch} tokens: give at least 1 of each`);
  if (batchSize === Infinity && tokensPerBatch === Infinity) throw new ZsaqError('usage', 'batches need a size: give batchSize or tokensPerBatch');
  const empty = encoded.findIndex((e) => !e.ids.length);
  if (empty >= 0) throw new ZsaqError('range', `text ${empty} has no tokens: leave it out or add the special tokens`);
  const order = encoded.map((_, i) => i).sort((a, b) => encoded[b].ids.length - encoded[a].ids.length || a - b);
  const out: Batch[] = [];
  for (let start = 0; start < order.length;) {
    const seq = padTo(encoded[order[start]].ids.length);
    const rows = Math.min(batchSize, Math.max(1, Math.floor(tokensPerBatch / seq)));
    const index = order.slice(start, start + Math.floor(rows));
    out.push(pad(encoded, index, seq, padId));
    start += index.length;
  }
  return out;
}

function pad(encoded: readonly Encoded[], index: number[], seq: number, padId: number): Batch {
  const batch = index.length;
  const ids = new Int32Array(batch * seq).fill(padId), mask = new Int32Array(batch * seq), typeIds = new Int32Array(batch * seq);
  index.forEach((i, row) => {
    const e = encoded[i];
    ids.set(e.ids, row * seq);
    mask.fill(1, row * seq, row * seq + e.ids.length);
    if (e.typeIds) typeIds.set(e.typeIds, row * seq);
  });
  return { index, ids, mask, typeIds, batch, seq };
}

/**
 * Windows of `length` ids every `stride` ids; a rest that fills no window is left out.
 *
 * @throws ZsaqError 'range'
 * @example windows([1, 2, 3, 4, 5, 6], 3, 2) // [1 2 3], [3 4 5]
 */
export function windows(ids: ArrayLike<number>, length: number, stride: number): Int32Array[] {
  if (!(Number.isInteger(length) && length >= 1 && Number.isInteger(stride) && stride >= 1)) {
    throw new ZsaqError('range', `windows of length ${length} and stride ${stride}: give whole numbers from 1 on`);
  }
  const out: Int32Array[] = [];
  for (let start = 0; start + length <= ids.length; start += stride) {
    const window = new Int32Array(length);
    for (let i = 0; i < length; i++) window[i] = ids[start + i];
    out.push(window);
  }
  return out;
}
