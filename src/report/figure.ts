// Figures as plain Plotly JSON, drawn from numbers only. Nothing here draws: svg.ts and notebook.ts do.
import { ZsaqError } from '../core/error';
import { DASHES, INK, LAYOUT, PALETTE, plain, type Figure } from './template';

export type { Figure } from './template';

/** Name of an axis, and whether it counts in powers of ten; `names` stand for 0, 1, 2, ... where the places have no order of their own. */
export interface Axis { title: string; log?: boolean; range?: [number, number]; names?: readonly string[] }

/** One line: as many x as y; a value that is not finite leaves a gap. */
export interface Line { name: string; x: readonly number[]; y: readonly number[]; low?: readonly number[]; high?: readonly number[]; markers?: boolean }

/** One step of a run, as its history stores it. */
export interface LossPoint { step: number; student: number; generator?: number }

/** One bar: a method and its score, with the spread over seeds where there is one. */
export interface Bar { name: string; value: number | null; spread?: number; label?: string; /** no rival of the others: in dark grey */ aside?: boolean }

/** Margins of a picture, and pixels of a letter on an axis, between the margins and from top to bottom. */
const { margin: MARGIN } = LAYOUT.template.layout, LETTER = 6.5, INNER = 700 - MARGIN.l - MARGIN.r, HEIGHT = 420;

const gaps = (values: readonly number[]) => values.map((v) => (Number.isFinite(v) ? v : null));
const axisOf = ({ title, log, range, names }: Axis) => ({
  title: { text: plain(title) }, ...(log ? { type: 'log' } : {}), ...(range ? { range } : {}),
  ...(names ? { tickvals: names.map((_, i) => i), ticktext: names.map(plain), range: [-0.25, names.length - 0.75] } : {}),
});

/** Room above the plot for a legend of more than two rows, as wide as it is in a picture; margins are fixed (template.ts). */
function above(names: readonly string[]): { margin?: Record<string, number> } {
  const columns = Math.max(1, Math.floor(600 / (46 + 7.2 * Math.max(...names.map((name) => name.length))))), rows = Math.ceil(names.length / columns);
  return rows > 2 ? { margin: { ...MARGIN, t: MARGIN.t + 26 * (rows - 2) } } : {};
}

function check(line: Line): void {
  if (line.x.length !== line.y.length) throw new ZsaqError('mismatch', `line ${line.name} has ${line.x.length} x and ${line.y.length} y values: give as many of each`);
}

/**
 * Lines over a common axis; `low` and `high` draw a band around a line.
 *
 * @throws ZsaqError `mismatch` if a line's x and y differ in length
 * @example lineFigure({ title: 'Perplexity', x: { title: 'bits' }, y: { title: 'perplexity', log: true }, lines })
 */
export function lineFigure({ title, x, y, lines }: { title: string; x: Axis; y: Axis; lines: readonly Line[] }): Figure {
  lines.forEach(check);
  const data = lines.flatMap((line, i) => {
    const color = PALETTE[i % PALETTE.length];
    const trace = { type: 'scatter', mode: line.markers ? 'lines+markers' : 'lines', name: plain(line.name), x: [...line.x], y: gaps(line.y), line: { color, dash: DASHES[i % DASHES.length], width: 2 } };
    if (!line.low || !line.high) return [trace];
    const edge = { type: 'scatter', mode: 'lines', x: [...line.x], line: { width: 0 }, showlegend: false, hoverinfo: 'skip' };
    return [{ ...edge, y: gaps(line.low) }, { ...edge, y: gaps(line.high), fill: 'tonexty', fillcolor: `${color}33` }, trace];
  });
  return { data, layout: { ...LAYOUT, title: { text: plain(title) }, xaxis: axisOf(x), yaxis: axisOf(y), ...above(lines.map((line) => line.name)) } };
}

/**
 * Losses of the two players over the steps: the student's on the left axis, the generator's divergence on the right.
 *
 * @example lossFigure(history)
 */
