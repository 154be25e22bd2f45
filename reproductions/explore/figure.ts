// Accuracy and divergence over beta, side by side, a line for each generator: as a picture of one width, and with controls of its own.
import { lineFigure, type Figure, type Line } from '../../src/report';
import { OFFERED, WIDTHS, WRITERS } from './grid';
import type { ExplorePoint } from './points';

type Measure = 'score' | 'bank';
interface Chosen { beta: number; millions: number }
type Trace = Record<string, unknown>;

const PANELS: readonly { of: Measure; title: string }[] = [{ of: 'score', title: 'accuracy (%)' }, { of: 'bank', title: 'divergence on the fixed bank' }];
const betasOf = (points: readonly ExplorePoint[]): number[] => [...new Set(points.map((p) => p.beta))].sort((a, b) => a - b);
/** A standard error of an accuracy near 98.5 on 1,500 sentences, in points. */
const STANDARD_ERROR = 0.3;

/** Both measures of some points over beta, whose values stand at equal distances. */
export function betaFigure(points: readonly ExplorePoint[], { bits, steps, chosen }: { bits: string; steps: number; chosen?: Chosen }): Figure {
  const shown = at(points.filter((p) => p.bits === bits), steps), betas = chosen ? OFFERED.betas : betasOf(points);
  const data = PANELS.flatMap(({ of }, panel) => WRITERS.flatMap(({ millions }, i) => tracesOf(shown.filter((p) => p.millions === millions), { of, panel, i, strong: chosen?.millions === millions })));
  return { data, layout: layoutOf(`pocket-bert at ${bits} after ${steps} steps`, betas, chosen) };
}

/** Of each run the last measurement at or before a step: a run that was stopped has fewer. */
function at(points: readonly ExplorePoint[], steps: number): ExplorePoint[] {
  const last = new Map<string, ExplorePoint>();
  for (const p of points) {
    const key = [p.beta, p.millions, p.own].join(), known = last.get(key);
    if (p.steps <= steps && (p.own || p.steps === steps) && (!known || known.steps <= p.steps)) last.set(key, p);
  }
  return [...last.values()].sort((a, b) => a.beta - b.beta);
}

interface TraceOf { of: Measure; panel: number; i: number; strong?: boolean }

/** A line through the sweep, and stars for the runs made here. */
function tracesOf(points: readonly ExplorePoint[], { of, panel, i, strong }: TraceOf): Trace[] {
  const [sweep, own] = [points.filter((p) => !p.own), points.filter((p) => p.own)], name = `generator ${WRITERS[i].millions}M`;
  const axes = { legendgroup: name, ...(panel ? { xaxis: 'x2', yaxis: 'y2' } : {}) }, [line] = lineOf(name, i, sweep, of);
  const stars: Trace = {
    type: 'scatter', mode: 'markers', name: `${name}, run here`, x: own.map((p) => String(p.beta)), y: own.map((p) => p[of]), text: own.map((p) => `after ${p.steps} steps`), showlegend: panel === 0, ...axes,
    marker: { symbol: 'star', size: 15, color: (line.line as { color: string }).color, line: { width: 1, color: '#797979' } },
  };
  const error = of === 'score' ? { error_y: { type: 'constant', value: STANDARD_ERROR, thickness: 1, width: 3 } } : {};
  return [{ ...line, ...axes, ...error, x: sweep.map((p) => String(p.beta)), showlegend: panel === 0, ...(strong ? { line: { ...line.line as object, width: 4 } } : {}) }, ...(own.length ? [stars] : [])];
}

/** The look of line `i`, as in every other figure. */
function lineOf(name: string, i: number, points: readonly ExplorePoint[], of: Measure): Trace[] {
  const y = points.map((p) => p[of] ?? NaN), line: Line = { name, x: points.map((_, k) => k), y, markers: true }, none: Line = { name: '', x: [], y: [] };
  return lineFigure({ title: '', x: { title: '' }, y: { title: '' }, lines: [...Array.from({ length: i }, () => none), line] }).data.slice(-1);
}

function layoutOf(title: string, betas: readonly number[], chosen?: Chosen): Record<string, unknown> {
  const { layout } = lineFigure({ title, x: { title: 'beta (0: no SAM)' }, y: { title: PANELS[0].title }, lines: [] }), base = layout as Record<string, Record<string, unknown>>;
  const across = { ...base.xaxis, type: 'category', categoryorder: 'array', categoryarray: betas.map(String), range: [-0.4, betas.length - 0.6], tickangle: betas.length > 5 ? -45 : 0, title: { ...base.xaxis.title as object, standoff: betas.length > 5 ? 26 : 8 } };
  // a category is named by its place: a name that looks like a number would be taken for one
  const mark = (xref: string, yref: string) => ({ type: 'line', xref, yref: `${yref} domain`, x0: betas.indexOf(chosen!.beta), x1: betas.indexOf(chosen!.beta), y0: 0, y1: 1, line: { color: '#797979', dash: 'dot', width: 1.5 } });
  return {
    ...base, height: 440, margin: { l: 68, r: 28, t: 92, b: 84 }, hovermode: 'closest', xaxis: { ...across, domain: [0, 0.44] }, xaxis2: { ...across, domain: [0.56, 1], anchor: 'y2' },
    yaxis2: { ...base.yaxis, title: { text: PANELS[1].title }, anchor: 'x2' }, ...(chosen ? { shapes: [mark('x', 'y'), mark('x2', 'y2')] } : {}),
  };
}

/** The sweep with controls of its own, alive where there is no kernel: buttons for the bits, a slider over the steps. */
export function sweepFigure(all: readonly ExplorePoint[]): Figure {
  const widths = WIDTHS.filter((bits) => all.some((p) => p.bits === bits)), steps = [...new Set(all.map((p) => p.steps))].sort((a, b) => a - b), active = steps.length - 1;
  const dataAt = (step: number): Trace[] => widths.flatMap((bits) => PANELS.flatMap(({ of }, panel) => WRITERS.map((_, i) => {
    const points = at(all.filter((p) => p.bits === bits && p.millions === WRITERS[i].millions), step);
    return { ...tracesOf(points, { of, panel, i })[0], visible: bits === widths[0] };
  })));
  const each = PANELS.length * WRITERS.length, title = (bits: string): string => `pocket-bert at ${bits}`, now = { mode: 'immediate', frame: { duration: 0, redraw: true }, transition: { duration: 0 } };
  const layout = layoutOf(title(widths[0]), betasOf(all));
  return {
    data: dataAt(steps[active]),
    frames: steps.map((step) => ({ name: String(step), data: dataAt(step).map(({ x, y }) => ({ x, y })) })),
    layout: {
      ...layout, height: 500, margin: { l: 68, r: 28, t: 100, b: 130 },
      updatemenus: [{ type: 'buttons', direction: 'right', active: 0, x: 1, xanchor: 'right', y: 1.3, yanchor: 'top', showactive: true, buttons: widths.map((bits, w) => ({
        label: bits, method: 'update', args: [{ visible: widths.flatMap((_, k) => Array.from({ length: each }, () => k === w)) }, { 'title.text': title(bits), 'xaxis.autorange': false, 'yaxis.autorange': true, 'yaxis2.autorange': true }],
      })) }],
      sliders: [{ active, currentvalue: { prefix: 'steps = ' }, pad: { t: 60 }, steps: steps.map((step) => ({ label: String(step), method: 'animate', args: [[String(step)], now] })) }],
    },
  };
}
