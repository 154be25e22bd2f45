// One table, five ways to write it. Every text that goes in stays text: nothing is read as markup or as a formula.
import { ZsaqError } from '../core/error';

/** What a cell can hold; null and undefined are written as a dash. */
export type Cell = string | number | null | undefined;

/** A column: numbers are rounded to `digits` decimals (CSV keeps them whole) and aligned to the right. */
export interface Column { name: string; digits?: number; unit?: string }

/** A table as plain data. `note` names preset, models and data, and goes below. */
export interface Table { title?: string; columns: readonly Column[]; rows: readonly (readonly Cell[])[]; note?: string }

const DASH = '–';

function checked(table: Table): Table {
  const bad = table.rows.findIndex((row) => row.length !== table.columns.length);
  if (bad >= 0) throw new ZsaqError('mismatch', `row ${bad + 1} of the table${table.title ? ` ${table.title}` : ''} has ${table.rows[bad].length} cells for ${table.columns.length} columns: give one for each`);
  return table;
}

const heading = (column: Column) => (column.unit ? `${column.name} (${column.unit})` : column.name);

/** A cell in words: `87.4`, `diverged`, `–`. */
export function cellText(cell: Cell, column: Column): string {
  if (cell === null || cell === undefined) return DASH;
  if (typeof cell === 'string') return cell;
  if (!Number.isFinite(cell)) return Number.isNaN(cell) ? 'NaN' : cell > 0 ? '∞' : '−∞';
  if (column.digits !== undefined) return cell.toFixed(column.digits);
  return Number.isInteger(cell) ? String(cell) : String(Number(cell.toPrecision(6)));
}

/** What stands for a number in words: a mean with its spread, or why there is none. */
const AS_NUMBER = /^(diverged|cancelled|not run|no value|-?\d+\.\d+( ± \d+\.\d+)?( \([^)]*\))?)$/;

/** A column is written to the right if each cell in it is a number, stands for one or is a dash, and one has digits. */
function numeric(table: Table): boolean[] {
  const rights = (cell: Cell): boolean => typeof cell === 'number' || (typeof cell === 'string' && /\d/.test(cell) && AS_NUMBER.test(cell));
  return table.columns.map((_, i) => table.rows.some((row) => rights(row[i])) && table.rows.every((row) => typeof row[i] !== 'string' || AS_NUMBER.test(row[i] as string)));
}

/** Columns that a terminal gives a text: none to combining marks, two to East Asian wide characters and emoji. */
export function displayWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    const code = segment.codePointAt(0)!;
    const control = code < 32 || (code >= 0x7f && code < 0xa0) || /^[\p{Mn}\p{Me}\u200b-\u200f\ufeff]/u.test(segment);
    const wide = /^\p{Emoji_Presentation}/u.test(segment) || segment.includes('\ufe0f')
      || (code >= 0x1100 && (code <= 0x115f || (code >= 0x2e80 && code <= 0xa4cf && code !== 0x303f) || (code >= 0xac00 && code <= 0xd7a3)
      || (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) || (code >= 0xffe0 && code <= 0xffe6)
      || (code >= 0x20000 && code <= 0x3fffd)));
    width += control ? 0 : wide ? 2 : 1;
  }
  return width;
}

// a cell is one line: control characters could move a terminal's cursor or colour it
const oneLine = (text: string) => text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();

/**
 * The table for a terminal: aligned columns between two rules.
 *
 * @throws ZsaqError `mismatch` if a row has not one cell for each column (so do all the others)
 */
export function toText(table: Table): string {
  const { columns, rows, title, note } = checked(table);
  const right = numeric(table);
  const head = columns.map((column) => oneLine(heading(column)));
  const body = rows.map((row) => row.map((cell, i) => oneLine(cellText(cell, columns[i]))));
  const widths = columns.map((_, i) => Math.max(...[head, ...body].map((row) => displayWidth(row[i]))));
  const pad = (text: string, i: number) => { const space = ' '.repeat(widths[i] - displayWidth(text)); return right[i] ? space + text : text + space; };
  const line = (row: string[]) => row.map(pad).join('  ').trimEnd();
  const rule = '─'.repeat(widths.reduce((sum, w) => sum + w, 0) + 2 * (columns.length - 1));
  return [...(title ? [oneLine(title)] : []), line(head), rule, ...body.map(line), ...(note ? [rule, oneLine(note)] : [])].join('\n') + '\n';
}

