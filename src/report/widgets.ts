// Sliders and buttons over a picture that follows them, in a running JupyterLab: ipywidgets' own models, without Python.
import { ZsaqError } from '../core/error';
import { comm, display, inJupyter, type Comm, type WidgetMessage } from './kernel';
import { bundleOf, slot, type Showable, type Slot } from './notebook';

/** A slider: a number from `min` to `max` by `step`; `integer` if it has no decimals. */
export interface Slider { name: string; min: number; max: number; step: number; value: number; integer?: boolean }

/** A slider over given values, beginning at `value`. */
export interface Choice { name: string; values: readonly (number | string)[]; value: number | string }

/** A button; `press` may take its time, and sliders go on meanwhile. */
export interface Button { name: string; icon?: string; disabled?: boolean; press(): void | Promise<void> }

/** What a cell can do with the controls that it has shown. */
export interface Panel {
  /** Draws anew, for a reason other than a slider. */
  redraw(): Promise<void>;
  /** A line of plain text under the controls. */
  say(text: string): void;
  enable(button: string, on: boolean): void;
  /** The first drawing: a cell that waits for it is saved with it. */
  drawn: Promise<void>;
}

type Values = Record<string, number | string>;

const VERSION = { _model_module_version: '2.0.0', _view_module_version: '2.0.0' };
const widget = (kind: 'base' | 'controls', model: string, view: string) => ({
  ...VERSION, _model_module: `@jupyter-widgets/${kind}`, _model_name: model, _view_module: `@jupyter-widgets/${view === 'StyleView' ? 'base' : kind}`, _view_name: view,
});
const ref = ({ id }: Pick<Comm, 'id'>): string => `IPY_MODEL_${id}`;

/** A model whose state the browser may ask for again; `send` changes it on both sides. */
function model(state: object, onMessage?: (message: WidgetMessage) => void | Promise<void>): { id: string; set(changed: object): void } {
  let now = state;
  const open = comm(state, (message) => {
    if (message.method === 'request_state') open.send({ method: 'update', state: now, buffer_paths: [] });
    else {
      if (message.method === 'update') now = { ...now, ...message.state };
      return onMessage?.(message);
    }
  });
  return { id: open.id, set(changed) { now = { ...now, ...changed }; open.send({ method: 'update', state: changed, buffer_paths: [] }); } };
}

/**
 * Controls over a picture that follows them. A saved notebook keeps what was shown first; where it shall stay alive when saved, use
 * `sliderFigure`.
 *
 * @throws ZsaqError `usage` outside of Jupyter
 * @example interact([{ name: 'beta', min: 0, max: 0.2, step: 0.01, value: 0.05 }], ({ beta }) => figureFor(beta))
 */
export function interact<V extends Values = Record<string, number>>(
  controls: readonly (Slider | Choice)[], draw: (values: V) => Showable | Promise<Showable>, { buttons = [] }: { buttons?: readonly Button[] } = {},
): Panel {
  if (!inJupyter()) throw new ZsaqError('usage', 'interact() needs JupyterLab: run `npm run lab` and open the notebook there');
  const values: Values = Object.fromEntries(controls.map((s) => [s.name, s.value])), wide = model({ ...widget('base', 'LayoutModel', 'LayoutView'), width: '500px' });
  let place: Slot | undefined, first = true;
  let busy = false, again = false;
  const render = async (): Promise<void> => { // moves that come while it draws are drawn once, at their last value
    if (busy) { again = true; return; }
    busy = true;
    try {
      do { again = false; place!.show(await bundleOf(await draw({ ...values } as V), { picture: first })); first = false; } while (again);
    } finally { busy = false; }
  };
  const moved = (name: string) => (value: number | string): Promise<void> => { values[name] = value; return render(); };
  const sliders = controls.map((s) => ('values' in s ? choice(s, ref(wide), moved(s.name)) : slider(s, ref(wide), moved(s.name))));
  const pressed = Object.fromEntries(buttons.map((b) => [b.name, button(b)])), line = model({ ...widget('controls', 'LabelModel', 'LabelView'), value: '', layout: ref(model(widget('base', 'LayoutModel', 'LayoutView'))), style: ref(style('LabelStyleModel')) });
  const rows = [...sliders, ...(buttons.length ? [box('HBox', Object.values(pressed)), line] : [])];
  display({ 'application/vnd.jupyter.widget-view+json': { model_id: box('VBox', rows).id, version_major: 2, version_minor: 0 }, 'text/plain': 'sliders: run this cell in JupyterLab' });
  place = slot();
  return { drawn: render(), redraw: render, say: (text) => line.set({ value: text }), enable: (name, on) => pressed[name].set({ disabled: !on }) };
}

function style(name: string, more: object = {}): { id: string } { return model({ ...widget('controls', name, 'StyleView'), ...more }); }

function box(kind: 'HBox' | 'VBox', children: readonly { id: string }[]): { id: string } {
  return model({ ...widget('controls', `${kind}Model`, `${kind}View`), children: children.map(ref), layout: ref(model(widget('base', 'LayoutModel', 'LayoutView'))), box_style: '' });
}

function slider(s: Slider, layout: string, onMove: (value: number) => Promise<void>): { id: string } {
  const kind = s.integer ? 'Int' : 'Float';
  return model({
    ...widget('controls', `${kind}SliderModel`, `${kind}SliderView`), description: s.name, min: s.min, max: s.max, step: s.step, value: s.value, continuous_update: true,
    orientation: 'horizontal', readout: true, readout_format: s.integer ? 'd' : '.3~g', layout, style: ref(style('SliderStyleModel')),
  }, (message) => (message.method === 'update' && typeof message.state?.value === 'number' ? onMove(message.state.value) : undefined));
}

function choice({ name, values, value }: Choice, layout: string, onMove: (value: number | string) => Promise<void>): { id: string } {
  return model({
    ...widget('controls', 'SelectionSliderModel', 'SelectionSliderView'), description: name, _options_labels: values.map(String), index: values.indexOf(value), continuous_update: true,
    orientation: 'horizontal', readout: true, layout, style: ref(style('DescriptionStyleModel', { description_width: '110px' })),
  }, (message) => (message.method === 'update' && typeof message.state?.index === 'number' ? onMove(values[message.state.index]) : undefined));
}

function button({ name, icon = '', disabled = false, press }: Button): { id: string; set(changed: object): void } {
  return model({
    ...widget('controls', 'ButtonModel', 'ButtonView'), description: name, icon, disabled, button_style: '', tooltip: name, layout: ref(model(widget('base', 'LayoutModel', 'LayoutView'))), style: ref(style('ButtonStyleModel')),
  }, (message) => (message.method === 'custom' && message.content?.event === 'click' ? press() : undefined));
}
