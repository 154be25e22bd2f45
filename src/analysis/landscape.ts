import { tf } from '../core/backend';
import { Stream } from '../core/random';
import { tidy } from '../core/memory';
import { axpy, dispose, map, type Params } from '../core/tree';
import { random } from './sharpness';
import type { Objective } from './objective';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** The loss on a line or plane through w; `loss[row][column]` at w + b[row] d2 + a[column] d1, of a line one row at b = 0. */
export interface Landscape { a: number[]; b: number[]; loss: number[][] }

/**
 * A random direction with the norm of each filter of w (Li et al. 2018, arXiv 1712.09913): each row of a matrix has the length of the
 * weights' row, so that rescaling layers against one another changes nothing; vectors (biases, norms) do not move. The caller owns it.
 */
export function filterDirection(w: Params, seed: number, name = 'first'): Record<string, Tensor> {
  const drawn = random(w, 'normal', new Stream(`landscape/${name}`, seed));
  const out = map(drawn, (d, key) => tidy(() => {
    if (d.rank < 2) return tf.zerosLike(d);
    const length = (x: Tensor) => tf.sqrt(tf.sum(tf.square(tf.reshape(x, [x.shape[0], -1])), 1, true));
    return tf.reshape(tf.mul(tf.reshape(d, [d.shape[0], -1]), tf.div(length(w[key]), tf.add(length(d), 1e-12))), d.shape);
  }));
  dispose(drawn);
  return out;
}

/** `points` equally spaced shares of the directions from -reach to reach; an odd number has 0 among them. */
export function steps(reach: number, points: number): number[] {
  return Array.from({ length: points }, (_, i) => (points === 1 ? 0 : reach * (2 * i / (points - 1) - 1)));
}

/** The loss along one direction, or over the plane of two. */
export async function landscape(
  objective: Objective, w: Params, [first, second]: readonly [Params, Params?], { reach = 1, points = 21, onPoint }: { reach?: number; points?: number; onPoint?(done: number): void } = {},
): Promise<Landscape> {
  const a = steps(reach, points), b = second ? a.slice() : [0], loss: number[][] = [];
  let done = 0;
  for (const y of b) {
    const row: number[] = [], base = second ? axpy(y, second, w) : undefined;
    for (const x of a) {
      const at = axpy(x, first, base ?? w);
      row.push(await objective.value(at));
      dispose(at);
      onPoint?.(++done);
    }
    dispose(base);
    loss.push(row);
  }
  return { a, b, loss };
}
