import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { makeObjective } from '../analysis/objective';
import { tf } from '../core/backend';
import { addAll } from '../core/kernels';
import { ZsaqError } from '../core/error';
import { mean } from '../core/statistics';
import { dispose, norm, pick, prefixed, type Params } from '../core/tree';
import { loadRunnable } from '../export/packed';
import { disposeQuantized } from '../methods/method';
import { removeQuietly } from '../io/disk';
import { canonicalJson, readJson, writeWhole } from '../io/file';
import { BANK_PARTS, disposeBank, makeBank, type Bank } from '../methods/bank';
import { maskOf } from '../methods/studentStep';
import { configure, quantize, zeroShotJob, type QuantizeOptions } from '../quantize';
import { activationHooks } from '../quant/activations';
import { Progress } from '../report/progress';
import { loadTokenizer } from '../text/tokenizer';
import { divergence } from '../train/divergence';
import { optional, required, type Values } from './command';
import { modelFolder } from './modelFolder';
import { provenance } from './provenance';
import { RunFolder } from './runFolder';
import { countFrom } from './trainingOptions';
import type { SamSgaConfig } from '../methods/config';
import { inputTensors, type Inputs } from '../models/model';
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';

/** A network's runs: `values[T][seed]`, the mean over a run of the squared gradient norm at Q(w) on the fixed bank. */
export interface NetworkResult extends Record<string, unknown> {
  network: string; generator: string; bits: string;
  /** one for each finished run */
  runs: { steps: number; seed: number; mean: number; course: { step: number; squared: number }[] }[];
}

/** Looks at the gradient in a run, and batches of each part of the bank. */
const LOOKS = 40, BATCHES = 1;
/** At T = 100; rates fall as 1/sqrt(T), the radius as T^(-1/4). */
const RATE = 1e-3, GENERATOR_RATE = 1e-4, BETA = 2e-3, FIRST = 100;

/** The name of a model folder; one that was made here is called `model`, in a folder of its name. */
function titleOf(dir: string): string {
  const full = resolve(dir), own = basename(full);
  return own === 'model' ? basename(dirname(full)) : own;
}

const settings = (steps: number): string[] => {
  const share = Math.sqrt(FIRST / steps);
  return [`steps=${steps}`, 'batch=8', 'schedule.kind=constant', 'schedule.warmup=0', `rate=${RATE * share}`, `scaleRate=${RATE * share}`, `generator.rate=${GENERATOR_RATE * share}`, `beta=${BETA * Math.sqrt(share)}`, 'generator.every=1'];
};

/**
 * Runs that the result file does not have yet, each resumable by its checkpoints.
 *
 * @throws ZsaqError 'cancelled', 'usage' for impossible lengths
 */
