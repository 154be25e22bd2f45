// Floating-point operations of models and methods, counted from shapes: a product of [m, k] and [k, n] takes 2 m k n. Elementwise work
// (norms, activations, softmax, rounding) is left out; in a transformer it is a few percent of the operations, though more of the time.
import { ZsaqError } from '../core/error';

/** What is counted of a model. */
export interface Countable {
  linears: readonly { weight: string; site: string }[];
  shapes: Readonly<Record<string, readonly number[]>>;
  /** one a layer */
  probabilities: readonly string[];
  wordEmbedding: string;
  hiddenSize: number;
  headNames: ReadonlySet<string>;
  head: { kind: string };
}

/** Size of a batch; `candidates`: tokens that a language model's head is asked about (all). */
export interface BatchSize { batch: number; seq: number; candidates?: number }

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Operations of the encoder's or decoder's linear layers, of its attention (scores and weighted sums: 4 batch seq^2 hidden a layer), and of its head. */
export function forwardFlops(model: Countable, { batch, seq, candidates }: BatchSize): { linear: number; attention: number; head: number; total: number } {
  const { shapes, hiddenSize, probabilities, wordEmbedding } = model, tokens = batch * seq;
  const linear = model.linears.reduce((sum, { weight }) => sum + 2 * tokens * size(shapes[weight]), 0), attention = probabilities.length * 4 * batch * seq * seq * hiddenSize;
  const [vocabulary, width] = shapes[wordEmbedding];
  const words = 2 * tokens * width * Math.min(candidates || vocabulary, vocabulary), masked = model.head.kind === 'maskedLanguageModel';
  const own = [...model.headNames].filter((name) => shapes[name].length === 2).reduce((sum, name) => sum + 2 * (masked ? tokens : batch) * size(shapes[name]), 0);
  const head = model.head.kind === 'languageModel' ? words : own + (masked ? words : 0);
  return { linear, attention, head, total: linear + attention + head };
}

/** Parts of a step that are counted and timed apart. */
export const PHASES = ['source', 'generator', 'teacher', 'student', 'sam', 'update'] as const;
/** One of `PHASES`. */
export type Phase = typeof PHASES[number];

/** Operations of a whole run by phase: inputs made, the generator's ascent, the teacher's answers, the student's first pass (layer-wise: all its work), SAM's second one, the update. */
export type MethodFlops = Record<Phase | 'total', number> & { steps: number };

/** Settings that decide how much a method computes, as `configure` gives them. */
type Settings = Readonly<Record<string, any>>;

/** A gradient of weights and inputs takes two forward passes more; one of inputs alone, one. */
const BACKWARD = 2, INPUT_BACKWARD = 1;
/** Batches of a layer-wise start: methods/layerStart.ts, which this room does not see; a test holds both together. */
export const START_BATCHES = 64;
/** AdamW's arithmetic for one parameter: two moments, a root, a quotient, a step. */
const ADAM = 12;

/**
 * Operations of a run of a method.
 *
 * @throws ZsaqError 'missing' where the settings need a generator and none is given
 */
export function methodFlops(method: string, settings: Settings, teacher: Countable, generator?: Countable): MethodFlops {
  const phases: Record<Phase, number> = { source: 0, generator: 0, teacher: 0, student: 0, sam: 0, update: 0 }, { batch, seq, steps = 0 } = settings;
  const pass = settings.batch ? forwardFlops(teacher, { batch, seq }).total : 0, trained = teacher.linears.reduce((sum, { weight }) => sum + size(teacher.shapes[weight]), 0);
  if (settings.stepsPerBatch !== undefined) { // the methods that train the whole student
    const fresh = Math.ceil(steps / settings.stepsPerBatch);
    phases.teacher = fresh * pass;
    phases.student = steps * (1 + BACKWARD) * pass;
    phases.update = steps * ADAM * trained;
    if (settings.layerwise?.steps) layerwise(phases, settings.layerwise.steps, START_BATCHES, teacher, pass, trained);
    if (settings.adaptation) adversary(phases, method, settings, needed(generator), pass, fresh);
  }
  if (method === 'llmQat') phases.source = written(settings, writerOf(teacher, generator));
  if (method === 'gptq' || (method === 'zeroQuant' && settings.lkd === 'on')) {
    if (settings.inputs === 'generated') phases.source = written(settings, writerOf(teacher, generator));
    if (method === 'gptq') phases.student = secondOrder(settings, teacher, Math.ceil(settings.sequences / batch) * pass);
    else layerwise(phases, steps, Math.ceil(settings.sequences / batch), teacher, pass, trained);
  }
  return { ...phases, total: PHASES.reduce((sum, phase) => sum + phases[phase], 0), steps };
}

/** The generator's draws and ascents, and SAM's second passes. */
function adversary(phases: Record<Phase, number>, method: string, { steps, batch, seq, sequences, adaptation, generator: g, sga, sam, look }: Settings, generator: Countable, pass: number, fresh: number): void {
  const draw = forwardFlops(generator, { batch, seq, candidates: adaptation.kind === 'linear' ? 1 : adaptation.candidates }).total;
  phases.source = fresh * draw + (g.noise === 'written' ? written({ sequences, seq }, generator) : 0);
  const ascends = sga === 'on' && (g.mode === 'trained' || adaptation.kind === 'linear'), ascents = ascends ? Math.ceil(steps / g.every) : 0;
  // a pass of its own: the generator, teacher and student forward, inputs' gradients back through both, the generator's own; shared: the gradients by the inputs are half there
  phases.generator = ascents * (g.pass === 'shared' ? (1 + BACKWARD) * draw + INPUT_BACKWARD * pass : (1 + BACKWARD) * draw + 2 * (1 + INPUT_BACKWARD) * pass);
  if (method === 'samSga' && sam === 'on') phases.sam = Math.ceil(steps / look.every) * (1 + BACKWARD) * pass;
}

/** Text written token by token with kept keys and values: as many operations as one pass over the finished text. */
function written({ sequences, seq }: Settings, writer: Countable): number { return forwardFlops(writer, { batch: sequences, seq }).total; }

/** GPTQ: at each site in its order a pass up to it (half a pass on average), X Xᵀ, its factor (2/3 n^3), each matrix column by column (rows n^2), and the error it leaves. */
function secondOrder({ sequences, seq }: Settings, model: Countable, passes: number): number {
  const sites = new Map<string, number[][]>();
  for (const { weight, site } of model.linears) sites.set(site, [...(sites.get(site) ?? []), [...model.shapes[weight]]]);
  return [...sites.values()].reduce((sum, matrices) => {
    const n = matrices[0][1], rows = matrices.reduce((all, [out]) => all + out, 0);
    return sum + passes / 2 + 2 * sequences * seq * n * n + (2 / 3) * n ** 3 + rows * n * n + 4 * rows * n * n;
  }, 0);
}

/** LKD: the teacher answers each batch once, layer by layer; an update goes forth and back through one layer of the student. */
function layerwise(phases: Record<Phase, number>, updates: number, batches: number, { probabilities: { length: layers } }: Countable, pass: number, trained: number): void {
  phases.teacher += Math.min(batches, Math.floor(updates / layers)) * pass;
  phases.student += (updates * (1 + BACKWARD) * pass) / layers;
  phases.update += (updates * ADAM * trained) / layers;
}

function writerOf(teacher: Countable, generator?: Countable): Countable { return teacher.head.kind === 'languageModel' ? teacher : needed(generator); }

function needed(generator?: Countable): Countable {
  if (!generator) throw new ZsaqError('missing', 'this method computes with a generator: give one to count its operations (--generator DIR)');
  return generator;
}
