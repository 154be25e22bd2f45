'use strict';
// Lines of TypeScript for errors in cells. tslab compiles a cell twice (types away, then modules to CommonJS) and keeps no
// source map; here the compiler that it loads is asked for both maps, and each cell gets a name that stack frames show.
const Module = require('node:module');
const { mend } = require('./mend.cjs');

const maps = new Map(); // cell number -> [map of the second compilation, map of the first]
const INLINE = /\n?\/\/# sourceMappingURL=data:application\/json[^,]*;base64,([A-Za-z0-9+/=]+)\s*$/;
const ends = new Map(); // cell number -> its last line of JavaScript
let last; // the two maps of the newest compilation

/** Puts a compiler that makes source maps, with tslab's faults mended, in the place of the one that tslab loads; call it before tslab's converter. */
function install(requireHere) {
  const file = Module.createRequire(requireHere.resolve('tslab/package.json')).resolve('@tslab/typescript-for-tslab');
  const ts = require(file);
  require.cache[file].exports = {
    ...ts,
    ...mend(ts),
    createWatchCompilerHost: (files, options, ...rest) => ts.createWatchCompilerHost(files, { ...options, inlineSourceMap: true }, ...rest),
    transpileModule: (source, { compilerOptions, ...rest }) => {
      const first = INLINE.exec(source);
      const made = ts.transpileModule(first ? source.slice(0, first.index) : source, { ...rest, compilerOptions: { ...compilerOptions, sourceMap: true } });
      last = first && [JSON.parse(made.sourceMapText), JSON.parse(Buffer.from(first[1], 'base64').toString())];
      return { ...made, outputText: made.outputText.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n') };
    },
  };
}

/** Names the JavaScript of a cell and keeps its maps. */
function name(cell, javascript) {
  if (last) maps.set(cell, last.map((payload) => new Module.SourceMap(payload)));
  ends.set(cell, javascript.trimEnd().split('\n').length);
  return `${javascript}\n//# sourceURL=cell-${cell}.js`;
}

/** The line of TypeScript (from 1) of a place in a cell's JavaScript (both from 1), if it is known. */
function original(cell, line, column) {
  let place = { originalLine: line - 1, originalColumn: column - 1 };
  const both = maps.get(cell);
  if (!both) return undefined;
  for (const map of both) {
    place = map.findEntry(place.originalLine, place.originalColumn);
    if (place.originalLine === undefined) return undefined;
  }
  return place.originalLine > 0 ? place.originalLine : undefined; // tslab puts one line before the cell
}

const FRAME = /cell-(\d+)\.js:(\d+)(?::(\d+))?/;

/** True for the frame of the function that tslab wraps around a cell, which is in no line of it. */
function isWrapper(stackLine) {
  const match = FRAME.exec(stackLine);
  return Boolean(match) && maps.has(Number(match[1])) && Number(match[2]) > ends.get(Number(match[1]));
}

/** A stack line with its place in TypeScript: `at f (cell 3, line 5)`. */
function translate(stackLine) {
  return stackLine.replace(FRAME, (all, cell, line, column) => {
    const found = original(Number(cell), Number(line), Number(column ?? 1));
    return found ? `cell ${cell}, line ${found}` : all;
  });
}

/** Where a stack passes through a cell, `{ cell, line }`: innermost in the cell that ran, else in any. */
function placeIn(stack, running) {
  const places = stack.flatMap((frame) => {
    const match = /^\s+at /.test(frame) && FRAME.exec(frame);
    const line = match && original(Number(match[1]), Number(match[2]), Number(match[3] ?? 1));
    return line ? [{ cell: Number(match[1]), line }] : [];
  });
  return places.find((place) => place.cell === running) ?? places[0];
}

module.exports = { install, name, translate, placeIn, isWrapper };
