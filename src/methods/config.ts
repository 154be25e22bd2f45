import type { Precision } from '../core/kernels';
import type { Schedule } from '../optim/schedule';
import type { DivergenceConfig } from '../train/divergence';
import type { AdaptationKind } from './adaptation';

/** Settings of every method that trains a student: the same student, loss and budget for all of them. */
export interface TrainConfig {
  steps: number;
  batch: number;
  seq: number;
  /** shortest example as a share of `seq` (encoders) */
  shortest: number;
  /** largest share of a pair's second text that is copied from the first */
  correlation: number;
  /** peak rate of weights, biases and norms */
  rate: number;
  /** peak rate of log-scales */
  scaleRate: number;
  weightDecay: number;
  /** limit of the global gradient norm */
  clip: number;
  schedule: Schedule;
  divergence: DivergenceConfig;
  /** products of the passes: bf16 is faster and rounds gradients to about 1 %; SAM's second pass is float32 always, for bf16 would round the perturbation away */
  precision: Precision;
  /** layers: what a layer computes is not kept but computed again for its gradient: less memory, more time */
  recompute: 'off' | 'layers';
  /** seconds between checkpoints on disk */
  checkpointSeconds: number;
}

/** What SAM-SGA adds: the two players. */
export interface SamSgaConfig extends TrainConfig {
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

export const trainDefaults: TrainConfig = {
  steps: 600, batch: 16, seq: 32, shortest: 0.25, correlation: 1, rate: 1e-4, scaleRate: 1e-3, weightDecay: 0, clip: 1,
  schedule: { kind: 'cosine', warmup: 0.05, floor: 0 }, divergence: { logits: 'kl', temperature: 1, hidden: 1 }, precision: 'fp32', recompute: 'off', checkpointSeconds: 60,
};

/** The plan of a method that trains the student: it trains the scales as well. */
export const learnedScales = (): { learned: boolean } => ({ learned: true });

export const samSgaDefaults: SamSgaConfig = {
  ...trainDefaults, sam: 'on', beta: 2e-4, relative: true, sga: 'on',
  generator: { mode: 'trained', rate: 1e-5, clip: 1, every: 5 }, adaptation: { kind: 'straightThrough', temperature: 1, candidates: 4000 },
};
