import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { valueAndGrad } from '../core/grad';
import { tidy } from '../core/memory';
import { Streams, type StreamState } from '../core/random';
import { clone, dispose, map, type Params } from '../core/tree';
import { adamDefaults, adamInit, adamUpdate, type AdamState } from '../optim/adam';
import { clipByGlobalNorm } from '../optim/clip';
import { adapt, ADAPTATION, checkAdaptation, initAdaptation, sampleTokens, tokenInputs, type Adaptation, type AdaptationKind } from './adaptation';
import { distill, type DistillConfig, type Divergence, type StreamStore } from './distill';
import { drawLayout, type Layout, type LayoutConfig } from './layout';
import { randomTokens, type Batch, type Source } from './source';
import type { Job, Method, Network } from './method';
import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

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
  adaptation: { kind: AdaptationKind; temperature: number };
}

/**
 * SAM-SGA (arXiv 2310.13315): min over w max over theta of S(P; Q(w^)) on inputs of the generator G_theta.
 * Per step: theta <- theta + rate dD/dtheta (gradient ascent); then w <- w - AdamW(dD/dq at Q(w) + eps), with
 * eps = beta g / ||g|| (SAM), and w is quantized anew. No data is read.
 */
export const samSga: Method<SamSgaConfig> = {
  id: 'samSga', title: 'SAM-SGA', needs: 'nothing',
  defaults: {
    steps: 600, batch: 16, seq: 32, shortest: 0.25, correlation: 1, rate: 1e-4, scaleRate: 1e-3, weightDecay: 0, clip: 1,
    schedule: { kind: 'cosine', warmup: 0.05, floor: 0 }, divergence: { logits: 'kl', temperature: 1, hidden: 1 }, checkpointSeconds: 60,
    sam: 'on', beta: 2e-4, relative: true, sga: 'on',
    generator: { mode: 'trained', rate: 1e-6, clip: 1, every: 1 }, adaptation: { kind: 'straightThrough', temperature: 1 },
  },
  async run(job, config) {
    if (!job.generator) throw new ZsaqError('missing', 'samSga needs a generator: a causal language model that writes the inputs');
    const streams = new Streams(job.seed), layout: LayoutConfig = { ...config, form: job.form };
    const source = new GeneratorSource(job, job.generator, config, layout, streams);
    return distill('samSga', job, config, config.sam === 'on' ? { beta: config.beta, relative: config.relative } : null, source, streamStore(streams));
  },
};

/** Random streams as checkpoint data. */
export function streamStore(streams: Streams): StreamStore {
  return { save: () => streams.save(), restore: (saved) => streams.restore(saved as Record<string, StreamState>) };
}

/** The generator G_theta with its adaptation as a source of inputs, and their gradient ascent. */
class GeneratorSource implements Source {
  private theta: Record<string, Tensor>;
  private adam: AdamState;
  private readonly adaptation: Adaptation;
  private readonly noiseVocabulary: Int32Array;

  constructor(job: Job, private readonly generator: Network, private readonly config: SamSgaConfig, private readonly layoutConfig: LayoutConfig, private readonly streams: Streams) {
    const { model, params } = job.teacher, { kind, temperature } = config.adaptation;
    checkAdaptation(kind, generator.model, model);
    if (generator.model.head.kind !== 'languageModel') throw new ZsaqError('mismatch', 'the generator must be a causal language model');
    if (generator.model.maxLength < layoutConfig.seq) throw new ZsaqError('range', `the generator has ${generator.model.maxLength} positions: --set seq=${generator.model.maxLength} or less`);
    this.adaptation = makeAdaptation(kind, temperature, { model, params }, job.vocabulary);
    this.special = job.special;
    this.noiseVocabulary = kind === 'linear' ? Int32Array.from({ length: generator.model.vocabSize }, (_, i) => i) : job.vocabulary;
    const learns = config.sga === 'on';
    this.theta = {
      ...(learns && config.generator.mode === 'trained' ? clone(generator.params) : {}),
      ...initAdaptation(this.adaptation, generator.model.embeddingSize, streams.get('adaptation')),
    };
    this.adam = adamInit(this.theta);
  }
  private readonly special: Job['special'];

