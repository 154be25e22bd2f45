import { basename, join, resolve } from 'node:path';
import { forwardFlops, methodFlops, PHASES, type MethodFlops } from '../analysis/cost';
import { ready } from '../core/backend';
import { ZsaqError } from '../core/error';
import { dispose } from '../core/tree';
import { readJson } from '../io/file';
import { loadRunnable } from '../export/packed';
import { modelFolder } from './modelFolder';
import { configure, METHODS } from '../quantize';
import { toText, type Table } from '../report/table';
import { optional, required, type Command, type Values } from './command';
import type { MethodId } from '../methods/method';

/** One method's operations, and where a run of it is given what that run took. */
export interface CostRow extends MethodFlops { method: string; relative: number; seconds: number | null; peakBytes: number | null; phaseSeconds: Record<string, number> | null }

/** Forms of methods that compute otherwise than by default. */
const FORMS: readonly { method: MethodId; set: string[] }[] = [
  ...(Object.keys(METHODS) as MethodId[]).filter((id) => id !== 'full').map((method) => ({ method, set: [] })),
  { method: 'zeroQuant', set: ['lkd=on'] },
  ...['look.every=5', 'generator.pass=shared', 'stepsPerBatch=5', 'sga=off'].map((setting) => ({ method: 'samSga' as MethodId, set: [setting] })),
];

export const costCommand: Command = {
  name: 'cost',
  summary: 'floating-point operations of every method by phase; seconds and memory of finished runs',
  help: `zsaq cost [RUN...] --model DIR --generator DIR [--bits W2A8] [--preset NAME] [--json]

  RUN             finished run folders of zsaq quantize: their seconds, phases and peak memory stand beside the counts
  --model DIR     the teacher
  --generator DIR the generator
  --bits WxA8     decides steps and layers (W2A8)
  --preset NAME   smoke | mini | paper (mini)
  --json          last line of standard output: one JSON object

Operations are those of products of matrices, counted from shapes; nothing is run. The teacher's part and SAM's are in one graph with the
student's, so a run's seconds are told apart only where the graphs are: source, generator, student, update.`,
  options: { model: { type: 'string' }, generator: { type: 'string' }, bits: { type: 'string' }, preset: { type: 'string' } },
  words: 'run',
  async run(values, signal) {
    await ready();
    const teacher = await loadRunnable(await modelFolder(required(values, 'model', 'give the teacher'), signal)), generatorName = optional(values, 'generator'), generator = generatorName ? await loadRunnable(await modelFolder(generatorName, signal)) : undefined;
    try {
      const bits = optional(values, 'bits') ?? 'W2A8', preset = optional(values, 'preset') ?? 'mini';
      const counted = FORMS.map(({ method, set }) => ({ label: [method, ...set].join(' '), ...count(teacher, generator, method, bits, preset, set) })), reference = counted.find(({ label }) => label === 'qatRandom')!;
      const rows = [...counted.map(({ label, ...flops }): CostRow => ({ method: label, ...flops, relative: flops.total / reference.total, seconds: null, peakBytes: null, phaseSeconds: null })), ...measured(values, teacher, generator, reference.total)];
      const pass = forwardFlops(teacher.model, { batch: 1, seq: Math.min(32, teacher.model.maxLength) });
      return { text: tables(rows, `${basename(resolve(teacher.dir))} at ${bits}, preset ${preset}`).map(toText).join('\n'), json: { rows, forward: pass } };
    } finally {
      dispose(teacher.params, generator?.params);
    }
  },
};

type Loaded = Awaited<ReturnType<typeof loadRunnable>>;

function count(teacher: Loaded, generator: Loaded | undefined, method: MethodId, bits: string, preset: string, set: string[]): MethodFlops {
  const { settings } = configure({ teacher, generator, method, bits, preset, set });
  return methodFlops(method, settings, teacher.model, generator?.model);
}

/** Runs beside the counts of their own settings. */
function measured(values: Values, teacher: Loaded, generator: Loaded | undefined, reference: number): CostRow[] {
  return (values.words as string[]).map((dir) => {
    const config = readJson(join(dir, 'config.json')) as { method: MethodId; model: string; settings: Record<string, unknown> }, metrics = readJson(join(dir, 'metrics.json')) as Record<string, any>;
    if (basename(config.model) !== basename(resolve(teacher.dir))) throw new ZsaqError('mismatch', `${dir} is a run of ${config.model}, not of ${teacher.dir}: count it with --model ${config.model}`);
    const flops = methodFlops(config.method, config.settings, teacher.model, generator?.model), same = typeof config.settings.steps === 'number' ? methodFlops('qatRandom', config.settings, teacher.model).total : reference;
    return { method: `${config.method} (run ${basename(dir)})`, ...flops, relative: flops.total / same, seconds: metrics.seconds as number, peakBytes: metrics.peakBytes as number, phaseSeconds: metrics.phases as Record<string, number> };
  });
}

function tables(rows: readonly CostRow[], title: string): Table[] {
  const giga = (x: number) => (x > 0 ? x / 1e9 : null), runs = rows.filter((r) => r.phaseSeconds), names = [...new Set(runs.flatMap((r) => Object.keys(r.phaseSeconds!)))];
  return [{
    title: `Operations of a whole run in 10^9, ${title}`,
    columns: [{ name: 'method' }, ...PHASES.map((name) => ({ name, digits: 1 })), { name: 'total', digits: 1 }, { name: 'steps' }, { name: 'relative to qatRandom', digits: 2 }],
    rows: rows.map((r) => [r.method, ...PHASES.map((phase) => giga(r[phase])), giga(r.total), r.steps || null, r.relative || null]),
    note: `products of matrices only${runs.length ? '; a run is set beside qatRandom of its own steps and batches' : ''}`,
  }, ...(runs.length ? [{
    title: 'Seconds and peak memory of the runs', columns: [{ name: 'run' }, ...names.map((name) => ({ name, unit: 's', digits: 1 })), { name: 'all', unit: 's', digits: 1 }, { name: 'peak', unit: 'MB', digits: 0 }, { name: '10^9 operations a second', digits: 1 }],
    rows: runs.map((r) => [r.method, ...names.map((name) => r.phaseSeconds![name] ?? null), r.seconds, r.peakBytes! / 2 ** 20, giga(r.total / r.seconds!)]),
  }] : [])];
}
