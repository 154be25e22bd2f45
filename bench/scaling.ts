// A student step against batch, length, layers and width, beside what the machine's arithmetic allows at best.
import { mkdirSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { modelFromConfig, ready, tf, writeWhole, ZsaqError } from '../src/index';
import { provenance } from '../src/commands/provenance';
import { matMul2 } from '../src/core/kernels';
import { canonicalJson } from '../src/io/file';
import { toSvg } from '../src/report';
import { toText } from '../src/report/table';
import { scalingFigure } from './figures';
import { measure } from './measure';
import { isBusy } from './result';
import { bert, prepareShape, type Shape } from './shapes';
import type { Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** The sizes of one step. */
export interface Sizes { batch: number; length: number; layers: number; width: number }
const BASE: Sizes = { batch: 16, length: 64, layers: 4, width: 256 };
const AXES: Readonly<Record<keyof Sizes, readonly number[]>> = { batch: [4, 8, 16, 32], length: [16, 32, 64, 128], layers: [1, 2, 4, 8], width: [128, 256, 512, 768] };

const shapeOf = ({ batch, length, layers, width }: Sizes): Shape => ({ batch, seq: length, config: bert(1000, width, layers, width / 64) });

/**
 * Operations in the products of a step under SAM. One forward pass takes F = 2 tokens (weights of the linear layers) + 4 batch
 * length^2 width layers (scores and mixing); the teacher has one, the student two with two more for each backward pass: 7 F.
 */
export function productOperations(sizes: Sizes): number {
  const { batch, length, layers, width } = sizes, { shapes, linears } = modelFromConfig(shapeOf(sizes).config!);
  const weights = linears.reduce((sum, { weight }) => sum + shapes[weight][0] * shapes[weight][1], 0);
  return 7 * (2 * batch * length * weights + 4 * batch * length ** 2 * width * layers);
}

/** Largest measured rate of a product of two square matrices, in operations a second. */
function peakRate(n = 1536, tries = 6): number {
  const a = tf.randomNormal([n, n]) as Tensor2D, b = tf.randomNormal([n, n]) as Tensor2D;
  let best = Infinity;
  for (let i = 0; i < tries; i++) {
    const start = performance.now(), c = matMul2(a, b);
    c.dataSync();
    best = Math.min(best, performance.now() - start);
    c.dispose();
  }
  tf.dispose([a, b]);
  return (2 * n ** 3 * 1000) / best;
}

/** Prints the curves; writes `scaling-cpu.json` and a picture for each axis to `out` if it is given. */
export async function scaling(runs: number, cache: string, out?: string): Promise<void> {
  await ready();
  const rate = peakRate(), points: (Sizes & { axis: keyof Sizes; at: number; ours: number; pytorch: number; limit: number; ratio: number; busy: boolean })[] = [];
  const seen = new Map<string, { ours: number; pytorch: number; busy: boolean }>(), load = loadavg()[0];
  for (const axis of Object.keys(AXES) as (keyof Sizes)[]) {
    for (const at of AXES[axis]) {
      const sizes = { ...BASE, [axis]: at }, name = `scaling-${sizes.batch}x${sizes.length}-${sizes.layers}x${sizes.width}`;
      if (!seen.has(name)) {
        console.error(name);
        const { ratios: [r], failures } = await measure({ name: 'step', shape: name, folder: await prepareShape(name, cache, shapeOf(sizes)) }, ['eager'], runs);
        if (!r) throw new ZsaqError('mismatch', failures[0].reason);
        seen.set(name, { ours: r.ours.median, pytorch: r.pytorch.median, busy: isBusy(r) });
      }
      const { ours, pytorch, busy } = seen.get(name)!;
      points.push({ ...sizes, axis, at, ours, pytorch, busy, ratio: ours / pytorch, limit: (1000 * productOperations(sizes)) / rate });
    }
  }
  console.log(toText({
    title: `A student step under SAM around ${BASE.batch} x ${BASE.length} tokens, ${BASE.layers} layers of width ${BASE.width}`,
    columns: [{ name: 'axis' }, { name: 'size' }, { name: 'ours', unit: 'ms', digits: 1 }, { name: 'PyTorch', unit: 'ms', digits: 1 }, { name: 'ratio', digits: 2 }, { name: 'arithmetic limit', unit: 'ms', digits: 1 }],
    rows: points.map((p) => [p.axis, p.at, p.ours, p.pytorch, p.ratio, p.limit]), note: `limit: the step's products at the largest measured rate, ${(rate / 1e9).toFixed(0)} billion operations a second`,
  }));
  if (!out) return;
  if (points.some((p) => p.busy)) throw new ZsaqError('busy', 'not saved: other processes disturbed the curves: end them and run it again');
  mkdirSync(out, { recursive: true });
  const files = [join(out, 'scaling-cpu.json')];
  writeWhole(files[0], `${canonicalJson({ base: BASE, peakOperationsPerSecond: rate, points, threads: cpus().length, load, date: new Date().toISOString(), ...provenance() }, 1)}\n`);
  for (const axis of Object.keys(AXES) as (keyof Sizes)[]) {
    const file = join(out, `scaling-${axis}-cpu.svg`);
    writeWhole(file, await toSvg(scalingFigure(axis, points.filter((p) => p.axis === axis))));
    files.push(file);
  }
  console.log(files.map((f) => `wrote ${f}`).join('\n'));
}
