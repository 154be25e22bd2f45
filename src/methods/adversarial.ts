import { samSga } from './samSga';
import type { SamSgaConfig } from './config';
import type { Method } from './method';

/** Settings of SAM, which this method does not have. */
const SAM = ['sam', 'beta', 'relative', 'betaSchedule', 'adaptive', 'perturb', 'perturbLayers', 'look'] as const;

export type AdversarialConfig = Omit<SamSgaConfig, typeof SAM[number]>;

/**
 * Adversarial zero-shot quantization in the manner of ZAQ (Liu et al. 2021, arXiv 2103.15263) and GDFQ (Xu et al. 2020,
 * arXiv 2003.03603): generator and student play over the divergence, and the student descends it by AdamW alone. It *is*
 * SAM-SGA with `sam=off`, so that the difference of the two is SAM and nothing else.
 */
export const adversarial: Method<AdversarialConfig> = {
  id: 'adversarial', title: 'adversarial without SAM', needs: () => 'nothing', plan: samSga.plan, ascends: true,
  defaults: Object.fromEntries(Object.entries(samSga.defaults).filter(([key]) => !(SAM as readonly string[]).includes(key))) as unknown as AdversarialConfig,
  run: (job, config) => samSga.run(
    { ...job, onProgress: job.onProgress && ((p) => job.onProgress!({ ...p, method: 'adversarial' })) },
    { ...samSga.defaults, ...config, sam: 'off' },
  ),
};
