// The files of a shape as tensors.
import { join } from 'node:path';
import { tf } from '../../src/index';
import { openSafetensors } from '../../src/io/safetensors';
import type { Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** Shape of the stored batch, `[batch, seq]`, and its token ids. */
export function readIds(folder: string): Tensor2D {
  const file = openSafetensors(join(folder, 'case.safetensors'));
  try {
    const { data, shape } = file.read('ids');
    return tf.tensor2d(Int32Array.from(data as Float32Array), shape as [number, number], 'int32');
  } finally {
    file.close();
  }
}
