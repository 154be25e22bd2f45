import { ready } from '../../src/core/backend';
import { dispose } from '../../src/core/tree';
import { samSga } from '../../src/methods/samSga';
import { loadModel, type LoadedModel } from '../../src/models/load';
import { makePlan, type PlanOptions } from '../../src/quant/plan';
import { METHODS } from '../../src/quantize';
import type { SamSgaConfig } from '../../src/methods/config';
import { noData, type CheckpointStore, type Job, type Method, type MethodId, type Quantized, type RealData, type Saved } from '../../src/methods/method';
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

/** A method with any settings. */
export const methodOf = (id: MethodId): Method<Record<string, unknown>> => METHODS[id] as unknown as Method<Record<string, unknown>>;

/** The settings of a method at the size of the tiny models. */
export function tinySettings(id: MethodId, changes: Record<string, unknown> = {}): Record<string, unknown> {
  const small: Record<string, unknown> = { ...tinyConfig, sequences: 12, writing: { greedy: 2, temperature: 1 } };
  return { ...Object.fromEntries(Object.entries(methodOf(id).defaults).map(([key, value]) => [key, small[key] ?? value])), ...changes };
}

/** Examples as a tokenizer would give them; counts how often it is asked for. */
export function tinyData(): { asked: number; data(): RealData } {
  const counted = { asked: 0, data(): RealData {
    counted.asked++;
    return { source: { set: 'tiny', split: 'train', rows: 9, sha256: '' }, kind: 'examples', rows: 9, row: (i, length) => ({ ids: [1, 5 + i, 20 + 3 * i, 7, 2].slice(0, length), typeIds: [0, 0, 0, 0, 0] }) };
  } };
  return counted;
}
