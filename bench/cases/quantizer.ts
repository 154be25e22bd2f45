// Fake quantization alone: of a weight with its learned scale and both gradients, of an activation.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { dispose, fakeQuantize, fitAffine, quantizeTokens, ready, Stream, tf, type QuantSpec } from '../../src/index';
import { compiled } from '../../src/core/graph';
import { tidy } from '../../src/core/memory';
import { norm } from '../../src/core/tree';
import { openSafetensors, writeSafetensors } from '../../src/io/safetensors';
import { pullBack } from '../../src/quant/ste';
import { MARGIN } from '../shapes';
import { checksum, type Case } from './case';
import type { Prepare } from '../protocol';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** The two widths of a weight that are timed. */
export const WIDTHS = { 'W2-3072x768': 2, 'W4-3072x768': 4 } as const;

export const weightSpec = (bits: 2 | 4): QuantSpec => ({ bits, granularity: 'row', grid: bits === 2 ? 'stretched' : 'symmetric', scale: 'absmax', learned: true });

/** A weight, dL/dQ, its fitted scales and an activation, written once. */
export async function prepareQuantizer(bits: 2 | 4, cache: string): Promise<string> {
  const dir = join(cache, `quantizer-W${bits}`), file = join(dir, 'tensors.safetensors');
  if (existsSync(file)) return dir;
  await ready();
  mkdirSync(dir, { recursive: true });
  const make = (name: string, shape: [number, number], deviation: number) => {
    const random = new Stream(name, 0);
    return { dtype: 'F32' as const, shape, data: Float32Array.from({ length: shape[0] * shape[1] }, () => deviation * random.normal()) };
  };
  const w = make('weight', [3072, 768], 0.02), scale = tidy(() => tf.log(tf.mul(fitAffine(tf.tensor(w.data, w.shape), weightSpec(bits)).scale, 1 + MARGIN))), data = scale.dataSync() as Float32Array;
  scale.dispose();
  writeSafetensors(file, [['w', w], ['g', make('gradient', [3072, 768], 1)], ['logScale', { dtype: 'F32', shape: [3072, 1], data }], ['x', make('activation', [1024, 3072], 1)]]);
  return dir;
}

export function quantizerCase({ case: name, folder, bits, levels: [, , zero] }: Prepare): Case {
  const file = openSafetensors(join(folder, 'tensors.safetensors'));
  const read = (n: string): Tensor => { const { data, shape } = file.read(n); return tf.tensor(data as Float32Array, [...shape]); };
  const { w, g, logScale, x } = { w: read('w'), g: read('g'), logScale: read('logScale'), x: read('x') }, spec = weightSpec(bits as 2 | 4);
  file.close();
  const zeros = tf.fill([3072, 1], zero) as Tensor2D;
  const weight = compiled((t) => tidy(() => {
    const affine = { scale: tf.exp(t.logScale) as Tensor2D, zero: t.zeros as Tensor2D }, q = fakeQuantize(t.w, affine, spec), back = pullBack(t.w, affine, spec, t.g);
    return { q, dw: back.w, ds: tf.mul(back.scale!, affine.scale) };
  }));
  const activation = compiled((t) => ({ q: quantizeTokens(t.x) }));
  const work = () => (name === 'quantizeWeight' ? weight({ w, g, logScale, zeros }) : activation({ x }));
  return {
    run: () => dispose(work()),
    async check() {
      const out = work(), numbers: number[] = [];
      for (const t of Object.values(out)) {
        const size = norm({ t });
        numbers.push((await size.data())[0], await checksum({ t }));
        size.dispose();
      }
      dispose(out);
      return numbers;
    },
  };
}
