// The one importer of danfojs-node: it is loaded when a table is first asked for, since that takes a second.
import type { DataFrame } from 'danfojs-node';
import { cellText, type Table } from './table';

/**
 * The table as a danfo DataFrame. A column of numbers stays one (a missing value becomes NaN); any other column becomes text.
 *
 * @example toFrame(table).describe()
 */
export function toFrame(table: Table): DataFrame {
  const danfo: typeof import('danfojs-node') = require('danfojs-node');
  const columns: Record<string, (number | string)[]> = {};
  table.columns.forEach((column, i) => {
    const cells = table.rows.map((row) => row[i]);
    const numbers = cells.some((cell) => typeof cell === 'number') && cells.every((cell) => typeof cell !== 'string');
    columns[column.name] = numbers ? cells.map((cell) => (typeof cell === 'number' ? cell : NaN)) : cells.map((cell) => cellText(cell, column));
  });
  return new danfo.DataFrame(columns);
}
