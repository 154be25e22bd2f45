import { ZsaqError } from '../core/error';
import { checkCombination } from './combine';
import type { SamSgaConfig } from './config';

type Rule = (x: never) => boolean;
const positive: Rule = (x: number) => x > 0;
const notNegative: Rule = (x: number) => x >= 0;
const whole: Rule = (x: number) => Number.isInteger(x) && x >= 1;
const count: Rule = (x: number) => Number.isInteger(x) && x >= 0;
const share: Rule = (x: number) => x >= 0 && x <= 1;
const some: Rule = (x: number) => x > 0 && x <= 1;
const truth: Rule = (x: unknown) => typeof x === 'boolean';
const record: Rule = (x: unknown) => typeof x === 'object';
const one = (...words: string[]): Rule => (x: string) => words.includes(x);
const WHOLE = 'a whole number of at least 1', COUNT = 'a whole number of at least 0', SHARE = 'between 0 and 1', SOME = 'above 0 and at most 1', TRUTH = 'true or false';

/** What each setting of the methods and of the plan may be, with the words for the message, and what it does. */
export const SETTINGS: Readonly<Record<string, readonly [rule: Rule, may: string, meaning: string]>> = {
  steps: [whole, WHOLE, 'student steps'],
  batch: [whole, WHOLE, 'examples a step'],
  seq: [whole, WHOLE, 'tokens an example'],
  shortest: [share, SHARE, 'shortest example as a share of seq (encoders)'],
  correlation: [share, SHARE, 'pairs: largest share of the second text that is copied from the first'],
  rate: [positive, 'above 0', 'peak learning rate of weights, biases and norms'],
  scaleRate: [notNegative, 'at least 0', 'peak learning rate of learned scales'],
  weightDecay: [notNegative, 'at least 0', 'decoupled weight decay of matrices'],
  clip: [positive, 'above 0', 'limit of the gradient norm'],
  'schedule.kind': [one('constant', 'linear', 'cosine'), 'constant, linear or cosine', 'decay of the rates after the warm-up'],
  'schedule.warmup': [share, SHARE, 'share of the steps over which the rates rise'],
  'schedule.floor': [share, SHARE, 'share of the peak rates that is left at the end'],
  'divergence.logits': [one('kl', 'js', 'l1', 'mse'), 'kl, js, l1 or mse', 'term on the answers'],
  'divergence.temperature': [positive, 'above 0', 'temperature of its softmax'],
  'divergence.hidden': [notNegative, 'at least 0', 'weight of the hidden states'],
  store: [one('latent', 'quantized'), 'latent or quantized', 'what the next step starts from: w, or the rounded Q(w)'],
  'layerwise.steps': [count, COUNT, 'before training: updates over all layers, each distilled by itself; 0: none'],
  'layerwise.rate': [positive, 'above 0', 'their peak rate of weights, biases and norms'],
  'layerwise.scaleRate': [notNegative, 'at least 0', 'their peak rate of learned scales'],
  stepsPerBatch: [whole, WHOLE, 'student steps on one batch; the teacher answers the first one only'],
  precision: [one('fp32', 'bf16'), 'fp32 or bf16', "products of matrices, except in SAM's second pass and in a layer-wise start; bf16 is faster where the model is large enough, and less exact"],
  recompute: [one('off', 'layers'), 'off or layers', 'layers: what a layer computes is computed again for its gradient: less memory, more time; a layer-wise start, which has one layer in memory, needs none'],
  checkpointSeconds: [notNegative, 'at least 0', 'seconds between checkpoints'],
  sam: [one('on', 'off'), 'on or off', 'sharpness-aware minimization; off: plain AdamW'],
  beta: [notNegative, 'at least 0', 'radius of the perturbation'],
  relative: [truth, TRUTH, 'beta as a share of the norm of what is perturbed'],
  'betaSchedule.kind': [one('constant', 'linear', 'cosine'), 'constant, linear or cosine', 'decay of beta after its warm-up'],
  'betaSchedule.warmup': [share, SHARE, 'share of the steps over which beta rises'],
  'betaSchedule.floor': [share, SHARE, 'share of beta that is left at the end'],
  adaptive: [truth, TRUTH, 'scale-invariant perturbation (ASAM)'],
  perturb: [one('quantized', 'latent'), 'quantized or latent', 'perturb Q(w), or w before rounding'],
  perturbLayers: [some, SOME, 'share of the layers perturbed, counted from the output'],
  'look.every': [whole, WHOLE, 'SAM at every so many-th step (LookSAM)'],
  'look.reuse': [notNegative, 'at least 0', "weight of SAM's orthogonal part at the steps between; 0: plain steps"],
  sga: [one('on', 'off'), 'on or off', 'gradient ascent of generator and adaptation'],
  'generator.mode': [one('trained', 'frozen'), 'trained or frozen', 'frozen: only the adaptation ascends'],
  'generator.rate': [positive, 'above 0', 'learning rate of the ascent'],
  'generator.clip': [positive, 'above 0', 'limit of its gradient norm'],
  'generator.every': [whole, WHOLE, 'student steps per generator step'],
  'generator.noise': [one('tokens', 'gaussian', 'written'), 'tokens, gaussian or written', 'what it reads: random tokens, Gaussian embeddings, or text that it wrote before'],
  'generator.pass': [one('own', 'shared'), 'own or shared', "ascent by a pass of its own, or along the student's first pass"],
  'generator.divergence': [one('same', 'kl', 'js', 'l1', 'mse'), 'same, kl, js, l1 or mse', 'term on the answers that it ascends; js and l1 are bounded'],
  'generator.entropy': [notNegative, 'at least 0', 'weight of the entropy of its output distribution'],
  'generator.diversity': [notNegative, 'at least 0', 'weight of the difference between the examples of a batch'],
  'generator.manifold': [notNegative, 'at least 0', 'weight of the distance from the word embeddings'],
  'adaptation.kind': [one('straightThrough', 'gumbel', 'soft', 'linear'), 'straightThrough, gumbel, soft or linear', 'how what it says becomes embeddings'],
  'adaptation.temperature': [positive, 'above 0', 'temperature of its softmax'],
  'adaptation.candidates': [(x: number) => x === 0 || (Number.isInteger(x) && x >= 2), '0 (the whole vocabulary) or at least 2', 'tokens it chooses among in one batch; 0: the whole vocabulary'],
  inputs: [one('random', 'generated', 'real'), 'random, generated or real', 'gptq, zeroQuant: random tokens, text that a language model writes, or training text'],
  sequences: [whole, WHOLE, 'sequences that are made or read beforehand (llmQat, gptq, zeroQuant, generator.noise=written)'],
  'writing.greedy': [count, COUNT, 'written text: tokens after the first one that are the most probable ones; the rest is sampled'],
  'writing.temperature': [positive, 'above 0', 'written text: temperature of the samples'],
  'writing.by': [one('teacher', 'generator'), 'teacher or generator', 'written text: by the teacher where it is a language model, or by the generator in any case'],
  lkd: [one('on', 'off'), 'on or off', 'zeroQuant: layer-by-layer knowledge distillation after the rounding'],
  damp: [positive, 'above 0', 'gptq: what is added to the diagonal of H, as a share of its mean'],
  order: [one('natural', 'activation'), 'natural or activation', 'gptq: columns as they stand, or those with the largest inputs first'],
  'plan.grid': [one('symmetric', 'stretched', 'asymmetric'), 'symmetric, stretched or asymmetric', 'levels of the weights'],
  'plan.scale': [one('absmax', 'mse', 'percentile', 'twn'), 'absmax, mse, percentile or twn', 'how scales follow from the weights'],
  'plan.granularity': [one('tensor', 'row'), 'tensor, row or {"group":64}', 'weights that share a scale'],
  'plan.learned': [truth, TRUTH, 'training may move the scales (LSQ)'],
  'plan.embeddings': [one('8', 'weights', 'none'), '8, weights or none', 'width of the word embeddings'],
  'plan.ends': [one('weights', '8', 'none'), 'weights, 8 or none', 'width of the first and the last layer'],
  'plan.rules': [record, 'pattern=specification', 'other widths by name: plan.rules.*.layer.0.*={"bits":4} or ="full"'],
  'plan.activation.range': [one('dynamic', 'static'), 'dynamic or static', 'scales of activations: by token, or calibrated by site'],
  'plan.activation.scale': [one('absmax', 'mse', 'percentile'), 'absmax, mse or percentile', 'how they follow from the values'],
  'plan.activation.percentile': [(x: number) => x > 0.5 && x <= 1, 'above 0.5 and at most 1', 'share of the values that percentile covers'],
  'plan.activation.batches': [whole, WHOLE, 'batches that static scales are calibrated on'],
  'plan.activation.oneSided': [one('symmetric', 'asymmetric'), 'symmetric or asymmetric', 'grid after ReLU and GELU'],
  'plan.activation.probabilities': [truth, TRUTH, 'quantize attention probabilities too, on the asymmetric grid'],
  'plan.activation.rules': [record, 'pattern=specification', 'other forms by site: plan.activation.rules.*.output.dense="full"'],
};

