import { ZsaqError } from '../core/error';
import { Streams } from '../core/random';
import { learnedScales, samSgaDefaults, type SamSgaConfig } from './config';
import { distill, type Sharpening } from './distill';
import { GeneratorSource } from './generator';
import type { Method } from './method';

/**
 * SAM-SGA (arXiv 2310.13315): min over w max over theta of S(P; Q(w^)) on inputs of the generator G_theta.
 * Per step: theta <- theta + rate dD/dtheta (gradient ascent); then w <- w - AdamW(dD/dq at Q(w) + eps), with
 * eps = beta g / ||g|| (SAM), and w is quantized anew. No data is read. theta is all of the generator but its word
 * embedding table, which ties what it says to the tokens, and the adaptation's map if it has one.
 */
export const samSga: Method<SamSgaConfig> = {
  id: 'samSga', title: 'SAM-SGA', defaults: samSgaDefaults, needs: () => 'nothing', plan: learnedScales, ascends: true,
  async run(job, config) {
    if (!job.generator) throw new ZsaqError('missing', 'samSga needs a generator: a causal language model that writes the inputs');
    const streams = new Streams(job.seed), source = new GeneratorSource(job, job.generator, config, streams);
    return distill('samSga', job, config, config.sam === 'on' ? sharpening(config) : null, source, streams);
  },
};

function sharpening({ beta, relative, adaptive, perturb, perturbLayers, look, betaSchedule }: SamSgaConfig): Sharpening {
  return { beta, relative, adaptive, perturb, layers: perturbLayers, reuse: look.reuse, every: look.every, schedule: betaSchedule };
}
