// npm run bench:gpu: one checked SAM-SGA step on the accelerator, its answers and times beside those of the same backend on the CPU.
import { mkdirSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { deviceName } from '../src/core/backend';
import { ready, writeWhole } from '../src/index';
import { provenance } from '../src/commands/provenance';
import { canonicalJson } from '../src/io/file';
import { agree, summarize, type Side } from './compare';
import { prepareDraws } from './draws';
import { endWith } from './index';
import { startOurs } from './measure';
import { EVERY, prepareShape, SETTINGS, SHAPES } from './shapes';
import type { CaseName, Prepare, Turn } from './protocol';

/** How the process ends where there is nothing to measure on. */
export const NO_ACCELERATOR = 3;
const PARTS: readonly CaseName[] = ['step', 'draw', 'ascent'];
/** Reductions in another order, and what that does at the borders of the activations' grid. */
const TOLERANCE: Readonly<Partial<Record<CaseName, number>>> = { step: 2e-2, draw: 1e-2, ascent: 5e-2 };
const RUNS = 7;

interface Line { name: CaseName; shape: string; gpu: Side; cpu: Side; ratio: number; difference: number }

async function measurePart(name: CaseName, shape: string, folder: string): Promise<Line> {
  const request: Prepare = { do: 'prepare', case: name, folder, mode: 'eager', threads: 0, ...SETTINGS };
  const workers = [startOurs(), startOurs({ ...process.env, CUDA_VISIBLE_DEVICES: '' })], answers: number[][] = [], library: number[] = [];
  try {
    for (const worker of workers) {
      library.push((await worker.hello()).residentBytes);
      await worker.prepare(request);
      answers.push(await worker.check());
      await worker.run();
      await worker.reset();
    }
    const difference = agree(`${name}/${shape} on the accelerator`, answers[0], answers[1], TOLERANCE[name]!), turns: Turn[][] = [[], []];
    for (let i = 0; i < RUNS; i++) for (const [side, worker] of workers.entries()) turns[side].push(await worker.run());
    const [gpu, cpu] = turns.map((t, side) => summarize(t, library[side]));
    return { name, shape, gpu, cpu, ratio: gpu.median / cpu.median, difference };
  } finally {
    await Promise.all(workers.map((worker) => worker.close()));
  }
}

async function main(): Promise<void> {
  await ready();
  if (!deviceName().startsWith('GPU')) {
    console.error(`bench:gpu: there is no accelerator here (TensorFlow computes on ${deviceName()}): with an NVIDIA GPU and its driver, set the project up with ZSAQ_TENSORFLOW=gpu and run it again`);
    process.exitCode = NO_ACCELERATOR;
    return;
  }
  const cache = join(__dirname, '..', '.cache', 'bench'), out = join(__dirname, '..', 'reproductions', 'results', 'bench'), lines: Line[] = [];
  for (const shape of ['minilm', 'bert-base', 'opt-125m']) {
    const folder = await prepareShape(shape, cache);
    await prepareDraws(folder, SHAPES[shape]);
    for (const name of PARTS) {
      const line = await measurePart(name, shape, folder);
      lines.push(line);
      console.log(`${name} ${shape}: ${line.gpu.median.toFixed(1)} ms, on the CPU ${line.cpu.median.toFixed(1)} ms; answers differ by ${line.difference.toExponential(0)}`);
    }
  }
  mkdirSync(out, { recursive: true });
  const file = join(out, 'accelerator.json');
  writeWhole(file, `${canonicalJson({ lines, every: EVERY, load: loadavg()[0], date: new Date().toISOString(), ...provenance() }, 1)}\n`);
  console.log(`wrote ${file}`);
}

if (require.main === module) main().catch(endWith);
