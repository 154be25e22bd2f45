import { ZsaqError } from '../core/error';
import { Streams, type StreamState } from '../core/random';
import { distill, type DistillConfig, type StreamStore } from './distill';
import { GeneratorSource } from './generator';
import type { AdaptationKind } from './adaptation';
import type { Method } from './method';

export interface SamSgaConfig extends DistillConfig {
  batch: number;
  seq: number;
  shortest: number;
  correlation: number;
  /** sharpness-aware minimization of the student; off: plain AdamW */
  sam: 'on' | 'off';
  /** radius of the perturbation: a norm, or (relative) a share of ||Q(w)|| */
  beta: number;
  relative: boolean;
  /** gradient ascent of generator and adaptation; off: both stay as they are */
  sga: 'on' | 'off';
  generator: {
    /** frozen: only the adaptation ascends */
    mode: 'trained' | 'frozen';
    rate: number;
    clip: number;
    /** student steps per generator step */
    every: number;
  };
  adaptation: {
    kind: AdaptationKind;
    temperature: number;
    /** tokens that the generator chooses among in one batch, drawn anew for each; 0: the whole vocabulary */
    candidates: number;
  };
}

/**
 * SAM-SGA (arXiv 2310.13315): min over w max over theta of S(P; Q(w^)) on inputs of the generator G_theta.
 * Per step: theta <- theta + rate dD/dtheta (gradient ascent); then w <- w - AdamW(dD/dq at Q(w) + eps), with
 * eps = beta g / ||g|| (SAM), and w is quantized anew. No data is read. theta is all of the generator but its word
 * embedding table, which ties what it says to the tokens, and the adaptation's map if it has one.
 */
export const samSga: Method<SamSgaConfig> = {
  id: 'samSga', title: 'SAM-SGA', needs: 'nothing',
  defaults: {
    steps: 600, batch: 16, seq: 32, shortest: 0.25, correlation: 1, rate: 1e-4, scaleRate: 1e-3, weightDecay: 0, clip: 1,
    schedule: { kind: 'cosine', warmup: 0.05, floor: 0 }, divergence: { logits: 'kl', temperature: 1, hidden: 1 }, checkpointSeconds: 60,
    sam: 'on', beta: 2e-4, relative: true, sga: 'on',
    generator: { mode: 'trained', rate: 1e-5, clip: 1, every: 5 }, adaptation: { kind: 'straightThrough', temperature: 1, candidates: 4000 },
  },
  async run(job, config) {
    if (!job.generator) throw new ZsaqError('missing', 'samSga needs a generator: a causal language model that writes the inputs');
    const streams = new Streams(job.seed), source = new GeneratorSource(job, job.generator, config, streams);
    return distill('samSga', job, config, config.sam === 'on' ? { beta: config.beta, relative: config.relative } : null, source, streamStore(streams));
  },
};

/** Random streams as checkpoint data. */
export function streamStore(streams: Streams): StreamStore {
  return { save: () => streams.save(), restore: (saved) => streams.restore(saved as Record<string, StreamState>) };
}
