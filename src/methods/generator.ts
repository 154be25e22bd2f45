import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { valueAndGrad } from '../core/grad';
import { embedding } from '../core/kernels';
import { tidy } from '../core/memory';
import { clone, dispose, get, part, pick, prefixed, type Params } from '../core/tree';
import { adamDefaults, adamInit, adamUpdate, type AdamState } from '../optim/adam';
import { clipByGlobalNorm } from '../optim/clip';
import { adapt, ADAPTATION, checkAdaptation, gumbelNoise, initAdaptation, sampleTokens, scaledLogits, speaksTokens, tokenInputs, type Adaptation, type Speech } from './adaptation';
import { drawLayout, wordMask, type Layout } from './layout';
import { regularization } from './regularizers';
import { randomTokens, type Batch, type Divergence, type Source } from './source';
import type { Job, Network } from './method';
import type { SamSgaConfig } from './config';
import type { Streams } from '../core/random';
import type { Inputs } from '../models/model';
import type { DivergenceConfig } from '../train/divergence';
import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** What one batch is drawn from: the same numbers give the same batch. `noise` is int32 tokens or float32 embeddings. */
interface Drawn { layout: Layout; noise: Tensor; candidates: Int32Array; gumbel?: Tensor2D }

/**
 * The generator G_theta with its adaptation as a source of inputs, and their gradient ascent. The generator is a causal
 * language model run once over noise z, random tokens or Gaussian embeddings; position t says what may follow z_1 ... z_t.
 */
export class GeneratorSource implements Source {
  private theta: Record<string, Tensor>;
  private adam: AdamState;
  private readonly adaptation: Adaptation;
  private readonly noiseVocabulary: Int32Array;
  private noiseSize?: number;
  private readonly learns: boolean;
  readonly divergence?: DivergenceConfig;
  /** the last batch for the student, kept where the ascent goes along it */
  private last?: Drawn & { tokens?: Int32Array };

  constructor(private readonly job: Job, private readonly generator: Network, private readonly config: SamSgaConfig, private readonly streams: Streams) {
    const { model } = generator, { kind, temperature } = config.adaptation, trained = config.generator.mode === 'trained';
    checkAdaptation(kind, model, job.teacher.model);
    if (model.head.kind !== 'languageModel') throw new ZsaqError('mismatch', 'the generator must be a causal language model (OPT, GPT-2)');
    if (model.maxLength < config.seq) throw new ZsaqError('range', `the generator has ${model.maxLength} positions: --set seq=${model.maxLength} or less`);
    this.adaptation = { kind, temperature, teacher: job.teacher.model, table: tableOf(job.teacher), norms: ordinaryNorms(job.teacher, job.vocabulary) };
    this.noiseVocabulary = kind === 'linear' ? Int32Array.from({ length: model.vocabSize }, (_, i) => i) : job.vocabulary;
    this.theta = {
      ...(config.sga === 'on' && trained ? clone(pick(generator.params, model.paramNames.filter((n) => n !== model.wordEmbedding && n !== UNTIED_HEAD))) : {}),
      ...initAdaptation(this.adaptation, model.embeddingSize, streams.get('adaptation')),
    };
    this.learns = config.sga === 'on' && Object.keys(this.theta).length > 0;
    this.adam = adamInit(this.learns ? this.theta : {});
    const { divergence } = config.generator;
    if (divergence !== 'same') this.divergence = { ...config.divergence, logits: divergence };
  }

  next(): Batch {
    return tidy(() => {
      const drawn = this.draw(), { layout } = drawn, speech = this.speak(this.theta, drawn);
      const tokens = speaksTokens(this.adaptation.kind) ? this.sample(speech) : undefined;
      if (this.config.generator.pass === 'shared') this.remember({ ...drawn, tokens });
      return tokens ? { inputs: tokenInputs(layout, tokens), tokens } : { inputs: adapt(this.adaptation, speech, layout, this.theta) };
    });
  }

  ascend(step: number, divergence: Divergence, rateShare: number): number | null {
    const { every, pass } = this.config.generator;
    if (!this.learns || pass === 'shared' || step % every !== 0) return null;
    const drawn = this.draw(), { layout } = drawn;
    try {
      return this.climb((theta) => {
        const speech = this.speak(theta, drawn), tokens = speaksTokens(this.adaptation.kind) ? this.sample(speech) : undefined;
        const inputs = adapt(this.adaptation, speech, layout, theta, tokens);
        return this.regularized(divergence(inputs), speech, layout, inputs);
      }, rateShare);
    } finally {
      free(drawn);
    }
  }

  sharesPass(step: number): boolean {
    const { every, pass } = this.config.generator;
    return this.learns && pass === 'shared' && step % every === 0;
  }

  /** dD/dtheta = dD/de de/dtheta: the student's tape gave the first factor, one run of the generator over the same draw gives the product. */
  follow(inputGradient: Tensor, rateShare: number): boolean {
    const { layout, tokens, ...noise } = this.last!;
    return Number.isFinite(this.climb((theta) => {
      const speech = this.speak(theta, { layout, ...noise }), inputs = adapt(this.adaptation, speech, layout, theta, tokens);
      return this.regularized(tf.sum(tf.mul(inputs.embeds!, inputGradient)) as Scalar, speech, layout, inputs);
    }, rateShare));
  }

