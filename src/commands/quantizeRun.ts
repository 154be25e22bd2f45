import { resolve } from 'node:path';
import { saveQuantized } from '../export/packed';
import { canonicalJson, finiteJson, parseJson } from '../io/file';
import { meanSharpness } from '../methods/activity';
import { disposeBank, onBank, type BankScore } from '../methods/bank';
import { disposeQuantized, type DataSource, type Entry, type MethodId, type OnFailure, type Progress as Step, type Quantized, type Status } from '../methods/method';
import { roundToNearest } from '../methods/ptq';
import { checkRun, configure, METHODS, needsData, quantize, zeroShotJob, type QuantizeOptions, type RunConfig } from '../quantize';
import { describePlan, sizeBytes, type QuantPlan } from '../quant/plan';
import { activationHooks } from '../quant/activations';
import { lineFigure, lossFigure, type Figure } from '../report/figure';
import { toPage } from '../report/html';
import { Progress } from '../report/progress';
import { toSvg } from '../report/svg';
import { openBank, type OpenBank } from './bankFile';
import { rowTitle } from './methodTable';
import { provenance } from './provenance';
import { RunFolder } from './runFolder';
import { trainedBefore } from './trainRun';
import { warningText } from '../train/monitor';
import type { RunnableModel } from '../export/packed';
import type { Warning } from '../train/monitor';
import type { RealText } from '../methods/realText';
import type { Tokenizer } from '../text/tokenizer';
import type { Score, Scorer } from './score';

export interface RunOptions {
  teacher: RunnableModel;
  tokenizer: Tokenizer;
  generator?: RunnableModel;
  scorer?: Scorer;
  /** the teacher's score, if it is already known */
  fullPrecision?: Score;
  /** loads the task's training text; called only for a method that needs it */
  realText?(): RealText;
  quantize: Pick<QuantizeOptions, 'bits' | 'method' | 'preset' | 'set' | 'seed'>;
  /** at a signature of failure ('warn') */
  onFailure?: OnFailure;
  /** file of the fixed bank on which the result is measured; made if there is none yet */
  bank?: string;
  /** score rounding to nearest on the same plan too: the floor that the method must clear */
  rounding?: boolean;
  out: string;
  signal: { readonly aborted: boolean };
  say(line: string): void;
}

/** What a run ends with; the content of `metrics.json`. */
export interface RunMetrics extends Record<string, unknown> {
  status: Status;
  method: string;
  /** grid of the weights and rule of their scales */
  grid: string;
  scale: string;
  /** what tells the run from others of its method */
  variant: string | null;
  bits: string;
  seed: number;
  task: string | null;
  metric: string | null;
  fullPrecision: number | null;
  quantized: number | null;
  /** what rounding to nearest gives on the same grid, scales and layers; null where it is the method itself; absent where it was not asked for */
  rounded?: number | null;
  sizeBytes: number;
  fullPrecisionBytes: number;
  seconds: number;
  /** signatures of failure that were seen while it trained */
  warnings: Warning[];
  /** how much SAM's perturbation raised the divergence, on average; null without SAM */
  sharpness: number | null;
  peakBytes: number;
  /** divergence from the teacher on the fixed bank, and the bank's SHA-256; null without one */
  bank: (BankScore & { sha256: string }) | null;
  /** the real training text that was read; null in every zero-shot run */
  read: DataSource | null;
  out: string;
}

/** One quantization from loaded models to a complete run folder; continues where an interrupted one stopped. */
export async function quantizeRun(o: RunOptions): Promise<RunMetrics> {
  const { teacher, generator, scorer, out, onFailure = 'warn' } = o;
  const options = { ...o.quantize, teacher, tokenizer: o.tokenizer, generator, pair: scorer?.task.pair, signal: o.signal };
  const config = configure(options), data = needsData(config) ? o.realText?.() : undefined;
  checkRun({ ...options, data }, config); // a refused run leaves no folder behind
  const folder = RunFolder.open(out, {
    ...config as unknown as Record<string, unknown>, model: resolve(teacher.dir), generator: generator ? resolve(generator.dir) : null, task: scorer?.task.name ?? null, ...(data ? { read: data.source } : {}), ...(onFailure === 'warn' ? {} : { onFailure }), ...(o.bank ? { bank: resolve(o.bank) } : {}),
  });
  try {
    const done = folder.finished();
    if (done) {
      o.say(`${out} holds this run already finished; remove it to run again`);
      return { ...done, out } as RunMetrics;
    }
    const full = o.fullPrecision ?? await scorer?.score('full precision', teacher.model, teacher.params, {});
    for (const line of describePlan(config.plan)) o.say(`  ${line}`);
    if (data) o.say(`  reads ${data.source.rows} rows of ${data.source.set}, ${data.source.split} split: not zero-shot`);
    const measured = o.bank ? await openBank(o.bank, zeroShotJob(options, config), config.preset) : null;
    const result = await withProgress(config, (onProgress) => quantize({
      ...options, data, checkpoints: folder.checkpoints(), onProgress, onFailure, onWarning: (warning) => o.say(`\nwarning: ${warningText(warning)}`),
    }));
    try {
      return await finish(o, folder, config, result, full, measured);
    } finally {
      if (measured) disposeBank(measured.bank);
      disposeQuantized(result);
    }
  } finally {
    folder.close();
  }
}

