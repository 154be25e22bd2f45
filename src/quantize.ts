import { ready } from './core/backend';
import { ZsaqError } from './core/error';
import { Stream } from './core/random';
import { dispose } from './core/tree';
import { adversarial } from './methods/adversarial';
import { calibrate } from './methods/calibrate';
import { checkConfig } from './methods/check';
import { trainDefaults } from './methods/config';
import { freshGenerator } from './methods/fresh';
import { full } from './methods/full';
import { gptq } from './methods/gptq';
import { llmQat } from './methods/llmQat';
import { noData, type CheckpointStore, type DataSource, type Job, type Method, type MethodId, type Network, type OnFailure, type Progress, type Quantized } from './methods/method';
import { refuseLeak } from './methods/leak';
import { presetSize } from './methods/presets';
import { ptq } from './methods/ptq';
import { qatRandom } from './methods/qatRandom';
import { qatReal } from './methods/qatReal';
import { tokenized, type RealText } from './methods/realText';
import { samSga } from './methods/samSga';
import { applySettings } from './methods/settings';
import { randomSource } from './methods/source';
import { zeroQuant } from './methods/zeroQuant';
import { activationDefaults, makePlan, type PlanOptions, type QuantPlan } from './quant/plan';
import { parseBits } from './quant/spec';
import { checkSingleLogit, type DivergenceConfig } from './train/divergence';
import type { Warning } from './train/monitor';
import { jointOf, type Form } from './methods/layout';
import { checkVocabulary, type Model } from './models/model';
import type { Tokenizer } from './text/tokenizer';

/** Every method under its id: ceiling and floor, baselines, SAM-SGA. */
export const METHODS: Readonly<Record<MethodId, Method<never>>> = { full, ptq, zeroQuant, gptq, qatReal, qatRandom, llmQat, adversarial, samSga } as never;

/** What is quantized, how, and what hears of it. */
export interface QuantizeOptions {
  teacher: Network;
  tokenizer: Tokenizer;
  /** causal language model that writes the inputs; without one a small untrained one is made */
  generator?: Network;
  /** "W2A8", "W4A8", "W8A8"; full precision needs none */
  bits?: string;
  method?: string;
  preset?: string;
  /** two texts an example (six of the eight GLUE tasks) */
  pair?: boolean;
  /** real training text, for the methods that declare their need of it: labelled examples or lines, of a training split */
  data?: RealText;
  /** `path=value` changes of the method's settings, or of the plan's under `plan.` */
  set?: readonly string[];
  seed?: number;
  checkpoints?: CheckpointStore;
  signal?: { readonly aborted: boolean };
  /** awaited if it takes its time */
  onProgress?(p: Progress): void | Promise<void>;
  /** watch a run that trains for the signatures of failure, and what to do at one; absent: not watched */
  onFailure?: OnFailure;
  onWarning?(warning: Warning): void;
}

/** Everything that decides the outcome of a run besides weights: stored with each result. */
export interface RunConfig {
  method: MethodId;
  bits: string;
  preset: string;
  seed: number;
  form: Form;
  settings: Record<string, unknown>;
  planOptions: PlanOptions;
  plan: QuantPlan;
}

/** The defaults of a plan: fitted scales; at 2 bits the stretched grid, which has no level to waste; learned where training follows. */
export function planDefaults(weights: PlanOptions['weights'], activations: PlanOptions['activations'], trained: boolean): PlanOptions {
  return { weights, activations, grid: weights === 2 ? 'stretched' : 'symmetric', scale: 'mse', granularity: 'row', learned: trained, embeddings: '8', ends: 'weights', rules: {}, activation: activationDefaults };
}

/**
 * Resolves bits, preset and settings into the full configuration, and checks it, without running anything.
 *
 * @throws ZsaqError 'usage' for a method, preset or setting that is none; 'range' for a value out of its range; 'mismatch' for a plan that does not fit the model
 */
export function configure({ teacher, bits, method = 'samSga', preset = 'mini', pair = false, set = [], seed = 0 }: Omit<QuantizeOptions, 'tokenizer'>): RunConfig {
  if (!Object.hasOwn(METHODS, method)) throw new ZsaqError('usage', `method "${method}": choose ${Object.keys(METHODS).join(', ')}`);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new ZsaqError('range', `seed ${seed}: give a whole number of at least 0`);
  const { weights, activations, name } = method === 'full' ? FULL : parseBits(bits ?? ''), { model } = teacher;
  const form: Form = model.head.kind === 'languageModel' ? 'tokens' : pair ? 'pair' : 'single';
  const chosen = METHODS[method as MethodId], base: Record<string, unknown> = { ...(chosen.defaults as Record<string, unknown>) };
  for (const [key, value] of Object.entries(presetSize(preset, weights, form, model.maxLength))) if (key in base) base[key] = value;
  if (model.head.kind === 'regression' && base.divergence) base.divergence = { ...base.divergence as object, logits: 'mse' };
  const plain = planDefaults(weights, activations, false), { plan: _, ...settings } = applySettings({ ...base, plan: settablePlan(plain) }, set) as Record<string, unknown>;
  checkSequence(checkConfig(settings), model);
  if (model.head.kind === 'regression' && settings.divergence) checkSingleLogit((settings.divergence as DivergenceConfig).logits);
  const best = settablePlan({ ...plain, ...chosen.plan?.(model, settings as never) }); // it may depend on the settings, and has the settings' last word
  const { plan: changed } = applySettings({ plan: best }, set.filter((text) => text.startsWith('plan.')));
  const planOptions: PlanOptions = { ...changed, weights, activations };
  checkConfig(planOptions, 'plan.');
  return { method: method as MethodId, bits: name, preset, seed, form, settings, planOptions, plan: makePlan(model, planOptions) };
}

