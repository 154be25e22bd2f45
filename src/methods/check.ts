import { ZsaqError } from '../core/error';

type Rule = (x: never) => boolean;
const positive: Rule = (x: number) => x > 0;
const notNegative: Rule = (x: number) => x >= 0;
const whole: Rule = (x: number) => Number.isInteger(x) && x >= 1;
const share: Rule = (x: number) => x >= 0 && x <= 1;
const one = (...words: string[]): Rule => (x: string) => words.includes(x);

/** What each setting of a training method may be, with the words for the message. */
const RULES: Record<string, [Rule, string]> = {
  steps: [whole, 'a whole number of at least 1'], batch: [whole, 'a whole number of at least 1'], seq: [whole, 'a whole number of at least 1'],
  shortest: [share, 'between 0 and 1'], correlation: [share, 'between 0 and 1'],
  rate: [positive, 'above 0'], scaleRate: [notNegative, 'at least 0'], weightDecay: [notNegative, 'at least 0'], clip: [positive, 'above 0'],
  precision: [one('fp32', 'bf16'), 'fp32 or bf16'], recompute: [one('off', 'layers'), 'off or layers'], checkpointSeconds: [notNegative, 'at least 0'], beta: [notNegative, 'at least 0'],
  sam: [one('on', 'off'), 'on or off'], sga: [one('on', 'off'), 'on or off'],
  'schedule.kind': [one('constant', 'linear', 'cosine'), 'constant, linear or cosine'], 'schedule.warmup': [share, 'between 0 and 1'], 'schedule.floor': [share, 'between 0 and 1'],
  'divergence.logits': [one('kl', 'js', 'l1', 'mse'), 'kl, js, l1 or mse'], 'divergence.temperature': [positive, 'above 0'], 'divergence.hidden': [notNegative, 'at least 0'],
  'generator.mode': [one('trained', 'frozen'), 'trained or frozen'], 'generator.rate': [positive, 'above 0'], 'generator.clip': [positive, 'above 0'],
  'generator.every': [whole, 'a whole number of at least 1'],
  'adaptation.kind': [one('straightThrough', 'soft', 'linear'), 'straightThrough, soft or linear'], 'adaptation.temperature': [positive, 'above 0'],
  sequences: [whole, 'a whole number of at least 1'], inputs: [one('random', 'generated', 'real'), 'random, generated or real'],
  'writing.greedy': [(x: number) => Number.isInteger(x) && x >= 0, 'a whole number of at least 0'], 'writing.temperature': [positive, 'above 0'],
  lkd: [one('on', 'off'), 'on or off'], damp: [positive, 'above 0'], order: [one('natural', 'activation'), 'natural or activation'],
  'adaptation.candidates': [(x: number) => x === 0 || (Number.isInteger(x) && x >= 2), '0 (the whole vocabulary) or at least 2'],
};

/** Refuses impossible values of a training method's settings. @throws ZsaqError naming the setting and what it takes */
export function checkConfig<T extends object>(config: T, prefix = ''): T {
  for (const [key, value] of Object.entries(config)) {
    const path = prefix + key;
    if (typeof value === 'object' && value !== null) { checkConfig(value, `${path}.`); continue; }
    const rule = RULES[path];
    if (rule && !(rule[0] as (x: unknown) => boolean)(value)) throw new ZsaqError('range', `${path}=${JSON.stringify(value)}: ${path} must be ${rule[1]}`);
  }
  return config;
}
