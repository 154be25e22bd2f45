// The three experiments that the paper's summary asks for first: does it run, do both losses move as they should, does quantization do what it must.
import { compareOutputs, meanComparison, type OutputComparison } from './analysis/outputs';
import { ready } from './core/backend';
import { ZsaqError } from './core/error';
import { tidy } from './core/memory';
import { dispose, type Params } from './core/tree';
import { disposeInputs } from './methods/source';
import { maskOf } from './methods/studentStep';
import { heldOut } from './methods/watch';
import { configure, quantize, zeroShotJob, type QuantizeOptions } from './quantize';
import { activationHooks } from './quant/activations';
import { disposeQuantized, type Entry, type Quantized, type Status } from './methods/method';
import type { SamSgaConfig } from './methods/config';
import type { Inputs } from './models/model';
import type { Hooks } from './nn/hooks';

/** One teacher and generator, and the size of the runs. */
export interface FirstExperimentsOptions extends Pick<QuantizeOptions, 'teacher' | 'tokenizer' | 'generator' | 'bits' | 'pair' | 'preset' | 'seed' | 'set' | 'signal'> {
  /** steps of the second experiment (120) */
  steps?: number;
  onProgress?(experiment: 'smoke' | 'convergence', step: number, steps: number, entry: Entry): void;
}

/** The middle of the first and of the last fifth of a curve. */
export interface Course { first: number; last: number }

/** What the three experiments found; `firstVerdicts` says it in words. */
export interface FirstExperiments {
  /** ten steps: every number finite, the student moved, the teacher did not */
  smoke: { steps: number; status: Status; finite: boolean; studentMoved: boolean; teacherUnchanged: boolean; seconds: number };
  /** the two players over the steps, and batches that nothing trains on; `ascent`: what the generator's divergence is above that of held-out batches, at the end */
  convergence: { history: Entry[]; student: Course; heldOut: Course; generator: Course; ascent: number };
  /** rounded to nearest, and after training, against full precision on the same held-out inputs */
  outputs: { rounded: OutputComparison; trained: OutputComparison };
}

/**
 * What each of the three says, in a sentence.
 *
 * @example for (const sentence of firstVerdicts(await firstExperiments(options))) console.log(sentence)
 */
export function firstVerdicts({ smoke, convergence: { heldOut, ascent }, outputs: { rounded, trained } }: FirstExperiments): string[] {
  const wrong = faultsOf(smoke), percent = (x: number): string => `${(100 * x).toFixed(1)} %`, falls = heldOut.last < heldOut.first, nearer = trained.divergence < rounded.divergence;
  return [
    wrong.length ? `The short run does not go through: ${wrong.join(', ')}.` : 'The short run goes through: every number is finite, the student moved and the teacher did not.',
    `On batches that nothing trains on the divergence ${falls ? 'falls' : 'does not fall'}, from ${heldOut.first.toFixed(4)} to ${heldOut.last.toFixed(4)}: the student ${falls ? 'learns more than its own batches' : 'learns nothing that lasts: try more steps or another rate'}. The generator's inputs are ${ascent > 1 ? 'harder' : 'not harder'} for it than those (${ascent.toFixed(2)} times their divergence at the end)${ascent > 1 ? '' : ': the ascent has not paid so far'}.`,
    `Training takes the student ${nearer ? 'nearer to' : 'further from'} full precision than rounding: ${(trained.divergence / rounded.divergence).toFixed(2)} of its divergence, ${percent(trained.agreement)} agreement instead of ${percent(rounded.agreement)}.`,
  ];
}

/** What went wrong in the short run, in words. */
export function faultsOf({ status, finite, studentMoved, teacherUnchanged }: FirstExperiments['smoke']): string[] {
  return [...(status === 'ok' ? [] : [`the run ended as ${status}`]), ...(finite ? [] : ['a number is not finite']), ...(studentMoved ? [] : ['the student did not move']), ...(teacherUnchanged ? [] : ['the teacher moved'])];
}

const SMOKE_STEPS = 10, ROUNDS = 2;

