// A quick drawing of a line figure, for figures that change while a cell runs: plotly needs a quarter of a second for one,
// this well under a millisecond per thousand points. It knows scatter traces on linear or logarithmic axes, y and y2.
import { INK, PALETTE, type Figure } from './template';
import { escapeHtml } from './table';

const WIDTH = 700, HEIGHT = 360, LEFT = 64, RIGHT = 64, TOP = 64, BOTTOM = 48;
/** More points than pixels help nobody: longer lines keep the lowest and highest of each pixel column. */
const POINTS = WIDTH - LEFT - RIGHT;

interface Scale { at(value: number): number; ticks: number[]; text(value: number): string }
interface Trace { name: string; x: number[]; y: (number | null)[]; color: string; second: boolean }

/** The figure as SVG text; what it does not know it leaves out. */
export function toSketch(figure: Figure): string {
  const layout = (figure.layout ?? {}) as Record<string, any>;
  const traces = figure.data.filter((d) => d.type === 'scatter' && d.name).map(traceOf);
  const x = scale(traces.flatMap((t) => t.x), false, LEFT, WIDTH - RIGHT);
  const y = scale(valuesOf(traces, false), layout.yaxis?.type === 'log', HEIGHT - BOTTOM, TOP);
  const second = valuesOf(traces, true);
  const y2 = second.length ? scale(second, layout.yaxis2?.type === 'log', HEIGHT - BOTTOM, TOP) : undefined;
  const text = (px: number, py: number, content: string, extra = '') => `<text x="${px.toFixed(1)}" y="${py.toFixed(1)}" ${extra}>${content}</text>`;
  const title = (axis: any) => escapeHtml(unplain(axis?.title?.text ?? ''));
  const parts = [
    ...x.ticks.map((v) => text(x.at(v), HEIGHT - BOTTOM + 18, x.text(v), 'text-anchor="middle"')),
    ...y.ticks.map((v) => `<path d="M${LEFT} ${y.at(v).toFixed(1)}H${WIDTH - RIGHT}" stroke-opacity=".3"/>${text(LEFT - 6, y.at(v) + 4, y.text(v), 'text-anchor="end"')}`),
    ...(y2?.ticks.map((v) => text(WIDTH - RIGHT + 6, y2.at(v) + 4, y2.text(v))) ?? []),
    `<path d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}${y2 ? `V${TOP}` : ''}" fill="none"/>`,
    text(LEFT, 22, title(layout), 'font-size="16"'),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, title(layout.xaxis), 'text-anchor="middle"'),
    text(14, (TOP + HEIGHT - BOTTOM) / 2, title(layout.yaxis), `text-anchor="middle" transform="rotate(-90 14 ${(TOP + HEIGHT - BOTTOM) / 2})"`),
    ...(y2 ? [text(WIDTH - 10, (TOP + HEIGHT - BOTTOM) / 2, title(layout.yaxis2), `text-anchor="middle" transform="rotate(-90 ${WIDTH - 10} ${(TOP + HEIGHT - BOTTOM) / 2})"`)] : []),
    ...traces.map((t, i) => text(LEFT + i * 260, 46, escapeHtml(t.name), `stroke="none" fill="${t.color}"`)),
    ...traces.map((t) => `<path d="${pathOf(t, x, t.second && y2 ? y2 : y)}" fill="none" stroke="${t.color}" stroke-width="2"/>`),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="${INK}" stroke="none"><g stroke="${INK}" stroke-width="1"><style>text{stroke:none}</style>${parts.join('')}</g></svg>`;
}

function traceOf(trace: Record<string, unknown>, i: number): Trace {
  const line = trace.line as { color?: string } | undefined;
  return {
    name: unplain(String(trace.name)), x: trace.x as number[], y: trace.y as (number | null)[],
    color: line?.color ?? PALETTE[i % PALETTE.length], second: trace.yaxis === 'y2',
  };
}

/** The opposite of `plain` in template.ts. */
function unplain(text: string): string { return text.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&'); }

function valuesOf(traces: Trace[], second: boolean): number[] {
  return traces.filter((t) => t.second === second).flatMap((t) => t.y).filter((v): v is number => v !== null && Number.isFinite(v));
}

function scale(values: readonly number[], log: boolean, from: number, to: number): Scale {
  const to10 = log ? Math.log10 : (v: number) => v;
  let low = Infinity, high = -Infinity;
  for (const v of values) if (!log || v > 0) { low = Math.min(low, to10(v)); high = Math.max(high, to10(v)); }
  if (!(high >= low)) [low, high] = [0, 1];
  if (high === low) [low, high] = [low - 0.5, high + 0.5];
  const step = niceStep((high - low) / 4);
  const ticks: number[] = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) ticks.push(log ? 10 ** v : v);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return {
    at: (value) => from + ((to10(value) - low) / (high - low)) * (to - from),
    ticks,
    text: (value) => (log ? Number(value.toPrecision(2)).toString() : value.toFixed(Math.min(8, digits))),
  };
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((n) => n * power >= rough) ?? 10);
}

function pathOf({ x, y }: Trace, across: Scale, up: Scale): string {
  const stride = Math.max(1, Math.ceil(y.length / (2 * POINTS)));
  let path = '', pen = 'M';
  const point = (i: number) => {
    const value = y[i], height = value === null ? NaN : up.at(value);
    if (!Number.isFinite(height)) { pen = 'M'; return; } // a gap
    path += `${pen}${across.at(x[i]).toFixed(1)} ${height.toFixed(1)}`;
    pen = 'L';
  };
  for (let i = 0; i < y.length; i += stride) {
    let lowest = i, highest = i;
    for (let k = i; k < Math.min(y.length, i + stride); k++) {
      if ((y[k] ?? Infinity) < (y[lowest] ?? Infinity)) lowest = k;
      if ((y[k] ?? -Infinity) > (y[highest] ?? -Infinity)) highest = k;
    }
    point(Math.min(lowest, highest));
    if (lowest !== highest) point(Math.max(lowest, highest));
  }
  return path;
}