  /** One step of theta along the gradient of `objective`; its value before, NaN with nothing changed if it is not finite. */
  private climb(objective: (theta: Params) => Scalar, rateShare: number): number {
    const { rate, clip } = this.config.generator;
    const { grads, report } = tidy(() => {
      const negative = valueAndGrad((theta) => tf.neg(objective(theta)) as Scalar, this.theta);
      const clipped = clipByGlobalNorm(negative.grads, clip);
      return { grads: clipped.grads, report: tf.stack([negative.value, clipped.norm]) };
    });
    const [loss, norm] = report.dataSync();
    report.dispose();
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) { dispose(grads); return NaN; }
    const next = adamUpdate(this.theta, grads, this.adam, () => ({ rate: rate * rateShare, decay: false }), adamDefaults);
    dispose(grads, this.theta, this.adam.m, this.adam.v);
    this.theta = next.params;
    this.adam = next.state;
    return -loss;
  }

  private regularized(value: Scalar, speech: Speech, layout: Layout, { embeds }: Inputs): Scalar {
    const { kind, table } = this.adaptation, { entropy, diversity, manifold } = this.config.generator;
    if (!entropy && !diversity && !manifold) return value;
    const logits = kind === 'linear' ? undefined : scaledLogits(this.adaptation, speech);
    return tf.add(value, regularization({ logits, embeds: embeds!, words: wordMask(layout), table }, this.config.generator));
  }

  private remember(drawn: Drawn & { tokens?: Int32Array }): void {
    if (this.last) free(this.last);
    this.last = { ...drawn, noise: tf.keep(drawn.noise), gumbel: drawn.gumbel && tf.keep(drawn.gumbel) };
  }

  save() {
    const held = { ...prefixed('theta/', clone(this.theta)), ...prefixed('m/', clone(this.adam.m)), ...prefixed('v/', clone(this.adam.v)) };
    return { held, state: { adamStep: this.adam.step } };
  }

  restore(tensors: Params, state: Record<string, unknown>): void {
    dispose(this.theta, this.adam.m, this.adam.v);
    this.theta = part(tensors, 'theta/');
    this.adam = { m: part(tensors, 'm/'), v: part(tensors, 'v/'), step: state.adamStep as number };
  }

  dispose(): void {
    dispose(this.theta, this.adam.m, this.adam.v);
    if (this.last) free(this.last);
  }

  private draw(): Drawn {
    const { config, job, streams } = this, { batch, seq } = config, { kind, candidates: count } = config.adaptation;
    const layout = drawLayout({ ...config, form: job.form }, job.special, streams.get('layout'));
    const noise = this.noise(batch, seq);
    const random = streams.get('candidates');
    // the linear map reads hidden states only: one row stands for the head's product
    const candidates = kind === 'linear' ? Int32Array.of(0)
      : count === 0 || count >= job.vocabulary.length ? job.vocabulary
        : Int32Array.from(random.shuffle([...job.vocabulary]).slice(0, count)).sort();
    const gumbel = kind === 'gumbel' ? gumbelNoise(batch * seq, candidates.length, streams.get('gumbel')) : undefined;
    return { layout, noise, candidates, gumbel };
  }

  /** z: random tokens, or N(0, sigma^2) embeddings with sigma the root mean square of the generator's own. */
  private noise(batch: number, seq: number): Tensor {
    const random = this.streams.get('noise'), width = this.generator.model.embeddingSize;
    if (this.config.generator.noise === 'tokens') return tf.tensor2d(randomTokens(this.noiseVocabulary, batch * seq, random), [batch, seq], 'int32');
    this.noiseSize ??= tidy(() => tf.sqrt(tf.mean(tf.square(tableOf(this.generator)))).dataSync()[0]);
    return tf.tensor3d(Float32Array.from({ length: batch * seq * width }, () => this.noiseSize! * random.normal()), [batch, seq, width]);
  }

  /** One run over the noise, with the head's product over the candidates only: a record with fewer rows in its table. */
  private speak(theta: Params, { noise, candidates, gumbel }: Drawn): Speech {
    const { model, params } = this.generator, table = tableOf(this.generator), rows = tf.tensor1d(candidates, 'int32');
    const head = params[UNTIED_HEAD] ? { [UNTIED_HEAD]: tf.gather(params[UNTIED_HEAD], rows) } : { [model.wordEmbedding]: tf.gather(table, rows) };
    const embeds = noise.dtype === 'int32' ? embedding(table, noise) : noise;
    return { candidates, gumbel, out: model.forward({ ...params, ...theta, ...head }, { embeds: embeds as never }) };
  }

  private sample(speech: Speech): Int32Array { return sampleTokens(this.adaptation, speech, this.streams.get('samples')); }
}

function free({ noise, gumbel }: Drawn): void { tf.dispose([noise, gumbel ?? []]); }

const UNTIED_HEAD = 'lm_head.weight';

function tableOf({ model, params }: Network): Tensor2D { return get(params, model.wordEmbedding) as Tensor2D; }

/** The range of embedding norms of ordinary tokens, 1st to 99th percentile. */
function ordinaryNorms(teacher: Network, vocabulary: Int32Array): [number, number] {
  const norms = tidy(() => tf.norm(tableOf(teacher), 2, 1).dataSync()) as Float32Array;
  const ordinary = Float32Array.from(vocabulary, (id) => norms[id]).sort();
  const quantile = (q: number) => ordinary[Math.floor(q * (ordinary.length - 1))];
  return [quantile(0.01), quantile(0.99)];
}
