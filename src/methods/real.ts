import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { Stream } from '../core/random';
import type { Job } from './method';
import type { Batch, HostSource } from './source';
import type { Tensor2D } from '@tensorflow/tfjs-node-gpu';

/**
 * Real training text: examples in passes, each in a new order, or windows from random places of running text. Every batch
 * is `[batch, seq]`: longer examples are cut, shorter ones padded. What comes next depends on the seed and the number of
 * rows drawn so far alone.
 */
export function realSource(job: Pick<Job, 'data' | 'seed' | 'teacher'>, { batch, seq }: { batch: number; seq: number }): HostSource {
  const data = job.data(), { padId } = job.teacher.model;
  let drawn = 0;
  const stretch = (ids: Int32Array) => {
    const start = new Stream(`real/window/${drawn}`, job.seed).int(ids.length - seq + 1);
    return { ids: ids.subarray(start, start + seq) as ArrayLike<number>, typeIds: undefined as ArrayLike<number> | undefined };
  };
  if (data.kind === 'stream' && data.ids.length < seq) throw new ZsaqError('range', `${data.source.set} has ${data.ids.length} training tokens: a window takes ${seq}`);
  if (data.kind === 'examples' && !data.rows) throw new ZsaqError('range', `${data.source.set} has no training examples`);
  const rowOf = data.kind === 'examples' ? passes('real', job.seed, data.rows) : undefined;
  const next = () => (data.kind === 'stream' ? stretch(data.ids) : data.row(rowOf!(drawn), seq));
  return {
    next(): Batch {
      const ids = new Int32Array(batch * seq).fill(padId), mask = new Float32Array(batch * seq), typeIds = new Int32Array(batch * seq), tokens: number[] = [];
      for (let row = 0; row < batch; row++, drawn++) {
        const example = next();
        ids.set(example.ids, row * seq);
        mask.fill(1, row * seq, row * seq + example.ids.length);
        if (example.typeIds) typeIds.set(example.typeIds, row * seq);
        tokens.push(...Array.from(example.ids));
      }
      const tensor = (values: Int32Array | Float32Array, dtype: 'int32' | 'float32') => tf.tensor2d(values, [batch, seq], dtype) as Tensor2D;
      const inputs = { ids: tensor(ids, 'int32'), mask: tensor(mask, 'float32'), ...(data.kind === 'examples' ? { typeIds: tensor(typeIds, 'int32') } : {}) };
      return { inputs, tokens: Int32Array.from(tokens) };
    },
    save: () => ({ held: {}, state: { drawn } }),
    restore: (_, state) => { drawn = state.drawn as number; },
    dispose: () => undefined,
  };
}

/** Which of n rows is the k-th to be drawn: each pass over them has an order of its own. */
export function passes(name: string, seed: number, n: number): (k: number) => number {
  let pass = -1, order: number[] = [];
  return (k) => {
    const wanted = Math.floor(k / n);
    if (wanted !== pass) order = new Stream(`${name}/order/${wanted}`, seed).shuffle(Array.from({ length: n }, (_, i) => i));
    pass = wanted;
    return order[k % n];
  };
}