export async function networkConvergence(values: Values, out: string, signal: AbortSignal): Promise<void> {
  const dir = await modelFolder(required(values, 'model', 'give the teacher'), signal), generatorDir = await modelFolder(required(values, 'generator', 'give the generator'), signal), bits = optional(values, 'bits') ?? 'W2A8';
  const lengths = (optional(values, 'lengths') ?? '100,300,1000,3000').split(',').map(Number), seeds = countFrom(values, 'seeds', 3), runs = resolve(optional(values, 'runs') ?? 'runs/convergence');
  if (!lengths.every((t) => Number.isInteger(t) && t >= LOOKS)) throw new ZsaqError('usage', `--lengths ${lengths.join()}: give whole numbers of at least ${LOOKS}`);
  const network = titleOf(dir), generatorName = titleOf(generatorDir), path = join(out, `network-${network}-${bits}.json`), known = (): NetworkResult | undefined => (existsSync(path) ? readJson(path) as NetworkResult : undefined), before = known();
  if (before && before.generator !== generatorName) throw new ZsaqError('usage', `${path} holds runs with the generator ${before.generator}, and this one is ${generatorName}: give that one, or another folder with --results`);
  const left = lengths.flatMap((steps) => Array.from({ length: seeds }, (_, seed) => ({ steps, seed }))).filter(({ steps, seed }) => !before?.runs.some((r) => r.steps === steps && r.seed === seed));
  if (!left.length) return;
  const teacher = await loadRunnable(dir), generator = await loadRunnable(generatorDir), tokenizer = loadTokenizer(dir), options = { teacher, generator, tokenizer, bits, signal }, config = configure({ ...options, set: settings(FIRST) });
  const bank = await makeBank(zeroShotJob(options, config), config.settings as unknown as SamSgaConfig, { batches: BATCHES, ascents: 100, rate: 3e-5 }), measure = gradientOn(bank, options, config.settings as unknown as SamSgaConfig);
  try {
    for (const { steps, seed } of left) {
      const run = join(runs, `${network}-${bits}-T${steps}-seed${seed}`), course = await oneRun({ ...options, seed, set: settings(steps) }, { network, generator: generatorName }, run, steps, measure);
      const all = [...known()?.runs ?? [], { steps, seed, mean: mean(course.map((c) => c.squared)), course }]; // another process may have added its own
      writeWhole(path, `${canonicalJson({ network, generator: generatorName, bits, runs: all, ...provenance() } satisfies NetworkResult)}\n`);
      removeQuietly(run); // only now: a kill in between leaves both
    }
  } finally {
    measure.dispose();
    disposeBank(bank);
    dispose(teacher.params, generator.params);
  }
}

type Looked = NetworkResult['runs'][number]['course'];
interface Measure { at(weights: Record<string, Tensor>): Promise<number>; dispose(): void }

/** ||dD/dQ(w)||^2 of the quantized weights, D the mean over the bank. */
function gradientOn(bank: Bank, { teacher: { model, params }, ...rest }: QuantizeOptions, { divergence: config }: SamSgaConfig): Measure {
  const { plan } = configure({ ...rest, teacher: { model, params } }), batches: Inputs[] = BANK_PARTS.flatMap((part) => [...bank[part]]), hooks = activationHooks(plan);
  const held: Params = { ...prefixed('teacher/', params), ...Object.assign({}, ...batches.map((b, i) => prefixed(`${i}/`, inputTensors(b)))) };
  const objective = makeObjective((p) => {
    const each = batches.map((inputs) => divergence(model.forward({ ...params, ...p }, inputs, hooks), model.forward(params, inputs), maskOf(inputs), config));
    return tf.div(addAll(each), each.length) as Scalar;
  }, held);
  return {
    async at(weights) {
      const g = objective.gradient(weights), quantized = pick(g, Object.keys(plan.weights).filter((name) => name !== model.wordEmbedding)), size = norm(quantized), [length] = await size.data();
      dispose(g, { size });
      return Number((length * length).toPrecision(5));
    },
    dispose: () => objective.dispose(),
  };
}

/** One run in a folder of its own; what was measured before an interruption is kept beside its checkpoint. */
async function oneRun(options: QuantizeOptions, names: Record<string, string>, dir: string, steps: number, measure: Measure): Promise<Looked> {
  const folder = RunFolder.open(dir, { ...names, set: [...options.set!], seed: options.seed!, bits: options.bits! }), kept = join(dir, 'course.json'), store = folder.checkpoints();
  const from = store.load()?.step ?? 0, course = existsSync(kept) ? (readJson(kept) as Looked).filter(({ step }) => step <= from) : [], bar = new Progress(basename(dir), steps), every = Math.floor(steps / LOOKS);
  try {
    const { params, affines, status } = await quantize({
      ...options, checkpoints: store,
      async onProgress({ step, entry, weights }) {
        if (step % every === 0) {
          const w = weights!();
          course.push({ step, squared: await measure.at(w) });
          dispose(w);
          folder.write('course.json', course);
        }
        bar.update(step, `student ${entry.student.toFixed(3)}`);
      },
    });
    disposeQuantized({ params, affines });
    if (status === 'cancelled') throw new ZsaqError('cancelled', 'stopped; the same command continues');
    return course;
  } finally {
    bar.end();
    folder.close();
  }
}