async function finish(o: RunOptions, folder: RunFolder, config: RunConfig, result: Quantized & { read: DataSource | null }, full: Score | undefined, measured: OpenBank | null): Promise<RunMetrics> {
  const { teacher, scorer, out } = o, { plan, status, cost, read } = result, variant = METHODS[config.method].variant?.(config.settings as never, config.planOptions) ?? null;
  const quantized = status === 'cancelled' ? undefined
    : await scorer?.score('quantized', teacher.model, result.params, activationHooks(plan));
  const rounded = status === 'cancelled' || !o.rounding || NOTHING_BELOW.includes(config.method) ? undefined : await roundingScore(o, plan);
  const bank = status === 'cancelled' || !measured ? null
    : { ...await onBank(measured.bank, teacher, result.params, activationHooks(plan), measured.divergence), sha256: measured.sha256 };
  const metrics: RunMetrics = finiteJson({
    status, method: config.method, grid: config.planOptions.grid, scale: config.planOptions.scale, variant, bits: config.bits, seed: config.seed, task: scorer?.task.name ?? null, metric: full?.metric ?? null,
    fullPrecision: full?.score ?? null, quantized: quantized?.score ?? null, ...(o.rounding ? { rounded: rounded?.score ?? null } : {}), examples: full?.examples ?? null,
    sizeBytes: sizeBytes(teacher.model.shapes, plan), fullPrecisionBytes: sizeBytes(teacher.model.shapes, { weights: {}, sites: [], activationBits: null }),
    seconds: cost.seconds, warnings: result.warnings ?? [], sharpness: meanSharpness(result.history), peakBytes: cost.peakBytes, steps: cost.steps, phases: cost.phases, bank, read, out, preset: config.preset, ...provenance(),
  });
  if (status === 'cancelled') return metrics;
  folder.write('history.json', result.history);
  saveQuantized(`${out}/model`, {
    config: teacher.config, params: result.params, affines: result.affines, plan, copyFrom: teacher.dir,
    card: { base: teacher.card ?? teacher.config._name_or_path ?? null, method: config.method, bits: config.bits, seed: config.seed, trainedOn: [...trainedBefore(teacher.card), ...(read ? [read] : [])], score: metrics.quantized, task: metrics.task },
  });
  await drawFigure(folder, metrics, result.history);
  folder.finish(metrics);
  return metrics;
}

/** Methods that rounding is no floor of. */
const NOTHING_BELOW: readonly MethodId[] = ['full', 'ptq'];

async function roundingScore({ teacher, scorer }: RunOptions, plan: QuantPlan): Promise<Score | undefined> {
  if (!scorer) return undefined;
  const rounded = roundToNearest({ teacher, plan });
  try {
    return await scorer.score('rounded to nearest', teacher.model, rounded.params, activationHooks(plan));
  } finally {
    disposeQuantized(rounded);
  }
}

async function drawFigure(folder: RunFolder, metrics: RunMetrics, history: Entry[]): Promise<void> {
  if (!history.length) return;
  const title = `${rowTitle(metrics)} at ${metrics.bits}`, figure = history[0].layer ? errorFigure(history, title) : lossFigure(
    history.map(({ step, student, generator }) => ({ step, student, generator: generator ?? undefined })), { title: `${title}: divergence of student and generator` });
  folder.write('figure.svg', await toSvg(figure));
  const text = metrics.task ? `${metrics.task}: ${metrics.metric} ${metrics.quantized?.toFixed(2) ?? 'not finite'} quantized, ${metrics.fullPrecision?.toFixed(2)} in full precision. What the curves say: the batches change with the generator, so a flat student's curve is no bad sign, and a spike is a hard batch.` : 'No task was given, so no score was taken.';
  const data = parseJson(canonicalJson({ metrics, history }), 'figure.html'); // in one order of keys, also where a checkpoint has told the beginning
  folder.write('figure.html', await toPage({ title, sections: [{ text, figure }], data }));
}

/** A layer-wise method has no loss of its own: its line goes from layer to layer. */
function errorFigure(history: readonly Entry[], title: string): Figure {
  const line = { name: 'layer by layer', x: history.map((e) => e.step), y: history.map((e) => e.student) };
  return lineFigure({ title: `${title}: error of each layer`, x: { title: 'step' }, y: { title: 'relative squared error', log: true }, lines: [line] });
}

async function withProgress<T>(config: RunConfig, run: (onProgress: (s: Step) => void) => Promise<T>): Promise<T> {
  let before: Progress | undefined, bar: Progress | undefined;
  try {
    return await run(({ step, steps, layers, entry, method }) => {
      const name = `${method} ${config.bits}`;
      if (layers && step === 0) (before ??= new Progress(`${name}, layer by layer`, layers.of)).update(layers.done, stepWords(entry));
      else before?.end(), (bar ??= new Progress(name, steps)).update(step, stepWords(entry));
    });
  } finally {
    before?.end();
    bar?.end();
  }
}

/** Losses of both players, sharpness and memory in a few words. */
export function stepWords({ student, generator, sharpness, layer }: Entry): string {
  const parts = [layer ? `${layer}: error ${student.toFixed(4)}` : `student ${student.toFixed(4)}`];
  if (generator !== null) parts.push(`generator ${generator.toFixed(4)}`);
  if (sharpness !== null) parts.push(`sharpness ${(100 * sharpness).toFixed(1)}%`);
  parts.push(`${(process.memoryUsage.rss() / 2 ** 30).toFixed(1)} GB`);
  return parts.join(' · ');
}
