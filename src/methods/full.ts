import { roundToNearest } from './ptq';
import type { Method } from './method';

/** Full precision: a plan without any weight or activation in it. The ceiling, and the row that every other one is measured against. */
export const full: Method<Record<string, never>> = {
  id: 'full', title: 'full precision', defaults: {}, needs: () => 'nothing',
  plan: () => ({ activations: null, embeddings: 'none', rules: { '*': 'full' } }),
  run: async (job) => roundToNearest(job),
};
