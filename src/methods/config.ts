import type { Precision } from '../core/kernels';
import type { Schedule } from '../optim/schedule';
import type { DivergenceConfig, LogitsTerm } from '../train/divergence';
import { writingDefaults, type Writing } from './written';
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
  /** what the next step starts from: the latent weights w, or the rounded ones Q(w), which a small step then cannot move */
  store: 'latent' | 'quantized';
  /** before training, each layer distilled by itself (layerStart.ts): updates over all layers, 0: none, and their peak rates */
  layerwise: { steps: number; rate: number; scaleRate: number };
  /** student steps on one batch: the teacher answers the first one only */
  stepsPerBatch: number;
  /** products of the passes: bf16 is faster and rounds gradients to about 1 %; SAM's second pass is float32 always, for bf16 would round the perturbation away, and so is a layer-wise start */
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
  /** share of beta over the steps */
  betaSchedule: Schedule;
  /** scale-invariant neighbourhood (ASAM) */
  adaptive: boolean;
  /** what is perturbed: the quantized weights Q(w) + eps, or the latent ones Q(w + eps) */
  perturb: 'quantized' | 'latent';
  /** share of the quantized layers that are perturbed, counted from the output */
  perturbLayers: number;
  /** LookSAM: the second pass at every `every`-th step only; at the others its orthogonal part is used again, with weight `reuse` */
  look: { every: number; reuse: number };
  /** gradient ascent of generator and adaptation; off: both stay as they are */
  sga: 'on' | 'off';
  generator: {
    /** frozen: only the adaptation ascends */
    mode: 'trained' | 'frozen';
    rate: number;
    clip: number;
    /** student steps per generator step */
    every: number;
    /** what the generator reads: random tokens, Gaussian embeddings as large as its own, or text that it has written before it ascended (written.ts) */
    noise: 'tokens' | 'gaussian' | 'written';
    /** its ascent: a pass of its own over a batch of its own, or the tape of the student's first pass over the student's batch */
    pass: 'own' | 'shared';
    /** logits term of the divergence that it ascends: the student's, or another, a bounded one (js, l1) */
    divergence: 'same' | LogitsTerm;
    /** weights of what keeps it from collapse, added to the divergence that it ascends (regularizers.ts) */
    entropy: number;
    diversity: number;
    manifold: number;
  };
  /** sequences that are written beforehand, where they are the noise, and how */
  sequences: number;
  writing: Writing;
  adaptation: {
    kind: AdaptationKind;
    temperature: number;
    /** tokens that the generator chooses among in one batch, drawn anew for each; 0: the whole vocabulary */
    candidates: number;
  };
}

export const trainDefaults: TrainConfig = {
  steps: 600, batch: 16, seq: 32, shortest: 0.25, correlation: 1, rate: 1e-4, scaleRate: 1e-3, weightDecay: 0, clip: 1,
  schedule: { kind: 'cosine', warmup: 0.05, floor: 0 }, divergence: { logits: 'kl', temperature: 1, hidden: 1 },
  store: 'latent', layerwise: { steps: 0, rate: 5e-4, scaleRate: 1e-3 }, stepsPerBatch: 1, precision: 'fp32', recompute: 'off', checkpointSeconds: 60,
};

/** The plan of a method that trains the student: it trains the scales as well. */
export const learnedScales = (): { learned: boolean } => ({ learned: true });

export const samSgaDefaults: SamSgaConfig = {
  ...trainDefaults, sam: 'on', beta: 2e-4, relative: true, betaSchedule: { kind: 'constant', warmup: 0, floor: 0 }, adaptive: false,
  perturb: 'quantized', perturbLayers: 1, look: { every: 1, reuse: 0.7 }, sga: 'on',
  generator: { mode: 'trained', rate: 1e-5, clip: 1, every: 5, noise: 'tokens', pass: 'own', divergence: 'same', entropy: 0, diversity: 0, manifold: 0 },
  sequences: 1024, writing: writingDefaults,
  adaptation: { kind: 'straightThrough', temperature: 1, candidates: 4000 },
};
