import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { checkpointed, valueAndGrad } from '../core/grad';
import { embedding, withPrecision } from '../core/kernels';
import { tidy } from '../core/memory';
import { clone, dispose, get, part, pick, prefixed, type Params } from '../core/tree';
import { adamDefaults, adamInit, makeAdam, type Adam, type AdamState } from '../optim/adam';
import { clipByGlobalNorm } from '../optim/clip';
import { adapt, checkAdaptation, gumbelNoise, initAdaptation, placementOf, placementTensors, sampleTokens, scaledLogits, speaksTokens, tokenInputs, type Adaptation, type Chance } from './adaptation';
import { drawLayout, layoutTensors, wordMask, type Layout } from './layout';
import { regularization } from './regularizers';
import { randomTokens, type Batch, type Opponent, type Source } from './source';
import { compileFor } from './trainer';
import { WrittenText } from './written';
import type { Job, Network } from './method';
import type { SamSgaConfig } from './config';
import type { Compiled } from '../core/graph';
import type { Streams } from '../core/random';
import type { DivergenceConfig } from '../train/divergence';
import type { Inputs, Output } from '../models/model';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-node-gpu';

/**
 * The generator G_theta with its adaptation as a source of inputs, and their gradient ascent. The generator is a causal
 * language model run once over noise z, random tokens or Gaussian embeddings; position t says what may follow z_1 ... z_t.
 */
export class GeneratorSource implements Source {
  private theta: Record<string, Tensor>;
  private moments: AdamState;
  private readonly adaptation: Adaptation;
  private readonly noiseVocabulary: Int32Array;
  private readonly learns: boolean;
  private readonly held: Params;
  private readonly speech: Compiled;
  private readonly adam: Adam<'theta'>;
  private ascent?: Compiled;
  private readonly following: Compiled;
  readonly divergence?: DivergenceConfig;
  /** what the generator as it came has written, where that is its noise */
  private readonly text?: WrittenText;
  /** root mean square of the generator's embeddings: the size of Gaussian noise */
  private readonly noiseSize: number;
  /** what the last batch for the student was drawn from, kept where the ascent goes along that batch */
  private last: Params = {};

  constructor(private readonly job: Job, private readonly generator: Network, private readonly config: SamSgaConfig, private readonly streams: Streams) {
    const { model } = generator, { kind, temperature } = config.adaptation, trained = config.generator.mode === 'trained';
    checkAdaptation(kind, model, job.teacher.model);
    if (model.head.kind !== 'languageModel') throw new ZsaqError('mismatch', 'the generator must be a causal language model (OPT, GPT-2)');
    if (model.maxLength < config.seq) throw new ZsaqError('range', `the generator has ${model.maxLength} positions: --set seq=${model.maxLength} or less`);
    this.adaptation = { kind, temperature, teacher: job.teacher.model, table: tableOf(job.teacher), norms: kind === 'linear' ? ordinaryNorms(job.teacher, job.vocabulary) : [0, Infinity] };
    this.noiseVocabulary = kind === 'linear' ? Int32Array.from({ length: model.vocabSize }, (_, i) => i) : job.vocabulary;
    this.theta = {
      ...(config.sga === 'on' && trained ? clone(pick(generator.params, model.paramNames.filter((n) => n !== model.wordEmbedding && !model.headNames.has(n)))) : {}),
      ...initAdaptation(this.adaptation, model.embeddingSize, streams.get('adaptation')),
    };
    this.learns = config.sga === 'on' && Object.keys(this.theta).length > 0;
    this.moments = adamInit(this.learns ? this.theta : {});
    this.held = { ...prefixed('generator/', generator.params), table: this.adaptation.table };
    const compile = compileFor(config.steps);
    this.speech = compile((x) => this.pass((): Record<string, Tensor> => {
      const theta = part(x, 'theta/'), out = this.speak(theta, x);
      return speaksTokens(kind) ? { tokens: this.sample(out, x) } : { embeds: this.adapt(out, theta, x).embeds! };
    }), this.held);
    this.following = compile((x) => this.climb(x, ({ embeds }) => tf.sum(tf.mul(embeds!, x.inputGradient)) as Scalar), this.held);
    const { noise, divergence } = config.generator, size = { seq: config.seq, sequences: config.sequences, writing: config.writing };
    if (noise === 'written') this.text = new WrittenText(generator, this.noiseVocabulary, size, { sweep: streams.get('sweep'), text: streams.get('text') }, job.seed);
    this.noiseSize = noise === 'gaussian' ? rootMeanSquare(tableOf(generator)) : 0;
    if (divergence !== 'same') this.divergence = { ...config.divergence, logits: divergence };
    this.adam = makeAdam({ theta: { decay: false } }, () => 'theta', adamDefaults, compile);
  }