export function lossFigure(history: readonly LossPoint[], { title = 'Loss of student and generator', log = false } = {}): Figure {
  const turns = history.filter((p) => p.generator !== undefined); // the generator may play every few steps only: its line joins its turns
  const student = { name: 'student: loss it minimizes', x: history.map((p) => p.step), y: history.map((p) => p.student) };
  const generator = { name: 'generator: divergence it maximizes', x: turns.map((p) => p.step), y: turns.map((p) => p.generator!) };
  const figure = lineFigure({ title, x: { title: 'step' }, y: { title: 'student loss', log }, lines: turns.length ? [student, generator] : [student] });
  if (!turns.length) return figure;
  figure.data[1].yaxis = 'y2';
  const layout = figure.layout as Record<string, any>;
  layout.yaxis = { ...layout.yaxis, title: { text: 'student loss', font: { color: PALETTE[0] } } };
  layout.margin = { l: 68, r: 68, t: 76, b: 56 };
  layout.yaxis2 = { title: { text: 'divergence', font: { color: PALETTE[1] } }, overlaying: 'y', side: 'right', showgrid: false, tickmode: 'auto', ...(log ? { type: 'log' } : {}) };
  return figure;
}

/**
 * One bar for each method, its value written on it; a dashed line marks the reference (full precision, say).
 * A value of null is a run that gave no number: its label (`diverged`) stands in the place of the bar. `alike`: bars of one kind, in one colour.
 */
export function barFigure({ title, y, bars, reference, digits = 1, alike = false }: {
  title: string; y: Axis; bars: readonly Bar[]; reference?: { name: string; value: number }; digits?: number; alike?: boolean;
}): Figure {
  const has = (bar: Bar): bar is Bar & { value: number } => bar.value !== null && Number.isFinite(bar.value);
  const spread = bars.some((bar) => bar.spread !== undefined);
  // what stands in brackets goes to a second line: a turned label would leave the picture
  const names = bars.map((bar) => plain(bar.name).replace(' (', '<br>(')), lines = names.some((name) => name.includes('<br>'));
  const longest = LETTER * Math.max(0, ...names.map((name) => name.length)), turned = !lines && longest > INNER / bars.length, below = Math.round(0.8 * longest);
  const data = [{
    type: 'bar', x: names, y: bars.map((bar) => (has(bar) ? bar.value : 0)),
    text: bars.map((bar) => plain(bar.label ?? (has(bar) ? bar.value.toFixed(digits) : 'no value'))), textposition: 'auto', insidetextanchor: 'end', insidetextfont: { color: '#ffffff' }, cliponaxis: false,
    marker: { color: bars.map(({ aside }, i) => (aside ? '#4a4a4a' : PALETTE[alike ? 0 : i % PALETTE.length])) }, showlegend: false,
    ...(spread ? { error_y: { type: 'data', array: bars.map((bar) => bar.spread ?? null), color: INK } } : {}),
  }];
  const line = reference && {
    shapes: [{ type: 'line', xref: 'paper', x0: 0, x1: 1, y0: reference.value, y1: reference.value, line: { color: INK, dash: 'dash', width: 1.5 } }],
    annotations: [{ xref: 'paper', x: 0, y: reference.value, xanchor: 'left', yanchor: 'bottom', showarrow: false, text: plain(`${reference.name} ${reference.value.toFixed(digits)}`) }],
  };
  return { data, layout: { ...LAYOUT, title: { text: plain(title) }, yaxis: axisOf(y), ...(lines ? { xaxis: { tickangle: 0, ...(bars.length > 7 ? { tickfont: { size: 11 } } : {}) } } : {}), ...(turned ? { xaxis: { tickangle: -45 }, height: HEIGHT + below, margin: { ...MARGIN, b: 32 + below } } : {}), hovermode: 'closest', ...line } };
}

