import { tf } from '../core/backend';
import { Stream } from '../core/random';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/**
 * First weights: matrices N(0, deviation), norms one, biases zero. Each tensor has a random stream of its own, so that its
 * values depend on its name and the seed alone.
 *
 * @param shapes of the tensors by name  @param run goes into the name of the streams
 */
export function freshWeights(shapes: Readonly<Record<string, readonly number[]>>, run: string, seed: number, deviation: number): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if (name.endsWith('.weight') && shape.length > 1) {
      const random = new Stream(`${run}/${name}`, seed);
      for (let i = 0; i < values.length; i++) values[i] = deviation * random.normal();
    } else if (name.endsWith('.weight')) values.fill(1);
    return [name, tf.tensor(values, [...shape])];
  }));
}
