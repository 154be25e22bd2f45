import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { valueAndGrad } from '../core/grad';
import { embedding } from '../core/kernels';
import { tidy } from '../core/memory';
import { clone, dispose, get, part, pick, prefixed, type Params } from '../core/tree';
import { adamDefaults, adamInit, adamUpdate, type AdamState } from '../optim/adam';
import { clipByGlobalNorm } from '../optim/clip';
import { adapt, ADAPTATION, checkAdaptation, initAdaptation, sampleTokens, tokenInputs, type Adaptation, type Speech } from './adaptation';
import { drawLayout, type Layout } from './layout';
import { randomTokens, type Batch, type Divergence, type Source } from './source';
import type { Job, Network } from './method';
import type { SamSgaConfig } from './config';
import type { Streams } from '../core/random';
import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/**
 * The generator G_theta with its adaptation as a source of inputs, and their gradient ascent. The generator is a causal
 * language model run once over noise tokens z; position t says what may follow z_1 ... z_t.
 */
export class GeneratorSource implements Source {
  private theta: Record<string, Tensor>;
  private adam: AdamState;
  private readonly adaptation: Adaptation;
  private readonly noiseVocabulary: Int32Array;
  private readonly learns: boolean;

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
  }

  next(): Batch {
    return tidy(() => {
      const { layout, noise, candidates } = this.draw(), speech = this.speak(this.theta, noise, candidates);
      if (this.adaptation.kind !== 'straightThrough') return { inputs: adapt(this.adaptation, speech, layout, this.theta) };
      const tokens = this.sample(speech);
      return { inputs: tokenInputs(layout, tokens), tokens };
    });
  }

  ascend(step: number, divergence: Divergence, rateShare: number): number | null {
    const { every, rate, clip } = this.config.generator;
    if (!this.learns || step % every !== 0) return null;
    const { grads, report } = tidy(() => {
      const { layout, noise, candidates } = this.draw();
      const negative = valueAndGrad((theta) => {
        const speech = this.speak(theta, noise, candidates);
        const tokens = this.adaptation.kind === 'straightThrough' ? this.sample(speech) : undefined;
        return tf.neg(divergence(adapt(this.adaptation, speech, layout, theta, tokens))) as Scalar;
      }, this.theta);
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

  save() {
    const held = { ...prefixed('theta/', clone(this.theta)), ...prefixed('m/', clone(this.adam.m)), ...prefixed('v/', clone(this.adam.v)) };
    return { held, state: { adamStep: this.adam.step } };
  }

  restore(tensors: Params, state: Record<string, unknown>): void {
    dispose(this.theta, this.adam.m, this.adam.v);
    this.theta = part(tensors, 'theta/');
    this.adam = { m: part(tensors, 'm/'), v: part(tensors, 'v/'), step: state.adamStep as number };
  }

  dispose(): void { dispose(this.theta, this.adam.m, this.adam.v); }

  private draw(): { layout: Layout; noise: Tensor2D; candidates: Int32Array } {
    const { config, job, streams } = this, { batch, seq } = config, { kind, candidates: count } = config.adaptation;
    const layout = drawLayout({ ...config, form: job.form }, job.special, streams.get('layout'));
    const noise = randomTokens(this.noiseVocabulary, batch * seq, streams.get('noise'));
    const random = streams.get('candidates');
    // the linear map reads hidden states only: one row stands for the head's product
    const candidates = kind === 'linear' ? Int32Array.of(0)
      : count === 0 || count >= job.vocabulary.length ? job.vocabulary
        : Int32Array.from(random.shuffle([...job.vocabulary]).slice(0, count)).sort();
    return { layout, noise: tf.tensor2d(noise, [batch, seq], 'int32'), candidates };
  }

  /** One run over the noise, with the head's product over the candidates only: a record with fewer rows in its table. */
  private speak(theta: Params, noise: Tensor2D, candidates: Int32Array): Speech {
    const { model, params } = this.generator, table = tableOf(this.generator), rows = tf.tensor1d(candidates, 'int32');
    const head = params[UNTIED_HEAD] ? { [UNTIED_HEAD]: tf.gather(params[UNTIED_HEAD], rows) } : { [model.wordEmbedding]: tf.gather(table, rows) };
    const embeds = embedding(table, noise);
    return { candidates, out: model.forward({ ...params, ...theta, ...head }, { embeds: embeds as never }) };
  }

  private sample(speech: Speech): Int32Array { return sampleTokens(this.adaptation, speech, this.streams.get('samples')); }
}

const UNTIED_HEAD = 'lm_head.weight';

function tableOf({ model, params }: Network): Tensor2D { return get(params, model.wordEmbedding) as Tensor2D; }

/** The range of embedding norms of ordinary tokens, 1st to 99th percentile. */
function ordinaryNorms(teacher: Network, vocabulary: Int32Array): [number, number] {
  const norms = tidy(() => tf.norm(tableOf(teacher), 2, 1).dataSync()) as Float32Array;
  const ordinary = Float32Array.from(vocabulary, (id) => norms[id]).sort();
  const quantile = (q: number) => ordinary[Math.floor(q * (ordinary.length - 1))];
  return [quantile(0.01), quantile(0.99)];
}
