import { Streams } from '../core/random';
import { learnedScales, trainDefaults, type TrainConfig } from './config';
import { distill } from './distill';
import { randomSource } from './source';
import type { Method } from './method';

/**
 * Quantization-aware training on random tokens (QAT-Rand): the same student, loss, grid and budget as SAM-SGA, with
 * uniform random tokens in place of the generator and plain AdamW in place of SAM.
 */
export const qatRandom: Method<TrainConfig> = {
  id: 'qatRandom', title: 'QAT on random tokens', defaults: trainDefaults, needs: () => 'nothing', plan: learnedScales,
  async run(job, config) {
    const streams = new Streams(job.seed), source = randomSource(job, { ...config, form: job.form }, streams.get('batches'));
    return distill('qatRandom', job, config, null, source, streams);
  },
};
