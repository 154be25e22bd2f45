// A page that stands alone: figures as inline SVG, tables, and the data behind them. It loads nothing and runs no script.
import type { Figure } from './template';
import { toSvg } from './svg';
import { escapeHtml, toHtml, type Table } from './table';

/** One part of a page, in this order: heading, paragraph, figure, table. */
export interface Section { heading?: string; text?: string; figure?: Figure; table?: Table }

/** What a page holds; `data` is kept in it as JSON for whoever wants the numbers. */
export interface Page { title: string; sections: readonly Section[]; data?: unknown }

const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
svg { max-width: 100%; height: auto; }
figure { margin: 1rem 0; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
caption { text-align: left; font-weight: 600; padding-bottom: .25rem; }`;

/** JSON that cannot end the element it is in. */
export function jsonForHtml(value: unknown): string {
  return JSON.stringify(value, null, 1).replace(/</g, '\\u003c').replace(/>/g, '\\u003e').replace(/&/g, '\\u0026').replace(/\u2028/g, '\\u2028').replace(/\u2029/g, '\\u2029');
}

/**
 * The page as HTML text.
 *
 * @example await toPage({ title: 'W2A8', sections: [{ figure: lossFigure(history) }, { table }], data: { history } })
 */
export async function toPage(page: Page): Promise<string> {
  const parts: string[] = [];
  for (const { heading, text, figure, table } of page.sections) {
    if (heading) parts.push(`<h2>${escapeHtml(heading)}</h2>`);
    if (text) parts.push(`<p>${escapeHtml(text)}</p>`);
    if (figure) parts.push(`<figure>${await toSvg(figure)}</figure>`);
    if (table) parts.push(toHtml(table).trimEnd());
  }
  const data = page.data === undefined ? '' : `<script type="application/json" id="data">${jsonForHtml(page.data)}</script>\n`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeHtml(page.title)}</title>
<style>${STYLE}
</style>
</head>
<body>
<h1>${escapeHtml(page.title)}</h1>
${parts.join('\n')}
${data}</body>
</html>
`;
}
