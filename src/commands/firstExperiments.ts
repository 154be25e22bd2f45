import { basename, join, resolve } from 'node:path';
import { ready } from '../core/backend';
import { dispose } from '../core/tree';
import { loadRunnable } from '../export/packed';
import { faultsOf, firstExperiments, firstVerdicts, type FirstExperiments } from '../firstExperiments';
import { makeFolder } from '../io/disk';
import { canonicalJson, writeWhole } from '../io/file';
import { histogramFigure, lineFigure, lossFigure, type Figure } from '../report/figure';
import { Progress } from '../report/progress';
import { toSvg } from '../report/svg';
import { toText, type Table } from '../report/table';
import { loadTokenizer } from '../text/tokenizer';
import { modelFolder } from './modelFolder';
import { countFrom } from './trainingOptions';
import { optional, wholeNumber, type Command } from './command';
import { provenance } from './provenance';

export const firstExperimentsCommand: Command = {
  name: 'first-experiments',
  summary: 'the three experiments to begin with: ten steps, both losses, full precision against quantized',
  help: `zsaq first-experiments [--model DIR] [--generator DIR] [--bits WxA8] [--steps N] [--seed N] [--out DIR] [--json]

  --model DIR      the teacher (the bundled BERT)
  --generator DIR  the generator (the bundled one)
  --bits WxA8      (W2A8)
  --steps N        steps of the second experiment (120)
  --seed N         seed of every random number (0)
  --out DIR        writes result.json and the figures there (runs/first-experiments)
  --json           last line of standard output: one JSON object

1. Ten steps of SAM-SGA: is every number finite, does the student move and the teacher not?
2. The losses of both players: does the student's fall, on batches that nothing trains on too, and does the generator keep its own above them?
3. Full precision against quantized, before and after training, on the same inputs: agreement, divergence, error of each layer, logits.
Exit code 1 if the first one fails.`,
  options: { model: { type: 'string' }, generator: { type: 'string' }, bits: { type: 'string' }, steps: { type: 'string' }, seed: { type: 'string' }, out: { type: 'string' } },
  async run(values, signal) {
    await ready();
    const teacher = await loadRunnable(await modelFolder(optional(values, 'model') ?? 'pocket-bert', signal)), generator = await loadRunnable(await modelFolder(optional(values, 'generator') ?? 'pocket-generator', signal));
    const bits = optional(values, 'bits') ?? 'W2A8', steps = countFrom(values, 'steps', 120), out = resolve(optional(values, 'out') ?? 'runs/first-experiments'), bars = new Map<string, Progress>();
    makeFolder(out); // before the work, not after it
    try {
      const found = await firstExperiments({
        teacher, generator, tokenizer: loadTokenizer(teacher.dir), bits, steps, seed: wholeNumber(values, 'seed', 0), signal,
        onProgress(experiment, step, all, { student }) {
          if (!bars.has(experiment)) bars.set(experiment, new Progress(experiment, all));
          bars.get(experiment)!.update(step, `student ${student.toFixed(3)}`);
          if (step === all) bars.get(experiment)!.end();
        },
      });
      const verdicts = firstVerdicts(found), { outputs: { rounded, trained }, ...rest } = found, summary = ({ differences, ...numbers }: typeof rounded) => numbers;
      const json = { model: basename(resolve(teacher.dir)), bits, ...rest, outputs: { rounded: summary(rounded), trained: summary(trained) }, ...provenance() };
      writeWhole(join(out, 'result.json'), `${canonicalJson(json, 1)}\n`);
      for (const [name, figure] of Object.entries(firstFigures(found))) writeWhole(join(out, `${name}.svg`), await toSvg(figure));
      return { text: `${firstTables(found).map((table, i) => `${toText(table)}${verdicts[i]}\n`).join('\n')}\nresults and figures: ${out}\n`, json: { ...json, verdicts, out }, exitCode: faultsOf(found.smoke).length ? 1 : 0 };
    } finally {
      for (const bar of bars.values()) bar.end();
      dispose(teacher.params, generator.params);
    }
  },
};

function firstTables({ smoke, convergence: { student, heldOut, generator, ascent }, outputs: { rounded, trained } }: FirstExperiments): Table[] {
  const yes = (x: boolean) => (x ? 'yes' : 'NO'), arrow = ({ first, last }: { first: number; last: number }) => [first, last, last < first ? 'falls' : 'rises'];
  return [
    { title: `1. ${smoke.steps} steps (${smoke.seconds.toFixed(1)} s)`, columns: [{ name: 'check' }, { name: 'so' }], rows: [['ended well', yes(smoke.status === 'ok')], ['every number finite', yes(smoke.finite)], ['the student moved', yes(smoke.studentMoved)], ['the teacher did not', yes(smoke.teacherUnchanged)]] },
    { title: '2. Divergences, median of the first and of the last fifth', columns: [{ name: 'of' }, { name: 'first', digits: 4 }, { name: 'last', digits: 4 }, { name: 'course' }],
      rows: [['student, its own batches', ...arrow(student)], ['student, held-out batches', ...arrow(heldOut)], ['generator, before each ascent', ...arrow(generator)]], note: `at the end the generator's divergence is ${ascent.toFixed(2)} times that of held-out batches` },
    { title: '3. Against full precision, on held-out inputs', columns: [{ name: '' }, { name: 'agreement', unit: '%', digits: 1 }, { name: 'divergence', digits: 4 }, ...rounded.layers.map((_, i) => ({ name: i ? `layer ${i}` : 'embeddings', digits: 4 }))],
      rows: [['rounded to nearest', 100 * rounded.agreement, rounded.divergence, ...rounded.layers], ['after training', 100 * trained.agreement, trained.divergence, ...trained.layers]], note: 'layers: relative squared error of the hidden states' },
  ];
}

function firstFigures({ convergence: { history }, outputs: { rounded, trained } }: FirstExperiments): Record<string, Figure> {
  const layers = (name: string, y: number[]) => ({ name, x: y.map((_, i) => i), y, markers: true });
  return {
    losses: lossFigure(history.map(({ step, student, generator }) => ({ step, student, generator: generator ?? undefined })), { title: 'Both players', log: true }),
    layers: lineFigure({ title: 'Error of each layer', x: { title: 'layer (0: embeddings)' }, y: { title: 'relative squared error', log: true }, lines: [layers('rounded to nearest', rounded.layers), layers('after training', trained.layers)] }),
    logits: histogramFigure({ title: 'Quantized less full-precision logits', x: { title: 'difference' }, series: [{ name: 'rounded to nearest', values: rounded.differences }, { name: 'after training', values: trained.differences }], bins: 60 }),
  };
}
