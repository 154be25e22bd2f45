// Figures of the benchmark, drawn from its result files.
import { join } from 'node:path';
import { writeWhole } from '../src/index';
import { barFigure, lineFigure, toSvg, type Figure } from '../src/report';
import { savedResults } from './result';
import type { OperationTime } from './clock';
import type { Ratio } from './compare';

/** Ratios of medians as bars; the dashed line is PyTorch. */
export function ratioFigure(ratios: readonly Ratio[], title = 'Time here / time in PyTorch (below 1 is faster here)'): Figure {
  const modes = new Set(ratios.map((r) => r.precision.pytorch));
  const bars = ratios.map((r) => ({ name: `${r.name} ${r.shape}${modes.size > 1 ? ` (${r.precision.pytorch})` : ''}`, value: r.ratio }));
  const figure = barFigure({ title, y: { title: 'ratio of medians' }, bars, reference: { name: 'PyTorch', value: 1 }, digits: 2 });
  return { ...figure, layout: { ...figure.layout, margin: { l: 68, r: 28, t: 76, b: 150 }, xaxis: { tickangle: -45 } } };
}

/** Where a step's time goes: the longest operations, and all the rest. */
export function profileFigure(title: string, operations: readonly OperationTime[], outsideMs: number, shown = 12): Figure {
  const first = operations.slice(0, shown), rest = operations.slice(shown).reduce((sum, o) => sum + o.ms, 0);
  const bars = [...first.map((o) => ({ name: o.op, value: o.ms })), { name: 'other operations', value: rest }, { name: 'JavaScript', value: outsideMs }];
  const figure = barFigure({ title, y: { title: 'ms' }, bars, digits: 0 });
  return { ...figure, layout: { ...figure.layout, margin: { l: 68, r: 28, t: 76, b: 150 }, xaxis: { tickangle: -45 } } };
}

/** Milliseconds against one size, with what the machine's arithmetic allows at best. */
export function scalingFigure(axis: string, points: readonly { at: number; ours: number; pytorch: number; limit: number }[]): Figure {
  const x = points.map((p) => p.at), line = (name: string, y: number[]) => ({ name, x, y, markers: true });
  return lineFigure({
    title: `A student step under SAM against ${axis}`, x: { title: axis, log: true }, y: { title: 'ms', log: true },
    lines: [line('zsaq', points.map((p) => p.ours)), line('PyTorch eager', points.map((p) => p.pytorch)), line('arithmetic limit', points.map((p) => p.limit))],
  });
}

/** Draws the ratios of every result file in the folder, one picture for each device. */
export async function drawRatios(folder: string): Promise<string[]> {
  const results = savedResults(folder), files: string[] = [];
  for (const device of ['cpu', 'gpu'] as const) {
    const ratios = results.filter((r) => r.device.startsWith('GPU') === (device === 'gpu')).flatMap((r) => r.ratios), file = join(folder, `ratios-${device}.svg`);
    if (!ratios.length) continue;
    writeWhole(file, await toSvg(ratioFigure(ratios), { width: Math.max(700, 40 * ratios.length), height: 480 }));
    files.push(file);
  }
  return files;
}