/** Bits of a plan that leaves everything alone. */
const FULL = { weights: 8, activations: null, name: 'W32A32' } as const;

/** What `--set plan.` may change: the widths come from the bits. */
export function settablePlan({ weights, activations, ...rest }: PlanOptions): Omit<PlanOptions, 'weights' | 'activations'> { return rest; }

function checkSequence({ seq }: Record<string, unknown>, model: Model): void {
  if (seq !== undefined && (seq as number) > model.maxLength) throw new ZsaqError('range', `seq=${seq}: the model has ${model.maxLength} positions`);
}

/**
 * Quantizes a model. Real text reaches a method only if its settings declare the need, and what was read stands in `read`.
 *
 * @example
 * const { model, params } = await loadModel(dir);
 * const result = await quantize({ teacher: { model, params }, tokenizer: loadTokenizer(dir), bits: 'W2A8' });
 */
export async function quantize(options: QuantizeOptions): Promise<Quantized & { config: RunConfig; read: DataSource | null }> {
  await ready();
  const config = configure(options), { teacher, tokenizer, seed = 0 } = options, chosen = METHODS[config.method], real = needsData(config);
  checkRun(options, config);
  let read: DataSource | null = null;
  const fresh = chosen.ascends && !options.generator ? freshGenerator(teacher.model.vocabSize, new Stream('fresh generator', seed)) : undefined;
  try {
    const job: Job = {
      ...zeroShotJob({ ...options, generator: options.generator ?? fresh }, config),
      data() {
        if (!real) return noData(config.method);
        read = options.data!.source;
        return tokenized(options.data!, tokenizer);
      },
    };
    const result = await chosen.run({ ...job, plan: calibratedPlan(job, config) }, config.settings as never);
    return { ...result, config, read };
  } finally {
    if (fresh) dispose(fresh.params);
  }
}

/** Refuses what cannot be run together. @throws ZsaqError 'leak', 'mismatch' | 'missing' */
export function checkRun({ teacher, generator, tokenizer, data }: QuantizeOptions, config: RunConfig): void {
  refuseLeak(generator?.card, teacher.card);
  checkVocabulary(tokenizer, teacher.model);
  if ((teacher as { plan?: unknown }).plan) throw new ZsaqError('mismatch', 'the teacher is already quantized: give the full-precision model');
  if (needsData(config) && !data) throw new ZsaqError('missing', `${config.method} learns from real training text: give data (on the command line --task NAME, and --data DIR for a real one)`);
}

/** What a method gets that declares no need of data. */
export function zeroShotJob({ teacher, generator, tokenizer, seed = 0, checkpoints, signal, onProgress, onFailure, onWarning }: QuantizeOptions, { plan, form, method }: Pick<RunConfig, 'plan' | 'form' | 'method'>): Job {
  return { teacher, generator, plan, special: tokenizer.special, joint: form === 'pair' ? jointOf(tokenizer) : undefined, vocabulary: ordinaryTokens(tokenizer), form, seed, data: () => noData(method), checkpoints, signal, onProgress, onFailure, onWarning };
}

/** Whether a run reads real training text. */
export function needsData({ method, settings }: Pick<RunConfig, 'method' | 'settings'>): boolean { return METHODS[method].needs(settings as never) === 'data'; }

/** The plan with its static activations calibrated on random tokens in the method's own layout: the same for all methods. */
function calibratedPlan(job: Job, { settings, planOptions, preset }: RunConfig): QuantPlan {
  const size = presetSize(preset, planOptions.weights, job.form, job.teacher.model.maxLength);
  const source = randomSource(job, { ...trainDefaults, ...size, ...settings, form: job.form }, new Stream('calibration', job.seed));
  return calibrate(job.teacher, job.plan, () => source.next(), planOptions.activation?.batches ?? activationDefaults.batches);
}

/** Ids of ordinary tokens: not special, not reserved for later use. */
export function ordinaryTokens(tokenizer: Tokenizer): Int32Array {
  return Int32Array.from({ length: tokenizer.vocabSize }, (_, id) => id)
    .filter((id) => !tokenizer.specialIds.has(id) && !/^\[unused\d+\]$/.test(tokenizer.idToToken(id)));
}
