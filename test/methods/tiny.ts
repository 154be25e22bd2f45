import { ready } from '../../src/core/backend';
import { dispose } from '../../src/core/tree';
import { qatRandom } from '../../src/methods/qat';
import { samSga } from '../../src/methods/samSga';
import { loadModel, type LoadedModel } from '../../src/models/load';
import { makePlan, type PlanOptions } from '../../src/quant/plan';
import type { SamSgaConfig } from '../../src/methods/config';
import { noData, type CheckpointStore, type Job, type Quantized, type Saved } from '../../src/methods/method';
import { fixture } from '../fixtures/dump';

export const tinyPlan: PlanOptions = {
  weights: 2, activations: 8, grid: 'stretched', scale: 'mse', granularity: 'row', learned: true, embeddings: '8', rules: {},
};

/** Small enough for a thousand steps in a test; one batch of every size that matters. */
export const tinyConfig: SamSgaConfig = {
  ...samSga.defaults, steps: 6, batch: 4, seq: 10, rate: 1e-3, beta: 0.01, checkpointSeconds: 0,
  generator: { ...samSga.defaults.generator, rate: 1e-3, every: 1 }, adaptation: { ...samSga.defaults.adaptation, candidates: 20 },
};

export interface Tiny { teacher: LoadedModel; generator: LoadedModel; job(changes?: Partial<Job>): Job; dispose(): void }

/** The fixtures' tiny BERT with a tiny OPT that shares its vocabulary. */
export async function tiny(name = 'bert-classifier'): Promise<Tiny> {
  await ready();
  const teacher = await loadModel(fixture('models', name)), generator = await loadModel(fixture('adversarial', 'generator'));
  return {
    teacher, generator,
    job: (changes = {}) => ({
      teacher, generator, plan: makePlan(teacher.model, tinyPlan), special: { pad: 0, cls: 1, sep: 2 },
      vocabulary: Int32Array.from({ length: 50 }, (_, i) => i + 5), form: teacher.model.head.kind === 'languageModel' ? 'tokens' : 'single',
      seed: 3, data: () => noData('test'), ...changes,
    }),
    dispose: () => dispose(teacher.params, generator.params),
  };
}

/** Checkpoints in memory. */
export function memoryStore(): CheckpointStore & { saved: Saved[] } {
  const saved: Saved[] = [];
  return { saved, load: () => saved.at(-1) ?? null, save: (s) => { saved.push(structuredClone(s)); } };
}

export function values(q: Pick<Quantized, 'params'>): Record<string, number[]> {
  return Object.fromEntries(Object.entries(q.params).map(([n, x]) => [n, [...x.dataSync()]]));
}

export function free(q: Quantized): void {
  dispose(q.params, ...Object.values(q.affines).map(({ scale, zero }) => ({ scale, zero })));
}

export const trained = { samSga, qatRandom };
