// npm run bench:gpu [-- SHAPE...]: one checked SAM-SGA step on the accelerator, TensorFlow's CUDA device or else WebGPU's, its answers
// and times beside those of TensorFlow on the CPU.
import { mkdirSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { deviceName } from '../src/core/backend';
import { ready, writeWhole, ZsaqError } from '../src/index';
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

interface Line { name: CaseName; shape: string; gpu: Side; cpu: Side; ratio: number; difference: number; device: string }

/** How a worker comes to compute on the accelerator, and how on the CPU. */
interface Places { gpu: NodeJS.ProcessEnv; cpu: NodeJS.ProcessEnv }

/** TensorFlow's CUDA device, else what WebGPU finds. @throws ZsaqError 'backend' saying what either lacks */
async function places(): Promise<Places> {
  await ready();
  const cpu = { ...process.env, CUDA_VISIBLE_DEVICES: '' };
  if (deviceName().startsWith('GPU')) return { gpu: process.env, cpu };
  const gpu = { ...process.env, ZSAQ_BACKEND: 'webgpu' }, worker = startOurs(gpu);
  try {
    await worker.hello();
    return { gpu, cpu };
  } catch (e) {
    throw new ZsaqError('backend', `bench:gpu: there is no accelerator here. CUDA: TensorFlow computes on ${deviceName()} (with an NVIDIA GPU and its driver, set the project up with ZSAQ_TENSORFLOW=gpu). WebGPU: ${(e as Error).message}`);
  } finally {
    await worker.close();
  }
}

async function measurePart(name: CaseName, shape: string, folder: string, { gpu: there, cpu: here }: Places): Promise<Line> {
  const request: Prepare = { do: 'prepare', case: name, folder, mode: 'eager', threads: 0, ...SETTINGS };
  const workers = [startOurs(there), startOurs(here)], answers: number[][] = [], library: number[] = [], devices: string[] = [];
  try {
    for (const worker of workers) {
      const { residentBytes, versions } = await worker.hello();
      library.push(residentBytes), devices.push(versions.device);
      await worker.prepare(request);
      answers.push(await worker.check());
      await worker.run();
      await worker.reset();
    }
    const difference = agree(`${name}/${shape} on the accelerator`, answers[0], answers[1], TOLERANCE[name]!), turns: Turn[][] = [[], []];
    for (let i = 0; i < RUNS; i++) for (const [side, worker] of workers.entries()) turns[side].push(await worker.run());
    const [gpu, cpu] = turns.map((t, side) => summarize(t, library[side]));
    return { name, shape, gpu, cpu, ratio: gpu.median / cpu.median, difference, device: devices[0] };
  } finally {
    await Promise.all(workers.map((worker) => worker.close()));
  }
}

async function main(): Promise<void> {
  const words = process.argv.slice(2), shapes = words.length ? words : ['minilm', 'bert-base', 'opt-125m'], unknown = shapes.find((shape) => !Object.hasOwn(SHAPES, shape));
  if (unknown !== undefined) throw new ZsaqError('usage', `npm run bench:gpu -- ${unknown}: there is no such shape: choose ${Object.keys(SHAPES).join(', ')}`);
  const where = await places(), cache = join(__dirname, '..', '.cache', 'bench'), out = join(__dirname, '..', 'reproductions', 'results', 'bench'), lines: Line[] = [];
  for (const shape of shapes) {
    const folder = await prepareShape(shape, cache);
    await prepareDraws(folder, SHAPES[shape]);
    for (const name of PARTS) {
      const line = await measurePart(name, shape, folder, where);
      lines.push(line);
      console.log(`${name} ${shape}: ${line.gpu.median.toFixed(1)} ms on ${line.device}, on the CPU ${line.cpu.median.toFixed(1)} ms; answers differ by ${line.difference.toExponential(0)}`);
    }
  }
  mkdirSync(out, { recursive: true });
  const file = join(out, 'accelerator.json');
  writeWhole(file, `${canonicalJson({ lines, every: EVERY, load: loadavg()[0], date: new Date().toISOString(), ...provenance() }, 1)}\n`);
  console.log(`wrote ${file}`);
}

if (require.main === module) main().catch((error) => {
  endWith(error);
  if ((error as ZsaqError).code === 'backend') process.exitCode = NO_ACCELERATOR;
});
