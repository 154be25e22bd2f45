import { tf } from '../core/backend';
import { tidy } from '../core/memory';
import { fitAffine } from './fit';
import type { ActivationSpec } from './spec';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** Values that an observer keeps of a site: enough for a 99.99th percentile. */
const KEPT = 2 ** 16;

/**
 * Watches the values of one site over calibration batches and then fixes its scale by the specification's rule: `absmax` is PyTorch's
 * min-max observer, exact over all values; `percentile` and `mse` look at an even sample of about 65,536 values (`mse` at the largest and
 * the smallest as well).
 *
 * @example const o = new Observer(spec, 8); batches.forEach((x) => o.see(x)); const calibrated = { ...spec, fixed: o.fix() }
 */
export class Observer {
  private low = 0;
  private high = 0;
  private readonly kept: number[] = [];

  /** @param batches how many are to come: each leaves an equal part of the sample */
  constructor(private readonly spec: ActivationSpec, private readonly batches: number) {}

  see(x: Tensor): void {
    const values = x.dataSync(), width = x.shape[x.rank - 1] ?? 1;
    let stride = Math.max(1, Math.ceil((values.length * this.batches) / KEPT));
    while (common(stride, width) > 1) stride++; // one that divides the row would see the same few columns of every token
    for (let i = 0; i < values.length; i++) {
      if (values[i] < this.low) this.low = values[i];
      if (values[i] > this.high) this.high = values[i];
      if (i % stride === 0) this.kept.push(values[i]);
    }
  }

  /** Scale and zero point of the site, as plain numbers: they are part of the plan. */
  fix(): { scale: number; zero: number } {
    return tidy(() => {
      const { scale: rule } = this.spec, ends = [this.low, this.high];
      const sample = rule === 'absmax' ? ends : rule === 'mse' ? [...this.kept, ...ends] : this.kept;
      const { scale, zero } = fitAffine(tf.tensor1d(sample, 'float32'), this.spec);
      return { scale: scale.dataSync()[0], zero: zero.dataSync()[0] + 0 }; // -0 is 0
    });
  }
}

/** Greatest common divisor. */
function common(a: number, b: number): number { return b === 0 ? a : common(b, a % b); }

/** One observer for each static site of a plan that has no scale yet. */
export function observers(activations: Readonly<Record<string, ActivationSpec>>, batches: number): Map<string, Observer> {
  return new Map(Object.entries(activations).filter(([, a]) => a.granularity === 'tensor' && !a.fixed).map(([site, a]) => [site, new Observer(a, batches)]));
}
