import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { Streams } from '../core/random';
import { tidy } from '../core/memory';
import { get } from '../core/tree';
import { GeneratorSource } from './generator';
import { isCancelled, type Job } from './method';
import { nearestRows, whereabouts } from './regularizers';
import { disposeInputs, type Opponent } from './source';
import { makeStudent } from './student';
import { maskOf } from './studentStep';
import { opponentOf } from './trainer';
import type { SamSgaConfig } from './config';
import type { Inputs } from '../models/model';
import type { Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** Batches of a generator, and what teacher and student make of them. */
export interface Written {
  /** ids of the words of each example, special tokens and padding left out; where the adaptation speaks in embeddings, of the nearest tokens */
  tokens: number[][];
  /** D(P, Q), the mean over the batches */
  divergence: number;
  /** mean of ||e - E_v||^2 / ||E_v||^2, E_v the nearest row of the teacher's table: 0 for tokens */
  manifold: number;
}

/** What a generator writes before and after its ascent, from the same noise, and the divergence that it climbed. */
export interface Ascent { before: Written; after: Written; climbed: number[] }

/**
 * Lets the generator ascend against a student that stays as rounding to nearest left it: what its gradient does, without the game.
 *
 * @throws ZsaqError 'missing' without a generator, 'cancelled', 'range' where an ascent is not finite
 * @example const config = configure(options), { before, after } = await ascend(zeroShotJob(options, config), config.settings as unknown as SamSgaConfig, { ascents: 100 })
 */
export async function ascend(
  job: Job, config: SamSgaConfig, { ascents = 100, rate = config.generator.rate, batches = 2, onAscent }: { ascents?: number; rate?: number; batches?: number; onAscent?(done: number, divergence: number): void } = {},
): Promise<Ascent> {
  if (!job.generator) throw new ZsaqError('missing', 'an ascent needs a generator: give a causal language model');
  const streams = new Streams(job.seed), source = new GeneratorSource(job, job.generator, climbing(config, ascents, rate), streams), student = makeStudent(job.teacher.model, job.teacher.params, job.plan), climbed: number[] = [];
  try {
    const opponent = opponentOf(student, job.teacher, student.initial, config.divergence), before = await look(job, source, opponent, batches);
    await climb(job, source, opponent, ascents, rate, (value) => { climbed.push(value), onAscent?.(climbed.length, value); });
    source.rewind();
    return { before, after: await look(job, source, opponent, batches), climbed };
  } finally {
    source.dispose(), student.dispose();
  }
}

/** The settings of a generator that does nothing but ascend. */
export function climbing(config: SamSgaConfig, ascents: number, rate: number): SamSgaConfig {
  return { ...config, steps: ascents, sga: 'on', generator: { ...config.generator, mode: 'trained', every: 1, pass: 'own', rate } };
}

/** That many ascents; `onAscent` gets the divergence before each. @throws ZsaqError 'cancelled', 'range' where one is not finite */
export async function climb(job: Job, source: GeneratorSource, opponent: Opponent, ascents: number, rate: number, onAscent: (divergence: number) => void): Promise<void> {
  for (let step = 0; step < ascents; step++) {
    if (isCancelled(job)) throw new ZsaqError('cancelled', `the generator was stopped after ${step} of ${ascents} ascents: nothing was kept`);
    const value = await source.ascend(step, opponent, 1);
    if (value === null || !Number.isFinite(value)) throw new ZsaqError('range', `ascent ${step} of the generator is not finite: choose a smaller rate than ${rate}`);
    onAscent(value);
    await new Promise((next) => setImmediate(next)); // signals and the notebook get a turn
  }
}

async function look(job: Job, source: GeneratorSource, opponent: Opponent, batches: number): Promise<Written> {
  const out: Written = { tokens: [], divergence: 0, manifold: 0 }, table = get(job.teacher.params, job.teacher.model.wordEmbedding) as Tensor2D, special = new Set(Object.values(job.special));
  for (let k = 0; k < batches; k++) {
    const { inputs } = await source.next(), value = tidy(() => opponent.divergence(opponent.trained, inputs));
    out.tokens.push(...wordsOf(inputs, table, special));
    out.divergence += (await value.data())[0] / batches, out.manifold += ((await whereabouts(inputs, table))?.distance ?? 0) / batches;
    value.dispose();
    disposeInputs(inputs);
  }
  return out;
}

/** Token ids of each example, of embeddings the nearest ones, without special tokens and padding. */
function wordsOf(inputs: Inputs, table: Tensor2D, special: ReadonlySet<number | undefined>): number[][] {
  const [batch, seq] = (inputs.ids ?? inputs.embeds)!.shape as [number, number];
  return tidy(() => {
    const ids = (inputs.ids ?? nearestRows(tf.reshape(inputs.embeds!, [batch * seq, -1]) as Tensor2D, table)).dataSync(), mask = maskOf(inputs).dataSync();
    return Array.from({ length: batch }, (_, row) => Array.from(ids.subarray(row * seq, (row + 1) * seq)).filter((id, i) => mask[row * seq + i] && !special.has(id)));
  });
}