  async next(): Promise<Batch> {
    const { layout, tensors } = this.draw(), { tokens: ids, embeds } = this.speech({ ...tensors, ...prefixed('theta/', this.theta) });
    if (this.config.generator.pass === 'shared') this.remember(tensors);
    else dispose(tensors);
    if (embeds) return { inputs: { embeds: embeds as Tensor3D, ...layoutTensors(layout) } };
    const tokens = await ids.data() as Int32Array;
    ids.dispose();
    return { inputs: tokenInputs(layout, tokens), tokens };
  }

  async ascend(step: number, opponent: Opponent, rateShare: number): Promise<number | null> {
    const { every, pass } = this.config.generator;
    if (!this.learns || pass === 'shared' || step % every !== 0) return null;
    this.ascent ??= compileFor(this.config.steps)(
      (x) => this.climb(x, (inputs) => opponent.divergence(part(x, 'trained/'), inputs)), { ...this.held, ...opponent.held });
    const { tensors } = this.draw();
    const value = await this.step(this.ascent({ ...tensors, ...prefixed('theta/', this.theta), ...prefixed('trained/', opponent.trained) }), rateShare);
    dispose(tensors);
    return value;
  }

  sharesPass(step: number): boolean {
    const { every, pass } = this.config.generator;
    return this.learns && pass === 'shared' && step % every === 0;
  }

  /** dD/dtheta = dD/de de/dtheta: the student's tape gave the first factor, one run of the generator over the same draw gives the product. */
  async follow(inputGradient: Tensor, rateShare: number): Promise<boolean> {
    return Number.isFinite(await this.step(this.following({ ...this.last, inputGradient, ...prefixed('theta/', this.theta) }), rateShare));
  }

  /** Gradients of theta, downhill on minus the objective and the regularizers, and a report of value and norm: one function of the drawn tensors. */
  private climb(x: Params, objective: (inputs: Inputs) => Scalar): Record<string, Tensor> {
    return this.pass(() => {
      const negative = valueAndGrad((theta) => {
        const out = this.speak(theta, x), inputs = this.adapt(out, theta, x);
        return tf.neg(this.regularized(objective(inputs), out, inputs, x)) as Scalar;
      }, part(x, 'theta/'));
      const clipped = clipByGlobalNorm(negative.grads, this.config.generator.clip);
      return { ...prefixed('g/', clipped.grads), report: tf.stack([negative.value, clipped.norm]) };
    });
  }

