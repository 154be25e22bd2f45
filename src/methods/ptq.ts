import { tf } from '../core/backend';
import { peakBytes } from '../core/memory';
import { get, map } from '../core/tree';
import { fakeQuantize, type Affine } from '../quant/affine';
import { fitAffine } from '../quant/fit';
import type { Job, Method, Quantized } from './method';

/**
 * Round to nearest: the scales of the plan's rule (absmax, or fitted: mse, twn), no training. The floor that every
 * trained method must clear.
 */
export const ptq: Method<Record<string, never>> = {
  id: 'ptq', title: 'round to nearest', defaults: {}, needs: () => 'nothing',
  variant: (_, { grid, scale }) => `${grid}, ${scale}`,
  run: async (job) => roundToNearest(job),
};

/** Every weight of the plan on its fitted grid, all others as they are. The caller owns the tensors. */
export function roundToNearest({ teacher, plan }: Pick<Job, 'teacher' | 'plan'>): Quantized {
  const began = performance.now(), affines: Record<string, Affine> = {};
  for (const [name, spec] of Object.entries(plan.weights)) affines[name] = fitAffine(get(teacher.params, name), spec, name);
  const params = map(teacher.params, (w, name) => (affines[name] ? fakeQuantize(w, affines[name], plan.weights[name]) : tf.clone(w)));
  const seconds = (performance.now() - began) / 1000;
  return { params, affines, plan, history: [], cost: { seconds, peakBytes: peakBytes(), steps: 0, phases: { fit: seconds } }, status: 'ok' };
}