  next(): Batch {
    const { layout, noise } = this.draw();
    try {
      if (this.adaptation.kind === 'straightThrough') {
        const tokens = this.sample(noise);
        return { inputs: tokenInputs(layout, tokens), tokens };
      }
      return { inputs: tidy(() => adapt(this.adaptation, this.speak(this.theta, noise), layout, this.theta)) };
    } finally {
      noise.dispose();
    }
  }

  ascend(step: number, _student: Params, divergence: Divergence, rateShare: number): number | null {
    const { every, rate, clip, mode } = this.config.generator, names = Object.keys(this.theta);
    if (this.config.sga === 'off' || step % every !== 0 || (mode === 'frozen' && !(ADAPTATION in this.theta))) return null;
    const { layout, noise } = this.draw();
    const tokens = this.adaptation.kind === 'straightThrough' ? this.sample(noise) : undefined;
    const { grads, value } = tidy(() => {
      const negative = valueAndGrad((theta) => {
        const inputs = adapt(this.adaptation, this.speak(theta, noise), layout, theta, tokens);
        return tf.neg(divergence(inputs)) as Scalar;
      }, this.theta);
      const clipped = clipByGlobalNorm(negative.grads, clip);
      return { grads: clipped.grads, value: tf.stack([negative.value, clipped.norm]) };
    });
    const [loss, norm] = value.dataSync();
    noise.dispose();
    value.dispose();
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) { dispose(grads); return NaN; }
    const next = adamUpdate(this.theta, grads, this.adam, () => ({ rate: rate * rateShare, decay: false }), adamDefaults);
    dispose(grads, this.theta, this.adam.m, this.adam.v);
    this.theta = Object.fromEntries(names.map((n) => [n, next.params[n]]));
    this.adam = next.state;
    return -loss;
  }

  save() {
    const held = { ...named('theta/', this.theta), ...named('m/', this.adam.m), ...named('v/', this.adam.v) };
    return { held, state: { adamStep: this.adam.step } };
  }

  restore(tensors: Params, state: Record<string, unknown>): void {
    const part = (p: string) => Object.fromEntries(Object.entries(tensors).filter(([n]) => n.startsWith(p)).map(([n, x]) => [n.slice(p.length), x]));
    dispose(this.theta, this.adam.m, this.adam.v);
    this.theta = part('theta/');
    this.adam = { m: part('m/'), v: part('v/'), step: state.adamStep as number };
  }

  dispose(): void {
    dispose(this.theta, this.adam.m, this.adam.v);
    this.adaptation.barred.dispose();
  }

  private draw(): { layout: Layout; noise: Tensor2D } {
    const { batch, seq } = this.layoutConfig, random = this.streams.get('batches');
    const layout = drawLayout(this.layoutConfig, this.special, random);
    const noise = randomTokens(this.noiseVocabulary, batch * seq, this.streams.get('noise'));
    return { layout, noise: tf.tensor2d(noise, [batch, seq], 'int32') };
  }

  private speak(theta: Params, noise: Tensor2D) {
    return this.generator.model.forward({ ...this.generator.params, ...theta }, { ids: noise });
  }

  private sample(noise: Tensor2D): Int32Array {
    const logits = tidy(() => this.speak(this.theta, noise).logits);
    try { return sampleTokens(this.adaptation, logits, this.streams.get('samples')); } finally { logits.dispose(); }
  }
}

const named = (prefix: string, record: Params): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(map(record, (x) => tf.clone(x))).map(([n, x]) => [prefix + n, x]));

/** The teacher's side of the adaptation: its embedding table, the allowed tokens, the range of ordinary row norms. */
function makeAdaptation(kind: AdaptationKind, temperature: number, teacher: Network, vocabulary: Int32Array): Adaptation {
  const table = teacher.params[teacher.model.wordEmbedding] as Tensor2D;
  const barred = new Float32Array(teacher.model.vocabSize).fill(-1e9);
  for (const id of vocabulary) barred[id] = 0;
  const norms = tf.tidy(() => tf.norm(table, 2, 1).dataSync()) as Float32Array;
  const ordinary = Float32Array.from(vocabulary, (id) => norms[id]).sort();
  const quantile = (q: number) => ordinary[Math.floor(q * (ordinary.length - 1))];
  return { kind, temperature, teacher: teacher.model, table, barred: tf.tensor1d(barred), norms: [quantile(0.01), quantile(0.99)] };
}
