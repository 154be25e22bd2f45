import { join } from 'node:path';
import { energyDistance, meanEmbeddings, measureDiversity, tokenDivergence, type BatchDiversity, type Tokens } from '../analysis/diversity';
import { ready } from '../core/backend';
import { modelFromConfig } from '../models/registry';
import { loadTokenizer } from '../text/tokenizer';
import { freshWeights } from '../train/weights';
import { pocketModelPath, pocketTask } from '../../datasets';
import { optional, type Command } from './command';
import { diversity } from './reports/diversity';
import { reportText, RESULTS } from './reports/report';
import { generatorConfig, sizeOf } from './sizes';
import { brief, study, type StudyRun, type StudyScore } from './study';
import type { Network } from '../methods/method';

/** What a batch of the generator is like at a step. */
export interface DiversityPoint extends BatchDiversity {
  step: number;
  /** distances from real text: token frequencies, and mean embeddings. Measured, never trained on */
  tokenDivergence: number; energyDistance: number;
}

/** A run with its generator, and its batches over time. */
export interface Diversity { generator: string; rate: number; steps: number; points: DiversityPoint[] }
export type DiversityRun = StudyScore & Diversity;

/** Steps between two looks, and the shortest of batches that make one look. */
const EVERY = 20, REAL = 64;

/** Capacity of the generator (`pocket`: the bundled one, which has read text; others are untrained), its rate, and the length of the training. */
const PLAN: readonly (StudyRun & Omit<Diversity, 'points'>)[] = ['pocket', '0.3M', '1M', '3M'].flatMap((generator) => [1e-5, 1e-3].flatMap((rate) => [40, 120].map((steps) => ({
  id: `generator=${generator} rate=${rate} steps=${steps}`, method: 'samSga' as const, seed: 0, generator, rate, steps, set: [`steps=${steps}`, `generator.rate=${rate}`, 'rate=0.0005'],
}))));

export const diversityCommand: Command = {
  name: 'diversity',
  summary: 'how varied the generator stays, over time, capacity and training length, and whether the score follows',
  help: `zsaq diversity [--results DIR] [--json]

  --results DIR   folder of the result files (reproductions/results of this project)
  --json          last line of standard output: one JSON object

${PLAN.length} runs of SAM-SGA on the bundled BERT at W2A8: the bundled generator and untrained ones of three sizes, two rates, two lengths.
Of every ${EVERY}th batch: distinct-n, self-BLEU, compression, Vendi score, spread of embeddings, distance from real text, which is measured only. About
ten minutes; the same command again continues, \`zsaq report diversity\` draws.`,
  options: { results: { type: 'string' } },
  async run(values, signal) {
    const results = optional(values, 'results') ?? RESULTS, points = new Map<string, DiversityPoint[]>();
    await ready();
    const tokenizer = loadTokenizer(pocketModelPath('pocket-bert')), real = pocketTask('pocket-sentiment', 'train', REAL).examples.map((e) => tokenizer.encodePair(e.text, undefined, 64).ids.slice(1, -1));
    const of = (run: Pick<StudyRun, 'id'>) => PLAN.find(({ id }) => id === run.id)!;
    await study<Diversity>('diversity', join(results, 'diversity', 'pocket-bert.json'), PLAN.map(({ generator: _, rate: __, steps: ___, ...run }) => run), signal, {
      generatorOf: (run, t) => (of(run).generator === 'pocket' ? undefined : untrained(of(run).generator, t)),
      onStep(run, { step, tokens }, teacher) {
        if (step === 1) points.set(run.id, []);
        if (tokens && (step === 1 || step % EVERY === 0)) points.get(run.id)!.push(looked(step, tokens, real, teacher));
      },
      async measure(run) {
        const { generator, rate, steps } = of(run);
        return brief({ generator, rate, steps, points: points.get(run.id)! });
      },
    });
    const drawn = await diversity.make({ results });
    return { text: reportText(drawn), json: drawn.json };
  },
};

function untrained(size: string, tokenizer: Parameters<typeof generatorConfig>[1]): Network {
  const model = modelFromConfig(generatorConfig(sizeOf(size), tokenizer, 64));
  return { model, params: freshWeights(model.shapes, `untrained/${size}`, 0, 0.02) };
}

/** A batch of eight examples of sixteen tokens, as the study's settings have it. */
const BATCH = 8;

function looked(step: number, tokens: Int32Array, real: readonly Tokens[], { model, params }: Network): DiversityPoint {
  const seq = tokens.length / BATCH, batch = Array.from({ length: BATCH }, (_, i) => tokens.subarray(i * seq, (i + 1) * seq)), table = params[model.wordEmbedding].dataSync() as Float32Array, width = model.embeddingSize;
  const own = meanEmbeddings(batch, table, width);
  return { step, ...measureDiversity(batch, own), tokenDivergence: tokenDivergence(batch, real), energyDistance: energyDistance(own, meanEmbeddings(real as ArrayLike<number>[], table, width)) };
}