/** The table in GitHub's Markdown. */
export function toMarkdown(table: Table): string {
  const { columns, rows, title, note } = checked(table);
  const escape = (text: string) => oneLine(text).replace(/[\\`*_{}[\]<>|#~$!]/g, '\\$&').replace(/&/g, '&amp;');
  const line = (row: string[]) => `| ${row.join(' | ')} |`;
  const marks = numeric(table).map((right) => (right ? '---:' : '---'));
  return [
    ...(title ? [`**${escape(title)}**`, ''] : []),
    line(columns.map((column) => escape(heading(column)))), line(marks), ...rows.map((row) => line(row.map((cell, i) => escape(cellText(cell, columns[i]))))),
    ...(note ? ['', escape(note)] : []),
  ].join('\n') + '\n';
}

/** The table as CSV (RFC 4180): numbers in full, empty for a dash; a text that a spreadsheet would take for a formula gets a `'` before it, a signed number or interval does not. */
export function toCsv(table: Table): string {
  const { columns, rows } = checked(table);
  const text = (value: string) => {
    const safe = /^[=+\-@\t\r]/.test(value) && !/^[+-]\d(?:[\d.+\-() ]| to )*$/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
  };
  const cell = (value: Cell) => (value === null || value === undefined ? '' : typeof value === 'number' ? String(value) : text(value));
  return [columns.map((column) => text(heading(column))), ...rows.map((row) => row.map(cell))].map((row) => `${row.join(',')}\r\n`).join('');
}

const LATEX: Record<string, string> = {
  '\\': '\\textbackslash{}', '{': '\\{', '}': '\\}', $: '\\$', '&': '\\&', '#': '\\#', '%': '\\%', _: '\\_', '^': '\\textasciicircum{}', '~': '\\textasciitilde{}',
  '<': '\\textless{}', '>': '\\textgreater{}', '|': '\\textbar{}', '–': '--', '−': '$-$', '∞': '$\\infty$', '±': '$\\pm$', 'β': '$\\beta$',
};

/** The table in LaTeX, with the rules of booktabs. */
export function toLatex(table: Table): string {
  const { columns, rows, title, note } = checked(table);
  const escape = (text: string) => oneLine(text).replace(/[\\{}$&#%_^~<>|–−∞±β]/g, (character) => LATEX[character]);
  const line = (row: string[]) => `  ${row.join(' & ')} \\\\`;
  return [
    '\\begin{table}', '\\centering', ...(title ? [`\\caption{${escape(title)}}`] : []),
    `\\begin{tabular}{${numeric(table).map((right) => (right ? 'r' : 'l')).join('')}}`, '  \\toprule',
    line(columns.map((column) => escape(heading(column)))), '  \\midrule', ...rows.map((row) => line(row.map((cell, i) => escape(cellText(cell, columns[i]))))), '  \\bottomrule',
    '\\end{tabular}', ...(note ? [`\\par\\small ${escape(note)}`] : []), '\\end{table}',
  ].join('\n') + '\n';
}

/** Text in HTML, as it is. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => entities[character]);
}

/** The table in HTML: an element without style of its own, for pages and notebooks. */
export function toHtml(table: Table): string {
  const { columns, rows, title, note } = checked(table);
  const right = numeric(table);
  const style = (i: number) => (right[i] ? ' style="text-align:right"' : ' style="text-align:left"');
  const head = columns.map((column, i) => `<th scope="col"${style(i)}>${escapeHtml(heading(column))}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell, i) => `<td${style(i)}>${escapeHtml(cellText(cell, columns[i]))}</td>`).join('')}</tr>`).join('\n');
  return `<table>${title ? `<caption>${escapeHtml(title)}</caption>` : ''}\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body}\n</tbody>\n</table>${note ? `\n<p>${escapeHtml(note)}</p>` : ''}\n`;
}
