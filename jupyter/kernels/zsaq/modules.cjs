'use strict';
// tslab type-checks the project's modules; Node and tsx load them, so that index files, cycles and source maps work as
// everywhere else. When one was edited, all are loaded anew by the next cell.
const path = require('node:path');
const lines = require('./lines.cjs');

/** tslab's compilers; `cell()` is the number of the cell that is compiled. */
function converters(root, requireHere, cell) {
  const { createConverter } = requireHere('tslab/dist/converter.js');
  const ours = (file) => file.startsWith(root + path.sep) && !file.includes(`${path.sep}node_modules${path.sep}`) && /\.[cm]?tsx?$/.test(file.split('?')[0]);
  const forget = () => { for (const file of Object.keys(require.cache)) if (ours(file)) delete require.cache[file]; };
  const make = (isBrowser) => {
    const converter = createConverter({ isJS: false, isBrowser });
    const convert = converter.convert;
    converter.convert = (before, source) => {
      const output = convert(before, source);
      if (output.sideOutputs) { // tslab's own compilation of what is new or edited
        forget();
        delete output.sideOutputs;
      }
      if (output.output) output.output = lines.name(cell(), output.output);
      return output;
    };
    return converter;
  };
  let node, browser;
  const all = {
    get node() { return (node ??= make(false)); },
    get browser() { return (browser ??= make(true)); },
    close() { node?.close(); browser?.close(); },
  };
  void all.node; // the first start of the compiler takes seconds: not in the first cell
  return all;
}

module.exports = { converters };
