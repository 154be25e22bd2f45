import { resolve } from 'node:path';
import { ready } from '../core/backend';
import { ZsaqError } from '../core/error';
import { refuseLeak, trainedOn } from '../methods/leak';
import { loadRunnable, type RunnableModel } from '../export/packed';
import { samWarning } from '../methods/activity';
import { describeSettings, flatten } from '../methods/check';
import { samSgaDefaults } from '../methods/config';
import { METHODS, planDefaults, settablePlan } from '../quantize';
import { PRESETS } from '../methods/presets';
import { toText } from '../report/table';
import { loadTokenizer } from '../text/tokenizer';
import { anyTask } from '../../datasets';
import { optional, required, wholeNumber, type Command, type Values } from './command';
import { modelFolder } from './modelFolder';
import { quantizeRun, type RunMetrics } from './quantizeRun';
import { makeScorer } from './score';
import { methodTable } from './methodTable';
import { realText } from './trainingData';
import { warningText } from '../train/monitor';
import type { OnFailure } from '../methods/method';

/** Settings that samSga has not, with the defaults of the first method that has them. */
function othersSettings(): Record<string, unknown> {
  const own = new Set(flatten(samSgaDefaults).map(([path]) => path)), all = Object.values(METHODS).reverse().flatMap(({ defaults }) => flatten(defaults as object));
  return Object.fromEntries(all.filter(([path]) => !own.has(path)));
}

export const quantizeCommand: Command = {
  name: 'quantize',
  summary: 'quantize a model without data, or by one of the methods to compare with',
  help: `zsaq quantize --model DIR --bits W2A8 --out DIR [options]

  --model DIR       Hugging Face folder of the full-precision model (the teacher), a name on the hub (org/name), or the name alone of a bundled
                    model (pocket-bert, pocket-opt), of one in ZSAQ_MODELS or of one made here
  --bits WxA8       W2A8, W3A8, W4A8 or W8A8; A16 leaves activations alone; method full needs none
  --out DIR         run folder: settings, history, metrics, figures, the packed model
  --method NAME     one of the methods below (samSga)
  --generator DIR   causal language model that writes the inputs; samSga and adversarial make a small untrained one without it
  --task NAME       score before and after, and rounding to nearest on the same grid: SST-2, wikitext-2, pocket-sentiment, ...; its
                    training split is what qatReal reads, and gptq and zeroQuant with --set inputs=real
  --data DIR        folder of the real data sets (ZSAQ_DATA); every other method reads it for scoring only
  --preset NAME     ${PRESETS.join(' | ')} (mini): size of the run, never the algorithm
  --set PATH=VALUE  one setting, repeatable: beta=0.0005, sam=off, sga=off, generator.mode=frozen, plan.grid=symmetric;
                    all of them stand below
  --seed N          seed of every random number (0)
  --bank FILE       measure the result on a fixed bank of synthetic batches too, the same for all methods, made from teacher and generator
                    if there is no such file yet: what settings are to be chosen by, for it is neither real text nor a method's own
  --on-failure WHAT warn | stop | rollback (warn): what a run that trains does at a signature of failure (generator collapse, overfitting to
                    synthetic batches, instability): go on and say so, end, or go back some steps with half the rates and end the second time
  --json            last line of standard output: one JSON object

Methods, each on the same grid, scales, layers, and if it trains on the same loss and budget:
${Object.values(METHODS).map(({ id, title }) => `  ${id.padEnd(16)}  ${title}`).join('\n')}

The same command again continues an interrupted run. Example:
  zsaq quantize --model datasets/pocket/models/pocket-bert --generator datasets/pocket/models/pocket-generator \\
    --task pocket-sentiment --bits W2A8 --preset smoke --out runs/first

Settings of samSga with their defaults; steps, batch and seq come from the preset. The other methods have those of them that they need,
and those of the next list; zeroQuant's rate is 0.0005:
${describeSettings(samSgaDefaults).join('\n')}

Settings of other methods alone, with their defaults; sequences comes from the preset:
${describeSettings(othersSettings()).join('\n')}

Settings of the plan, what is quantized and how; grid, scale and learned depend on bits and method, here those of W4A8:
${describeSettings(settablePlan(planDefaults(4, 8, true)), 'plan.').join('\n')}`,
  options: {
    model: { type: 'string' }, bits: { type: 'string' }, out: { type: 'string' }, method: { type: 'string' }, generator: { type: 'string' },
    task: { type: 'string' }, data: { type: 'string' }, preset: { type: 'string' }, set: { type: 'string', multiple: true }, seed: { type: 'string' }, bank: { type: 'string' },
    'on-failure': { type: 'string' },
  },
  async run(values, signal) {
    const metrics = await runQuantize(values, signal);
    const { status, out } = metrics;
    const text = status === 'cancelled' ? `stopped after ${metrics.steps} steps; the same command continues from the last checkpoint, at most 20 steps back, in ${out}\n`
      : `${metrics.task ? toText(methodTable(`${metrics.task}, ${metrics.metric}`, metrics, [metrics])) : ''}${status === 'diverged' ? 'the run diverged: what is saved is its last good state; try a smaller --set rate=\n' : ''}${status === 'stopped' ? `stopped after ${metrics.steps} steps, as --on-failure asks; what is saved is its state then\n` : ''}${metrics.warnings.map((w) => `warning: ${warningText(w)}\n`).join('')}${samWarning(metrics.sharpness)}run folder: ${out}\nquantized model: ${out}/model (score it: zsaq eval --model ${out}/model --task NAME)\n`;
    return { text, json: { ...metrics }, exitCode: status === 'ok' ? 0 : status === 'cancelled' ? 130 : 3 };
  },
};

