import { Streams } from '../core/random';
import { learnedScales, trainDefaults, type TrainConfig } from './config';
import { distill } from './distill';
import { realSource } from './real';
import type { Method } from './method';

/**
 * Quantization-aware training on real training texts (QAT-GT): the same student, loss, grid and budget as QAT-Rand, with the
 * task's own training split in place of random tokens. Not zero-shot: the mark that data-free methods are measured against.
 */
export const qatReal: Method<TrainConfig> = {
  id: 'qatReal', title: 'QAT on real data', defaults: trainDefaults, needs: () => 'data', plan: learnedScales,
  async run(job, config) {
    const streams = new Streams(job.seed);
    return distill('qatReal', job, config, null, realSource(job, config), streams);
  },
};