  /** theta moves by these gradients; the objective before, NaN with nothing changed if it is not finite. */
  private async step({ report, ...g }: Record<string, Tensor>, rateShare: number): Promise<number> {
    const [loss, norm] = await report.data();
    report.dispose();
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) { dispose(g); return NaN; }
    const next = this.adam.update(this.theta, part(g, 'g/'), this.moments, { theta: this.config.generator.rate * rateShare });
    dispose(g, this.theta, this.moments.m, this.moments.v);
    this.theta = next.params;
    this.moments = next.state;
    return -loss;
  }

  private regularized(value: Scalar, out: Output, { embeds }: Inputs, { candidates, gumbel, words }: Params): Scalar {
    if (!this.regularizes()) return value;
    const logits = this.adaptation.kind === 'linear' ? undefined : scaledLogits(this.adaptation, out, candidates as Tensor1D, gumbel as Tensor2D | undefined);
    return tf.add(value, regularization({ logits, embeds: embeds!, words: words as Tensor2D, table: this.adaptation.table }, this.config.generator));
  }

  private regularizes(): boolean {
    const { entropy, diversity, manifold } = this.config.generator;
    return entropy > 0 || diversity > 0 || manifold > 0;
  }

  private remember(drawn: Params): void {
    dispose(this.last);
    this.last = drawn;
  }

  save() {
    const held = { ...prefixed('theta/', clone(this.theta)), ...prefixed('m/', clone(this.moments.m)), ...prefixed('v/', clone(this.moments.v)) };
    const text = this.text?.save();
    return { held: { ...held, ...prefixed('text/', text?.held ?? {}) }, state: { adamStep: this.moments.step, text: text?.state } };
  }

  restore(tensors: Params, state: Record<string, unknown>): void {
    dispose(this.theta, this.moments.m, this.moments.v);
    this.theta = part(tensors, 'theta/');
    this.moments = { m: part(tensors, 'm/'), v: part(tensors, 'v/'), step: state.adamStep as number };
    this.text?.restore(part(tensors, 'text/'), state.text as Record<string, unknown>);
  }

  /** The same noise, layouts and samples from the beginning again; the weights stay as they are, and so does what has been written. */
  rewind(): void {
    const { text } = this.streams.save();
    this.streams.restore(text ? { text } : {});
    this.text?.rewind();
  }

  dispose(): void {
    dispose(this.theta, this.moments.m, this.moments.v, this.last);
    this.speech.dispose(), this.following.dispose(), this.adam.dispose(), this.ascent?.dispose();
  }

  /** What a graph does. */
  private pass<T>(f: () => T): T { return tidy(() => withPrecision(this.config.precision, f)); }

  /** What chance decides of a batch, in the order in which the streams are read. */
  private draw(): Drawn {
    const { config, job, streams } = this, { batch, seq } = config, { kind, candidates: count } = config.adaptation;
    const layout = drawLayout({ ...config, form: job.form }, job.special, streams.get('layout'), job.joint);
    const noise = this.noise(batch, seq);
    // the linear map reads hidden states only: one row stands for the head's product
    const candidates = kind === 'linear' ? Int32Array.of(0)
      : count === 0 || count >= job.vocabulary.length ? job.vocabulary
        : Int32Array.from(streams.get('candidates').shuffle([...job.vocabulary]).slice(0, count)).sort();
    const tensors: Record<string, Tensor> = { noise, candidates: tf.tensor1d(candidates, 'int32'), ...placementTensors(layout) };
    if (this.regularizes()) tensors.words = wordMask(layout);
    if (kind === 'gumbel') tensors.gumbel = gumbelNoise(batch * seq, candidates.length, streams.get('gumbel'));
    if (kind === 'straightThrough') {
      const random = streams.get('samples');
      tensors.uniforms = tf.tensor1d(Float32Array.from({ length: batch * seq }, () => random.next()));
    }
    return { layout, tensors };
  }

  /** z: int32 tokens, uniformly random or written by the generator as it came, or N(0, sigma^2) embeddings with sigma the root mean square of the generator's own. */
  private noise(batch: number, seq: number): Tensor {
    if (this.text) return tf.tensor2d(this.text.next(batch), [batch, seq], 'int32');
    const random = this.streams.get('noise'), width = this.generator.model.embeddingSize;
    if (this.config.generator.noise === 'tokens') return tf.tensor2d(randomTokens(this.noiseVocabulary, batch * seq, random), [batch, seq], 'int32');
    return tf.tensor3d(Float32Array.from({ length: batch * seq * width }, () => this.noiseSize * random.normal()), [batch, seq, width]);
  }

  /** One run over the noise, with the head's product over the candidates only: a record with fewer rows in its table. */
  private speak(theta: Params, { noise, candidates }: Params): Output {
    const { model, params } = this.generator, table = tableOf(this.generator);
    const [name = model.wordEmbedding] = model.headNames, head = embedding(get(params, name) as Tensor2D, candidates);
    return model.forward({ ...params, ...theta, [name]: head }, { embeds: (noise.dtype === 'int32' ? embedding(table, noise) : noise) as Tensor3D }, this.config.recompute === 'layers' ? { layer: checkpointed } : {});
  }

  private sample(out: Output, { candidates, ...chance }: Params): Tensor1D { return sampleTokens(this.adaptation, out, candidates as Tensor1D, chance as Chance); }

  private adapt(out: Output, theta: Params, drawn: Params): Inputs {
    const tokens = speaksTokens(this.adaptation.kind) ? this.sample(out, drawn) : undefined;
    return adapt(this.adaptation, out, drawn.candidates as Tensor1D, placementOf(drawn, this.config), theta, tokens, drawn.gumbel as Tensor2D | undefined);
  }
}

/** A drawn batch: its layout, and what of it the graphs read. */
interface Drawn { layout: Layout; tensors: Record<string, Tensor> }

function tableOf({ model, params }: Network): Tensor2D { return get(params, model.wordEmbedding) as Tensor2D; }

/** In 64 bits on the host: the same to the last digit wherever the tensor lies, so that a continued run draws the same noise. */
function rootMeanSquare(x: Tensor): number {
  const values = x.dataSync() as Float32Array;
  return Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
}

/** The range of embedding norms of ordinary tokens, 1st to 99th percentile. */
function ordinaryNorms(teacher: Network, vocabulary: Int32Array): [number, number] {
  const norms = tidy(() => tf.norm(tableOf(teacher), 2, 1).dataSync()) as Float32Array;
  const ordinary = Float32Array.from(vocabulary, (id) => norms[id]).sort();
  const quantile = (q: number) => ordinary[Math.floor(q * (ordinary.length - 1))];
  return [quantile(0.01), quantile(0.99)];
}
