import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ready } from '../core/backend';
import { ZsaqError } from '../core/error';
import { dispose } from '../core/tree';
import { loadRunnable } from '../export/packed';
import { makeFolder } from '../io/disk';
import { canonicalJson, readJson, writeWhole } from '../io/file';
import { disposeQuantized } from '../methods/method';
import { quantize } from '../quantize';
import { Progress } from '../report/progress';
import { loadTokenizer } from '../text/tokenizer';
import { pocketModelPath } from '../../datasets';
import { optional, type Command } from './command';
import { countFrom } from './trainingOptions';
import { provenance } from './provenance';
import { failures } from './reports/failures';
import { reportText, RESULTS } from './reports/report';
import type { Reading, Signature } from '../train/monitor';

/** Runs of one kind: settings, and what each seed showed step by step. */
export interface FailureResult extends Record<string, unknown> {
  model: string; kind: string;
  /** what the runs are set up to show; null: nothing */
  signature: Signature | null;
  method: string; set: string[];
  /** steps of a whole run; one that is set up to fail is followed for a part of them */
  steps: number; followed: number;
  runs: { seed: number; readings: Reading[] }[];
}

const STEPS = 160, FOLLOWED = 64, SIZE = [`steps=${STEPS}`, 'batch=4', 'seq=16'];

/** What each kind of run changes. */
const KINDS: readonly Pick<FailureResult, 'kind' | 'signature' | 'method' | 'set'>[] = [
  { kind: 'collapse', signature: 'collapse', method: 'samSga', set: ['generator.rate=0.01', 'generator.every=1'] },
  { kind: 'overfitting', signature: 'overfitting', method: 'samSga', set: ['batch=2', 'seq=8', `stepsPerBatch=${STEPS}`, `generator.every=${STEPS}`, 'rate=0.003'] },
  { kind: 'instability', signature: 'instability', method: 'samSga', set: ['rate=0.05', 'clip=1000000'] },
  { kind: 'healthy-samSga', signature: null, method: 'samSga', set: [] },
  { kind: 'healthy-qatRandom', signature: null, method: 'qatRandom', set: [] },
];

/** Thresholds were chosen on the first five seeds of the first model; the others show them. */
const SEEDS: Readonly<Record<string, number[]>> = { 'pocket-bert': [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 'pocket-opt': [5, 6, 7, 8, 9] };

export const failuresCommand: Command = {
  name: 'failures',
  summary: 'runs set up to fail, and healthy ones: does the monitor see which is which',
  help: `zsaq failures [KIND...] [--seeds N] [--results DIR] [--json]

  KIND            one or more of ${KINDS.map(({ kind }) => kind).join(', ')} (all)
  --seeds N       the first N seeds of each model only
  --results DIR   folder of the result files (reproductions/results of this project)
  --json          last line of standard output: one JSON object

Pocket models, ${STEPS} steps of 4 x 16 tokens; about half an hour in all. Every step of every run is kept, so that \`zsaq report failures\`
judges them by the thresholds as they stand. The same command again continues.`,
  options: { seeds: { type: 'string' }, results: { type: 'string' } },
  words: 'kind',
  async run(values, signal) {
    const results = optional(values, 'results') ?? RESULTS, out = join(results, 'failures'), words = values.words as string[], count = values.seeds === undefined ? Infinity : countFrom(values, 'seeds', 1);
    const unknown = words.find((word) => !KINDS.some(({ kind }) => kind === word));
    if (unknown !== undefined) throw new ZsaqError('usage', `there is no kind "${unknown}": choose ${KINDS.map(({ kind }) => kind).join(', ')}`);
    makeFolder(out);
    await ready();
    for (const [model, seeds] of Object.entries(SEEDS)) for (const kind of KINDS) {
      if (!words.length || words.includes(kind.kind)) await runAll(model, kind, seeds.slice(0, count), out, signal);
    }
    const drawn = await failures.make({ results });
    return { text: reportText(drawn), json: { out, ...drawn.json } };
  },
};

/** The seeds of a kind that its file does not have yet. */
async function runAll(model: string, kind: typeof KINDS[number], seeds: readonly number[], out: string, signal: AbortSignal): Promise<void> {
  const path = join(out, `${model}-${kind.kind}.json`), followed = kind.signature ? FOLLOWED : STEPS, fresh: FailureResult = { model, ...kind, set: [...SIZE, ...kind.set], steps: STEPS, followed, runs: [], commit: provenance().commit };
  const before = existsSync(path) ? readJson(path) as FailureResult : fresh, runs = canonicalJson(before.set) === canonicalJson(fresh.set) ? before.runs : [];
  const left = seeds.filter((seed) => !runs.some((r) => r.seed === seed));
  if (!left.length) return;
  const teacher = await loadRunnable(pocketModelPath(model as 'pocket-bert')), generator = await loadRunnable(pocketModelPath('pocket-generator')), tokenizer = loadTokenizer(teacher.dir);
  const bar = new Progress(`${model} ${kind.kind}`, left.length * followed);
  try {
    for (const [i, seed] of left.entries()) {
      const enough = { aborted: false }, stop = { get aborted() { return signal.aborted || enough.aborted; } }, readings: Reading[] = [];
      const { params, affines } = await quantize({
        teacher, generator, tokenizer, bits: 'W2A8', method: kind.method, set: fresh.set, seed, signal: stop, onFailure: 'warn',
        onProgress({ entry }) {
          readings.push(reading(entry));
          bar.update(i * followed + readings.length);
          enough.aborted = readings.length >= followed;
        },
      });
      disposeQuantized({ params, affines });
      if (signal.aborted) throw new ZsaqError('cancelled', 'stopped; the same command continues');
      runs.push({ seed, readings });
      writeWhole(path, `${canonicalJson({ ...fresh, runs })}\n`);
    }
  } finally {
    bar.end();
    dispose(teacher.params, generator.params);
  }
}

/** Four digits are enough to judge by. */
function reading({ step, student, generator, distinct, held }: Reading): Reading {
  const [s, g, d, h] = [student, generator, distinct, held].map((x) => (x === null ? null : Number(x.toPrecision(4))));
  return { step, student: s!, generator: g, distinct: d, held: h };
}