/**
 * Runs all three on one teacher and generator.
 *
 * @throws ZsaqError 'cancelled'
 * @example const { smoke, convergence, outputs } = await firstExperiments({ teacher, generator, tokenizer, bits: 'W2A8' })
 */
export async function firstExperiments(options: FirstExperimentsOptions): Promise<FirstExperiments> {
  await ready();
  const { teacher, steps = 120, onProgress, set = [], preset = 'smoke', ...rest } = options, run = (experiment: 'smoke' | 'convergence', n: number) => quantize({
    ...rest, teacher, preset, set: [...set, `steps=${n}`], onFailure: 'warn', onProgress: ({ step, steps: all, entry }) => onProgress?.(experiment, step, all, entry),
  });
  const before = fingerprint(teacher.params), short = await run('smoke', SMOKE_STEPS), rounded = await quantize({ ...rest, teacher, preset, method: 'ptq' });
  try {
    const smoke = {
      steps: short.cost.steps, status: short.status, seconds: short.cost.seconds, teacherUnchanged: fingerprint(teacher.params) === before,
      finite: short.history.every((e) => [e.student, e.generator ?? 0, e.gradientNorm ?? 0, e.sharpness ?? 0].every(Number.isFinite)), studentMoved: fingerprint(short.params) !== fingerprint(rounded.params),
    };
    const long = await run('convergence', steps);
    try {
      if ([short, long].some(({ status }) => status === 'cancelled')) throw new ZsaqError('cancelled', 'the experiments were stopped');
      const [student, held, generator] = [(e: Entry) => e.student, (e: Entry) => e.held, (e: Entry) => e.generator].map((of) => course(long.history.flatMap((e) => of(e) ?? [])));
      return { smoke, convergence: { history: long.history, student, heldOut: held, generator, ascent: generator.last / held.last }, outputs: await compared({ ...rest, teacher, preset, set }, rounded, long) };
    } finally {
      disposeQuantized(long);
    }
  } finally {
    disposeQuantized(short), disposeQuantized(rounded);
  }
}

/** Both students against the teacher on batches that neither was trained on. */
async function compared(options: Omit<FirstExperimentsOptions, 'onProgress' | 'steps'>, rounded: Quantized, trained: Quantized): Promise<FirstExperiments['outputs']> {
  const { model, params } = options.teacher, config = configure(options), settings = config.settings as unknown as SamSgaConfig, batches = await heldOut(zeroShotJob(options, config), settings, ROUNDS);
  const one = async (inputs: Inputs, { params: q, plan }: Quantized): Promise<OutputComparison> => {
    const mask = maskOf(inputs), answer = (p: Params, hooks: Hooks) => tidy(() => { const { logits, hidden } = model.forward(p, inputs, hooks); return { logits, hidden }; });
    const [own, full] = [answer(q, activationHooks(plan)), answer(params, {})];
    try {
      return await compareOutputs(own, full, mask, settings.divergence);
    } finally {
      dispose(...[own, full].map(({ logits, hidden }) => ({ logits, ...hidden }) as unknown as Params), inputs.mask ? {} : { mask });
    }
  };
  try {
    const all: { rounded: OutputComparison; trained: OutputComparison }[] = [];
    for (const inputs of batches) all.push({ rounded: await one(inputs, rounded), trained: await one(inputs, trained) });
    return { rounded: meanComparison(all.map((c) => c.rounded)), trained: meanComparison(all.map((c) => c.trained)) };
  } finally {
    batches.forEach(disposeInputs);
  }
}

function course(values: readonly number[]): Course {
  const part = Math.max(1, Math.floor(values.length / 5)), median = (a: readonly number[]) => [...a].sort((x, y) => x - y)[a.length >> 1];
  return { first: median(values.slice(0, part)), last: median(values.slice(-part)) };
}

/** A sum that changes with any weight. */
function fingerprint(params: Params): number {
  return Object.keys(params).sort().reduce((sum, name, k) => sum + (k + 1) * (params[name].dataSync() as Float32Array).reduce((s, v, i) => s + v * ((i % 97) + 1), 0), 0);
}
