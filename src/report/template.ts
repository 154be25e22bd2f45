// The look of every figure: one template, readable on white and on dark pages and with any colour vision.

/** A Plotly figure as plain JSON: what notebooks, SVG files and pages are drawn from. */
export interface Figure {
  data: Record<string, unknown>[];
  layout?: Record<string, unknown>;
  frames?: Record<string, unknown>[];
}

/**
 * Colours of the traces, in their order: the hues of Okabe and Ito (jfly.uni-koeln.de/color), each at a lightness that has a
 * contrast of at least 3 to white and to a dark page. Dashes and markers tell traces apart as well.
 */
export const PALETTE = ['#1478b8', '#d55e00', '#009e73', '#b8659a', '#a87900', '#3f8fc4', '#8c6fd1', '#7b7b7b'] as const;

/** Dashes in the order of the palette. */
export const DASHES = ['solid', 'dash', 'dot', 'dashdot', 'longdash', 'longdashdot', 'solid', 'dash'] as const;

/** Text and axes: a grey with a contrast above 4 to white and to #111111. */
export const INK = '#797979';
const GRID = 'rgba(128, 128, 128, 0.25)';

// margins are fixed: plotly's automatic ones need a browser's layout, and the picture is to be the same everywhere
const axis = {
  automargin: false, showline: true, linecolor: INK, gridcolor: GRID, zerolinecolor: GRID, ticks: 'outside', tickcolor: INK, ticklen: 4,
  title: { standoff: 8 },
};

/** Layout that all figures start from; a figure's own layout goes on top. */
export const LAYOUT = {
  template: {
    layout: {
      colorway: [...PALETTE],
      font: { family: 'system-ui, Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif', size: 13, color: INK }, // names without quotes, which plotly mangles in SVG
      title: { x: 0.02, xanchor: 'left', y: 0.97, yanchor: 'top', font: { size: 16 } },
      paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
      margin: { l: 68, r: 28, t: 76, b: 56 },
      xaxis: axis, yaxis: axis,
      legend: { orientation: 'h', traceorder: 'normal', x: 0, y: 1.02, xanchor: 'left', yanchor: 'bottom' },
      hovermode: 'x unified',
      colorscale: { sequential: 'Viridis', diverging: 'RdBu' },
    },
  },
} as const;

/** Text as it is, where Plotly would read tags: a model named `<b>` stays text. */
export function plain(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
