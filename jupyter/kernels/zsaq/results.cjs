'use strict';
// What a cell's last value looks like: its own bundle (the hook that Deno's kernel uses too), a table, or text.
const util = require('node:util');

const SHOW = Symbol.for('Jupyter.display');
const ROWS = 20;
const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (text) => String(text).replace(/[&<>"]/g, (character) => ENTITIES[character]);
const cell = (value) => (typeof value === 'number' && !Number.isInteger(value) ? String(+value.toPrecision(6)) : escape(value));

/** Jupyter's mime bundle of a value. */
async function bundleOf(value) {
  if (typeof value?.[SHOW] === 'function') return value[SHOW]();
  if (value?.constructor?.name === 'DataFrame' && Array.isArray(value.columns)) return frameBundle(value);
  return { 'text/plain': typeof value === 'string' ? value : util.inspect(value, { maxArrayLength: 50, depth: 4 }) };
}

function frameBundle(frame) {
  const [rows, columns] = frame.shape;
  const head = frame.columns.map((name) => `<th>${escape(name)}</th>`).join('');
  const body = frame.values.slice(0, ROWS).map((row, i) => {
    const cells = (Array.isArray(row) ? row : [row]).map((value) => `<td>${cell(value)}</td>`).join('');
    return `<tr><th>${escape(frame.index[i])}</th>${cells}</tr>`;
  }).join('');
  const html = `<table border="1" class="dataframe"><thead><tr><th></th>${head}</tr></thead><tbody>${body}</tbody></table><p>${rows} rows × ${columns} columns</p>`;
  return { 'text/html': html, 'text/plain': String(frame).trimEnd() };
}

module.exports = { bundleOf, SHOW };
