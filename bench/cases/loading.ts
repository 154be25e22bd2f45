// Weights from a safetensors file into tensors, beside a plain read of the same file.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dispose, loadModel, tf } from '../../src/index';
import type { Case } from './case';
import type { Prepare } from '../protocol';

export function loadingCase({ folder }: Prepare): Case {
  return {
    async run() { dispose((await loadModel(folder)).params); },
    async check() {
      const { params } = await loadModel(folder), sums = tf.tidy(() => tf.addN(Object.values(params).map((x) => tf.sum(tf.abs(x)))).dataSync()[0]);
      const count = Object.values(params).reduce((n, x) => n + x.size, 0);
      dispose(params);
      return [count, sums];
    },
    extras() {
      const start = performance.now();
      readFileSync(join(folder, 'model.safetensors'));
      return { plainReadMs: performance.now() - start };
    },
  };
}
