// A step of each method and of each cheaper form of SAM-SGA, in turns on one machine: what reproductions/specs/studies.ts (`overhead`) shows.
import { cpus, loadavg } from 'node:os';
import { dirname } from 'node:path';
import { loadTokenizer, makeFolder, quantize, ready, writeWhole, ZsaqError } from '../src/index';
import { provenance } from '../src/commands/provenance';
import { modelFolder } from '../src/commands/modelFolder';
import { dispose } from '../src/core/tree';
import { mean, median } from '../src/core/statistics';
import { loadRunnable, type RunnableModel } from '../src/export/packed';
import { canonicalJson } from '../src/io/file';
import { disposeQuantized } from '../src/methods/method';
import type { Tokenizer } from '../src/text/tokenizer';
import { toText } from '../src/report/table';
import { overheadRows, STEPLESS } from '../reproductions/specs/studies';
import { STEP_TIMES, type StepTimes } from '../reproductions/report/stepTimes';
import type { QuantizeCell } from '../reproductions/cells/cell';
import { cpuSeconds, othersShare } from './machine';
import { BUSY } from './result';

/** The first steps record and compile; the next hold two ascents of those that come every ten steps, and four of those that come every five. */
const FIRST = 20, STEPS = 40;

/** Prints the times; keeps them for the report if asked to. */
export async function overhead(runs: number, save: boolean): Promise<void> {
  await ready();
  const rows = overheadRows('mini').map(({ title, cells: [cell] }) => ({ title, cell })).filter(({ cell: { method } }) => method !== 'qatReal' && !STEPLESS.includes(method)), [{ cell: { model, generator } }] = rows.filter(({ cell }) => cell.generator), load = loadavg()[0];
  const teacher = await loadRunnable(await modelFolder(model)), writer = await loadRunnable(await modelFolder(generator!)), tokenizer = loadTokenizer(teacher.dir), times: number[][] = rows.map(() => []);
  let others = 0;
  try {
    for (let run = 0; run < runs; run++) for (const [i, { title, cell }] of rows.entries()) {
      const before = cpuSeconds([process.pid]), began = performance.now();
      times[i].push(await msPerStep(cell, { teacher, generator: writer, tokenizer }));
      others = Math.max(others, othersShare(before, cpuSeconds([process.pid]), (performance.now() - began) / 1000, cpus().length) ?? 0);
      console.error(`${run + 1}/${runs} ${title}: ${times[i][run].toFixed(0)} ms`);
    }
  } finally {
    dispose(teacher.params, writer.params);
  }
  const base = times[rows.findIndex(({ cell }) => cell.method === 'qatRandom')];
  const result: StepTimes = { rows: rows.map(({ title }, i) => ({ title, ms: median(times[i]), ratio: median(times[i].map((ms, run) => ms / base[run])), all: times[i] })), model, threads: cpus().length, load, others, date: new Date().toISOString(), ...provenance() };
  console.log(toText({
    title: `A step on ${model}, W2A8`, columns: [{ name: 'method' }, { name: 'ms a step', digits: 0 }, { name: 'of QAT on random tokens', digits: 2 }], rows: result.rows.map((r) => [r.title, r.ms, r.ratio]),
    note: `medians of ${runs} turns of ${STEPS - FIRST} steps each; others used ${Math.round(100 * others)}% of the cores at most`,
  }));
  if (!save) return;
  if (others > BUSY) throw new ZsaqError('busy', `not saved: other processes used up to ${Math.round(100 * others)}% of the cores: end them and run it again`);
  makeFolder(dirname(STEP_TIMES));
  writeWhole(STEP_TIMES, `${canonicalJson(result, 1)}\n`);
}

/** Mean milliseconds of the later steps of a short run of a cell's method, its layer-wise start left out. */
async function msPerStep(cell: QuantizeCell, { teacher, generator, tokenizer }: { teacher: RunnableModel; generator: RunnableModel; tokenizer: Tokenizer }): Promise<number> {
  const at: number[] = [];
  const result = await quantize({
    teacher, generator: cell.generator ? generator : undefined, tokenizer, method: cell.method, bits: cell.bits, preset: cell.preset, seed: 0,
    set: [...cell.set, 'layerwise.steps=0', `steps=${STEPS}`, 'sequences=64'].filter((s) => cell.generator || !s.startsWith('sequences=')), onProgress: () => { at.push(performance.now()); },
  });
  disposeQuantized(result);
  const later = at.slice(-(STEPS - FIRST) - 1);
  return mean(later.slice(1).map((t, i) => t - later[i]));
}
