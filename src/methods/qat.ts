import { Streams } from '../core/random';
import { distill, type DistillConfig } from './distill';
import { samSga, streamStore } from './samSga';
import { randomSource } from './source';
import type { Method } from './method';

export interface QatConfig extends DistillConfig { batch: number; seq: number; shortest: number; correlation: number }

const { sam, beta, relative, sga, generator, adaptation, ...shared } = samSga.defaults;

/**
 * Quantization-aware training on random tokens (QAT-Rand): the same student, loss, grid and budget as SAM-SGA, with
 * uniform random tokens in place of the generator and plain AdamW in place of SAM.
 */
export const qatRandom: Method<QatConfig> = {
  id: 'qatRandom', title: 'QAT on random tokens', needs: 'nothing', defaults: shared,
  async run(job, config) {
    const streams = new Streams(job.seed);
    const source = randomSource(job, { ...config, form: job.form }, streams.get('batches'));
    return distill('qatRandom', job, config, null, source, streamStore(streams));
  },
};
