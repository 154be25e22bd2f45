// A Plotly figure as SVG without a browser: plotly.js in jsdom, with sizes from boxes.ts.
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import type { Canvas } from '@napi-rs/canvas';
import { ZsaqError } from '../core/error';
import { boxOf, pageBoxOf } from './boxes';
import type { Figure } from './template';

interface PlotlyWindow extends Record<string, any> { document: Document; Plotly: any }
let booted: PlotlyWindow | undefined;

function boot(): PlotlyWindow {
  if (booted) return booted;
  // a browser's worth of modules, loaded by whoever draws: a command that does not starts a third sooner
  const { JSDOM, VirtualConsole }: typeof import('jsdom') = require('jsdom');
  const window = new JSDOM('<!doctype html><body></body>', { runScripts: 'outside-only', pretendToBeVisual: true, virtualConsole: new VirtualConsole() }).window as unknown as PlotlyWindow;
  measure(window);
  drawCanvases(window);
  window.URL.createObjectURL = () => 'blob:';
  window.URL.revokeObjectURL = () => undefined;
  Object.assign(window, { TextDecoder, TextEncoder });
  window.eval(fs.readFileSync(require.resolve('plotly.js-dist'), 'utf8'));
  return (booted = window);
}

function measure(window: PlotlyWindow): void {
  const page = { x: 0, y: 0, left: 0, top: 0, right: 700, bottom: 450, width: 700, height: 450 };
  window.SVGElement.prototype.getBBox = function () { return boxOf(this); };
  window.SVGElement.prototype.getComputedTextLength = function () { return boxOf(this).width; };
  window.Element.prototype.getBoundingClientRect = function () { return this instanceof window.SVGElement ? pageBoxOf(this as Element) : page; };
}

/** Heat maps are painted on a canvas. */
function drawCanvases(window: PlotlyWindow): void {
  const { createCanvas }: typeof import('@napi-rs/canvas') = require('@napi-rs/canvas');
  const canvases = new WeakMap<object, Canvas>();
  const canvasOf = (element: any): Canvas => {
    let canvas = canvases.get(element);
    if (!canvas) canvases.set(element, (canvas = createCanvas(element.width || 300, element.height || 150)));
    if (canvas.width !== element.width) canvas.width = element.width;
    if (canvas.height !== element.height) canvas.height = element.height;
    return canvas;
  };
  window.HTMLCanvasElement.prototype.getContext = function (kind: string) { return kind === '2d' ? canvasOf(this).getContext('2d') : null; };
  window.HTMLCanvasElement.prototype.toDataURL = function () { return canvasOf(this).toDataURL('image/png'); };
}

/**
 * Draws a figure as SVG text. The same figure gives the same text, and its ids are not those of another figure on the page.
 *
 * @throws ZsaqError `format` if plotly cannot draw the figure
 * @example fs.writeFileSync('loss.svg', await toSvg(lossFigure(history)))
 */
export function toSvg(figure: Figure, size: { width?: number; height?: number } = {}): Promise<string> {
  const drawn = turn.then(() => draw(figure, size));
  turn = drawn.catch(() => undefined);
  return drawn;
}

/** One figure after the other: they share the window and its random numbers. */
let turn: Promise<unknown> = Promise.resolve();

async function draw(figure: Figure, size: { width?: number; height?: number }): Promise<string> {
  const { Plotly, document, Math: random } = boot();
  const layout = structuredClone(figure.layout ?? {}) as Record<string, any>;
  const width = size.width ?? layout.width ?? 700, height = size.height ?? layout.height ?? 420;
  random.random = seeded(JSON.stringify([figure.data, layout, width, height]));
  const box = document.createElement('div');
  document.body.appendChild(box);
  try {
    if (!Array.isArray(figure.data)) throw new TypeError('its data is no list of traces');
    await Plotly.newPlot(box, structuredClone(figure.data), { ...layout, width, height }, { staticPlot: true });
    return await Plotly.toImage(box, { format: 'svg', width, height, imageDataOnly: true });
  } catch (cause) {
    throw new ZsaqError('format', `the figure cannot be drawn (${cause instanceof Error ? cause.message : String(cause)}): give data and layout as Plotly defines them`, { cause });
  } finally {
    Plotly.purge(box);
    box.remove();
  }
}

/** Plotly names clip paths and gradients by `Math.random`: numbers from the figure itself (mulberry32) make them its own, and the same each time. */
function seeded(text: string): () => number {
  let state = createHash('sha256').update(text).digest().readInt32LE(0);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
