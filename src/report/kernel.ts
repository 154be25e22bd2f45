// What the notebook kernel (jupyter/kernels/zsaq) offers, by a name on globalThis: another kernel can offer the same.

/** Jupyter's mime bundle: type -> content. */
export type Bundle = Record<string, unknown>;

/** The hook by which a cell's last value says how it is shown; Deno's kernel uses the same. */
export const SHOW = Symbol.for('Jupyter.display');

/** A message of the widget in the browser. */
export interface WidgetMessage { method?: string; state?: Record<string, unknown>; content?: { event?: string } }

/** One open channel to a widget in the browser. */
export interface Comm { id: string; send(message: object): void; close(): void }

interface Kernel {
  display(bundle: Bundle, id?: string, update?: boolean): void;
  begin(): void;
  openComm(target: string, data: object, onMessage?: (message: WidgetMessage) => void | Promise<void>, metadata?: object): Comm;
}

const KERNEL = Symbol.for('zsaq.kernel');
const kernel = (): Kernel | undefined => (globalThis as Record<symbol, Kernel | undefined>)[KERNEL];

/** True in a cell of a notebook. */
export function inJupyter(): boolean { return kernel() !== undefined; }

/** Shows a bundle, or replaces the one under `id`. Outside of Jupyter it does nothing. */
export function display(bundle: Bundle, id?: string, update = false): void { kernel()?.display(bundle, id, update); }

/** A job begins that no cell waits for: Jupyter's stop button, if it was pressed before, is for this one anew. */
export function beginJob(): void { kernel()?.begin(); }

/** Opens a widget model with its state (ipywidgets protocol 2.1). */
export function comm(state: object, onMessage?: (message: WidgetMessage) => void | Promise<void>): Comm {
  const open = kernel();
  if (!open) throw new Error('no kernel');
  return open.openComm('jupyter.widget', { state, buffer_paths: [] }, onMessage, { version: '2.1.0' });
}
