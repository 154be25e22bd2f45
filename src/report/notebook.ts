// Everything that a notebook shows goes through here: figures that are alive in JupyterLab and a picture everywhere else.
import { ZsaqError } from '../core/error';
import { toSketch } from './sketch';
import { toSvg } from './svg';
import type { Figure } from './template';
import { toHtml, toText, type Table } from './table';
import { display, inJupyter, SHOW, type Bundle } from './kernel';

export { inJupyter, type Bundle } from './kernel';

/** HTML that the author of a cell wrote; values in it are theirs to escape (`escapeHtml`). */
export interface Html { html: string }

/** What a notebook can show. */
export type Showable = Figure | Table | Html;

const PLOTLY = 'application/vnd.plotly.v1+json';

/** The mime bundle of a figure, table or HTML. A figure carries its SVG, for saved, untrusted and exported notebooks. */
export async function bundleOf(value: Showable, { picture = true } = {}): Promise<Bundle> {
  if ('data' in value) {
    const bundle: Bundle = { [PLOTLY]: { data: value.data, layout: value.layout ?? {}, ...(value.frames ? { frames: value.frames } : {}) } };
    if (picture) bundle['image/svg+xml'] = await toSvg(value);
    return bundle;
  }
  if ('columns' in value) return { 'text/html': toHtml(value), 'text/plain': toText(value) };
  if ('html' in value) return { 'text/html': value.html };
  throw new ZsaqError('usage', 'this cannot be shown in a notebook: give a figure, a table or { html }');
}

/** For the last line of a cell: `view(lossFigure(history))`. */
export function view(value: Showable): object {
  return { [SHOW]: () => bundleOf(value) };
}

/** Anywhere in a cell: `await show(table)`. Outside of Jupyter a table is printed and a figure left out. */
export async function show(value: Showable): Promise<void> {
  if (inJupyter()) display(await bundleOf(value));
  else if ('columns' in value) process.stdout.write(toText(value));
}

/** A place in a cell's output whose content can be replaced. */
export interface Slot { show(bundle: Bundle): void }

let slots = 0;

/** Opens a place in the output of the running cell. */
export function slot(): Slot {
  const id = `zsaq-${process.pid}-${++slots}`;
  let drawn = false, figure = false;
  return {
    show(bundle) {
      // JupyterLab's plotly renderer ignores an update of a figure that it has drawn: another kind in between makes it draw anew
      if (figure && PLOTLY in bundle) display({ 'text/html': '<div style="height:420px"></div>' }, id, true);
      display(bundle, id, drawn);
      drawn = true;
      figure = PLOTLY in bundle;
    },
  };
}

/** A figure that changes while a cell runs. */
export interface LiveFigure {
  /** Shows the newest state; called as often as one likes, it draws at most `perSecond` times a second. */
  update(figure: () => Figure): void;
  /** Draws the last state as a Plotly figure with its picture, which is what the saved notebook keeps. */
  end(): Promise<void>;
}

/**
 * A line figure that follows a run in place. While it runs it is a light drawing, at the end the full figure.
 *
 * @example
 * const live = liveFigure();
 * await run(job, { onStep: (history) => live.update(() => lossFigure(history)) });
 * await live.end();
 */
export function liveFigure({ perSecond = 4, now = Date.now }: { perSecond?: number; now?: () => number } = {}): LiveFigure {
  const place = inJupyter() ? slot() : undefined;
  let last = -Infinity;
  let newest: (() => Figure) | undefined;
  return {
    update(figure) {
      newest = figure;
      if (!place || now() - last < 1000 / perSecond) return;
      last = now();
      place.show({ 'image/svg+xml': toSketch(figure()) });
    },
    async end() {
      if (place && newest) place.show(await bundleOf(newest()));
    },
  };
}
