import { tidy } from '../core/memory';
import { observers } from '../quant/observer';
import { withFixed, type QuantPlan } from '../quant/plan';
import { disposeInputs, type Batch } from './source';
import type { Network } from './method';

/**
 * Fixes the scales of the plan's static activations: the full-precision teacher reads `batches` batches of the method's own kind of
 * inputs (random tokens where there is no data) and an observer watches every static site. A plan without static activations comes back
 * as it is, and nothing is drawn.
 *
 * @param next the next batch; its tensors are disposed of here
 * @returns the plan with a scale and a zero point for each static site: plain data, stored with the model
 */
export function calibrate(teacher: Network, plan: QuantPlan, next: () => Batch, batches: number): QuantPlan {
  const watched = observers(plan.activations ?? {}, batches);
  if (!watched.size) return plan;
  for (let i = 0; i < batches; i++) {
    const { inputs } = next();
    tidy(() => void teacher.model.forward(teacher.params, inputs, { activation: (site, x) => { watched.get(site)?.see(x); return x; } }));
    disposeInputs(inputs);
  }
  return withFixed(plan, Object.fromEntries([...watched].map(([site, o]) => [site, o.fix()])));
}
