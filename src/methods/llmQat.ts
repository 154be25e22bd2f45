import { Streams } from '../core/random';
import { learnedScales, trainDefaults, type TrainConfig } from './config';
import { distill } from './distill';
import { WrittenSource, writerDefaults, type Writer } from './written';
import type { Method } from './method';

export interface LlmQatConfig extends TrainConfig {
  /** sequences of the bank, made once */
  sequences: number;
  writing: Writer;
}

/**
 * LLM-QAT (Liu et al. 2023, arXiv 2305.17888): distillation on text that the model itself has written, for encoders on the
 * generator's; the same student, loss, grid and budget as SAM-SGA. Unlike the paper, no key-value cache is quantized.
 */
export const llmQat: Method<LlmQatConfig> = {
  id: 'llmQat', title: 'LLM-QAT', defaults: { ...trainDefaults, sequences: 1024, writing: writerDefaults }, needs: () => 'nothing', plan: learnedScales,
  async run(job, config) {
    const streams = new Streams(job.seed), source = new WrittenSource(job, { ...config, form: job.form }, config.sequences, config.writing, streams);
    return distill('llmQat', job, config, null, source, streams);
  },
};