const ON_FAILURE: readonly OnFailure[] = ['warn', 'stop', 'rollback'];

async function runQuantize(values: Values, signal: AbortSignal): Promise<RunMetrics> {
  const model = required(values, 'model', 'give the Hugging Face folder of the model');
  const method = optional(values, 'method'), bits = method === 'full' ? undefined : required(values, 'bits', 'give W2A8, W4A8 or W8A8');
  const out = resolve(required(values, 'out', 'give a folder for the results'));
  const taskName = optional(values, 'task'), generatorName = optional(values, 'generator');
  const onFailure = (optional(values, 'on-failure') ?? 'warn') as OnFailure;
  if (!ON_FAILURE.includes(onFailure)) throw new ZsaqError('usage', `--on-failure ${onFailure}: choose ${ON_FAILURE.join(', ')}`);
  if (taskName) anyTask(taskName); // a misspelt task is told before anything is loaded
  await ready();
  const dir = await modelFolder(model, signal), teacher = await loadTeacher(dir), tokenizer = loadTokenizer(dir);
  const generatorDir = generatorName ? await modelFolder(generatorName, signal) : undefined;
  const generator = generatorDir ? await loadRunnable(generatorDir) : undefined;
  refuseLeak(generator?.card, teacher.card, taskName);
  if (generator && teacher.model.head.kind === 'languageModel' && resolve(generatorDir!) === resolve(dir)) {
    throw new ZsaqError('leak', `${dir} cannot be its own generator: it has read its training text; choose another one`);
  }
  if (generator && !trainedOn(generator.card).length) console.error(`note: ${generatorDir} does not say what it was trained on (trainedOn in its zsaq.json), so nobody can tell whether it has read ${taskName ? `the text of ${taskName}` : 'the text that the model will be scored on'}`);
  const dataDir = optional(values, 'data') ?? process.env.ZSAQ_DATA, scorer = taskName ? makeScorer(taskName, dataDir, teacher.model, tokenizer, signal) : undefined;
  return quantizeRun({
    teacher, tokenizer, generator, scorer, out, signal, say: (line) => console.error(line),
    realText: taskName ? () => realText(taskName, dataDir) : undefined,
    bank: optional(values, 'bank'), onFailure, rounding: true,
    quantize: { bits, method, preset: optional(values, 'preset'), set: values.set as string[] | undefined, seed: wholeNumber(values, 'seed', 0) },
  });
}

/** A model that can be quantized. @throws ZsaqError 'mismatch' for one that is quantized already, or has no head */
export async function loadTeacher(dir: string): Promise<RunnableModel> {
  const teacher = await loadRunnable(dir);
  if (teacher.plan) throw new ZsaqError('mismatch', `${dir} is already quantized: give the full-precision model`);
  if (teacher.model.head.kind === 'none') throw new ZsaqError('mismatch', `${dir} is an encoder without a head: give a fine-tuned model or a language model`);
  return teacher;
}