/** A grid of values as colours: `z[row][column]` at `y[row]`, `x[column]` (a loss landscape, a sweep over two settings); `range` gives two grids the same colours. */
export function heatFigure({ title, x, y, z, value, range }: {
  title: string; x: Axis & { at: readonly (number | string)[] }; y: Axis & { at: readonly (number | string)[] }; z: readonly (readonly number[])[]; value: string; range?: [number, number];
}): Figure {
  if (z.length !== y.at.length || z.some((row) => row.length !== x.at.length)) {
    throw new ZsaqError('mismatch', `the grid of ${title} is not ${y.at.length} rows of ${x.at.length} values: give one value for each place`);
  }
  const data = [{ type: 'heatmap', x: [...x.at], y: [...y.at], z: z.map(gaps), colorscale: 'Viridis', colorbar: { title: { text: plain(value), side: 'right' } }, ...(range ? { zmin: range[0], zmax: range[1] } : {}) }];
  return { data, layout: { ...LAYOUT, title: { text: plain(title) }, xaxis: axisOf(x), yaxis: axisOf(y), margin: { l: 68, r: 96, t: 76, b: 56 }, hovermode: 'closest' } };
}

/** How often values fall into each of `bins` equal bins: the weights of a matrix before and after rounding, say. `marks` are upright lines: the levels of a grid. */
export function histogramFigure({ title, x, series, bins = 80, marks = [] }: {
  title: string; x: Axis; series: readonly { name: string; values: ArrayLike<number> }[]; bins?: number; marks?: readonly number[];
}): Figure {
  let low = Infinity, high = -Infinity;
  for (const { values } of series) for (let i = 0; i < values.length; i++) { low = Math.min(low, values[i]); high = Math.max(high, values[i]); }
  if (!(high >= low)) throw new ZsaqError('format', `the histogram ${title} has no finite value: give at least one`);
  const width = high > low ? (high - low) / bins : 1;
  const centres = Array.from({ length: bins }, (_, i) => low + (i + 0.5) * width);
  const data = series.map(({ name, values }, i) => {
    const counts = new Array<number>(bins).fill(0);
    for (let k = 0; k < values.length; k++) if (Number.isFinite(values[k])) counts[Math.min(bins - 1, Math.floor((values[k] - low) / width))]++;
    return { type: 'bar', name: plain(name), x: centres, y: counts, width, opacity: 0.6, marker: { color: PALETTE[i % PALETTE.length] } };
  });
  const shapes = marks.map((at) => ({ type: 'line', yref: 'paper', y0: 0, y1: 1, x0: at, x1: at, line: { color: PALETTE[1], dash: 'dash', width: 1.5 } }));
  return { data, layout: { ...LAYOUT, title: { text: plain(title) }, barmode: 'overlay', bargap: 0, xaxis: axisOf(x), yaxis: axisOf({ title: 'count' }), ...(shapes.length ? { shapes } : {}) } };
}

/**
 * One figure with a slider over precomputed ones: it answers at once and survives saving the notebook.
 * All figures have the same traces; the layout is that of the one shown first.
 */
export function sliderFigure({ name, values, figure, active = 0 }: { name: string; values: readonly (string | number)[]; figure: (value: string | number) => Figure; active?: number }): Figure {
  const figures = values.map(figure);
  const shown = figures[active];
  if (!shown) throw new ZsaqError('range', `slider ${name} starts at value ${active} of ${values.length}: choose one that it has`);
  const now = { mode: 'immediate', frame: { duration: 0, redraw: true }, transition: { duration: 0 } };
  const steps = values.map((value) => ({ label: plain(String(value)), method: 'animate', args: [[String(value)], now] }));
  return {
    data: shown.data,
    layout: { ...shown.layout, sliders: [{ active, currentvalue: { prefix: `${plain(name)} = ` }, pad: { t: 44 }, steps }] },
    frames: figures.map(({ data }, i) => ({ name: String(values[i]), data })),
  };
}
