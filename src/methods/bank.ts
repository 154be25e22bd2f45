import { ZsaqError } from '../core/error';
import { Streams } from '../core/random';
import { tidy } from '../core/memory';
import { climb, climbing } from './ascent';
import { GeneratorSource } from './generator';
import type { Job, Network } from './method';
import { disposeInputs, randomSource, type Source } from './source';
import { makeStudent } from './student';
import { maskOf } from './studentStep';
import { opponentOf } from './trainer';
import { divergence, type DivergenceConfig } from '../train/divergence';
import type { Params } from '../core/tree';
import type { Inputs } from '../models/model';
import type { Hooks } from '../nn/hooks';
import type { SamSgaConfig } from './config';

/** What a bank consists of: uniform random tokens, samples of the generator as it came, samples of it after it has ascended against plain rounding. */
export const BANK_PARTS = ['random', 'frozen', 'adversarial'] as const;
/** One of `BANK_PARTS`. */
export type BankPart = typeof BANK_PARTS[number];

/** Held-out synthetic batches, the same for all methods. */
export type Bank = Readonly<Record<BankPart, readonly Inputs[]>>;

/** Size of the bank, and how its adversarial part is made. */
export interface BankConfig {
  /** batches of each part */
  batches: number;
  /** ascents of the adversarial part's generator against the rounded student, which stays as it is */
  ascents: number;
  /** peak rate of these ascents */
  rate: number;
}

/** The bank of all results. */
export const bankDefaults: BankConfig = { batches: 4, ascents: 100, rate: 3e-5 };

/** D(P, Q) on each part, averaged over its batches, and the mean of the three. */
export type BankScore = Record<BankPart | 'mean', number>;

/**
 * The fixed bank on which settings are chosen. A method's own divergence rewards a weak generator, which collapses onto
 * inputs that the student already answers; the bank is the same for all, no method trains on it, and no real text is in it.
 * Its streams have names and a seed of their own. The third part is one stored adversary: the generator after `ascents` gradient ascents
 * against the student that rounding to nearest makes of `job.plan`.
 *
 * @param config layout of the batches, divergence and adaptation as in a run of SAM-SGA
 * @throws ZsaqError 'missing' without a generator, 'cancelled' if the job is cancelled meanwhile, 'range' if an ascent is not finite
 */
export async function makeBank(job: Job, config: SamSgaConfig, { batches, ascents, rate }: BankConfig = bankDefaults, onProgress?: (ascents: number) => void): Promise<Bank> {
  if (!job.generator) throw new ZsaqError('missing', 'a bank needs the generator whose samples are its second and third part: give --generator DIR');
  const streams = new Streams(BANK_SEED), layout = { ...config, form: job.form };
  const random = randomSource(job, layout, streams.get('random')), generator = new GeneratorSource(job, job.generator, climbing(config, ascents, rate), streams);
  const student = makeStudent(job.teacher.model, job.teacher.params, job.plan), made: Inputs[] = [];
  const draw = async (source: Source): Promise<Inputs[]> => {
    const part: Inputs[] = [];
    while (part.length < batches) {
      const { inputs } = await source.next();
      part.push(inputs), made.push(inputs);
    }
    return part;
  };
  try {
    const bank = { random: await draw(random), frozen: await draw(generator) };
    const opponent = opponentOf(student, job.teacher, student.initial, config.divergence);
    let done = 0;
    await climb(job, generator, opponent, ascents, rate, () => onProgress?.(++done));
    return { ...bank, adversarial: await draw(generator) };
  } catch (e) {
    made.forEach(disposeInputs);
    throw e;
  } finally {
    generator.dispose(), student.dispose();
  }
}

/** The seed of every bank; its stream names are those of a run, and no run should have its numbers. */
const BANK_SEED = 2 ** 48 + 231013315;

/**
 * D(P, Q) of a quantized model on the bank: what settings are chosen by.
 *
 * @param params a complete record as the quantized model computes with it, with the hooks of its plan
 */
export async function onBank(bank: Bank, teacher: Network, params: Params, hooks: Hooks, config: DivergenceConfig): Promise<BankScore> {
  const score = { mean: 0 } as BankScore;
  for (const part of BANK_PARTS) {
    let sum = 0;
    for (const inputs of bank[part]) {
      const value = tidy(() => divergence(teacher.model.forward(params, inputs, hooks), teacher.model.forward(teacher.params, inputs), maskOf(inputs), config));
      sum += (await value.data())[0];
      value.dispose();
    }
    score[part] = sum / bank[part].length;
    score.mean += score[part] / BANK_PARTS.length;
  }
  return score;
}

/** Frees the batches of a bank. */
export function disposeBank(bank: Bank): void { for (const part of BANK_PARTS) bank[part].forEach(disposeInputs); }