/** True if the setting is known and takes the value. */
export function accepts(path: string, value: unknown): boolean {
  return Object.hasOwn(SETTINGS, path) && (SETTINGS[path][0] as (x: unknown) => boolean)(value);
}

/** Refuses impossible values of a method's or a plan's settings. @throws ZsaqError naming the setting and what it takes */
export function checkConfig<T extends object>(config: T, prefix = ''): T {
  for (const [key, value] of Object.entries(config)) {
    const path = prefix + key;
    if (typeof value === 'object' && value !== null) { checkConfig(value, `${path}.`); continue; }
    if (Object.hasOwn(SETTINGS, path) && !accepts(path, value)) throw new ZsaqError('range', `${path}=${JSON.stringify(value)}: ${path} must be ${SETTINGS[path][1]}`);
  }
  if (prefix === '' && 'generator' in config && 'adaptation' in config) checkCombination(config as unknown as SamSgaConfig);
  return config;
}

/** Settings by path, in the order of the record. */
export function flatten(settings: object, prefix = ''): [path: string, value: unknown][] {
  return Object.entries(settings).flatMap(([key, value]): [string, unknown][] => (
    typeof value === 'object' && value !== null && Object.keys(value).length ? flatten(value, `${prefix}${key}.`) : [[prefix + key, value]]));
}

/** The settings with their defaults, what they do and what they take: one line each, for `--help`. */
export function describeSettings(defaults: object, prefix = ''): string[] {
  return flatten(defaults, prefix).map(([path, value]) => {
    const shown = `${path}=${typeof value === 'string' ? value : JSON.stringify(value)}`, [, may, meaning] = SETTINGS[path];
    return `  ${shown.padEnd(36)} ${meaning}${/^[\w".{}:=|]+(, [\w".{}:=|]+)* or [\w".{}:=|]+$/.test(may) && may !== TRUTH ? ` (${may})` : ''}`;
  });
}
