'use strict';
// A thrown value as Jupyter's error: name, message, and a traceback in lines of TypeScript. A ZsaqError is for the user:
// its one sentence and the line of the cell, nothing of the library's inside.
const path = require('node:path');
const util = require('node:util');
const { placeIn, translate, isWrapper } = require('./lines.cjs');

const INSIDE_TSLAB = /sigintHandlersWrap|node:vm|tslab[\\/]dist|at evalmachine\.<anonymous>/;

/** `{ ename, evalue, traceback }` of what a cell threw, or of what tslab's compiler said. */
function describe(errors, root, cell) {
  const thrown = errors.length === 1 && errors[0].length === 1;
  if (!thrown) {
    const traceback = errors.map((words) => util.format(...words).replace(/^(\d+):(\d+) - /, 'line $1, column $2: '));
    return { ename: 'TypeScriptError', evalue: traceback.join('\n'), traceback };
  }
  const [error] = errors[0];
  const ename = error?.name ?? 'Error';
  const evalue = String(error?.message ?? error);
  const stack = String(error?.stack ?? util.inspect(error)).split('\n');
  if (ename === 'ZsaqError') {
    const place = placeIn(stack, cell);
    const where = place && (place.cell === cell ? ` (line ${place.line} of this cell)` : ` (line ${place.line} of cell ${place.cell})`);
    return { ename, evalue, traceback: [evalue + (where ?? '')] };
  }
  const begin = Math.max(0, stack.findIndex((line) => line.startsWith(ename) || line.startsWith(`Uncaught ${ename}`))); // node:vm puts the line's text before
  const kept = stack.slice(begin);
  const end = kept.findIndex((line) => /^\s+at /.test(line) && (INSIDE_TSLAB.test(line) || isWrapper(line)));
  const traceback = (end > 0 ? kept.slice(0, end) : kept).map((line) => translate(line).replaceAll(root + path.sep, ''));
  return { ename, evalue, traceback };
}

module.exports = { describe };
