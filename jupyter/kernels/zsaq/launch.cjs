'use strict';
// The TypeScript kernel of the notebooks: tslab 1.0.22 as it is, with the project root as working directory, imports of the
// project's own modules, errors that Jupyter sees, rich results, widgets, and a stop button that ends a run with its results.
const fs = require('node:fs');
const path = require('node:path');
const Module = require('node:module');
const util = require('node:util');

/** The project: the nearest folder at or above the notebook that has tslab installed. */
function findRoot(from) {
  for (let folder = from; ; folder = path.dirname(folder)) {
    if (fs.existsSync(path.join(folder, 'node_modules', 'tslab', 'package.json'))) return folder;
    if (folder === path.dirname(folder)) {
      console.error(`zsaq kernel: no node_modules/tslab at or above ${from}: run \`npm run setup\` in the project`);
      process.exit(1);
    }
  }
}

const root = findRoot(process.env.ZSAQ_ROOT ?? process.cwd());
process.env.ZSAQ_NOTEBOOK_DIR = process.cwd();
process.chdir(root);
process.env.TF_CPP_MIN_LOG_LEVEL ??= '3'; // errors only: no notes on oneDNN, AVX or a missing GPU
const requireHere = Module.createRequire(path.join(root, 'package.json'));
requireHere('tsx/cjs/api').register();
process.setSourceMapsEnabled(true);
require('./lines.cjs').install(requireHere); // before anything of tslab

const { createExecutor } = requireHere('tslab/dist/executor.js');
const jupyter = requireHere('tslab/dist/jupyter.js');
const { converters } = require('./modules.cjs');
const { createCancel } = require('./cancel.cjs');
const { createServer } = require('./server.cjs');
const { createHandler } = require('./handler.cjs');

const channel = { server: undefined, current: null, cell: 0 }; // the request whose outputs are being written, and its number
const outputs = { errors: [], results: [] };
const executor = createExecutor(root, converters(root, requireHere, () => channel.cell), {
  log: (value) => outputs.results.push(value),
  error: (...words) => outputs.errors.push(words),
});
const cancel = createCancel(() => executor.interrupt());
const handler = createHandler({ jupyter, executor, channel, outputs, cancel, root });
channel.server = createServer({ jupyter, handler, channel, cancel, connectionFile: process.argv[2] });

process.on('SIGINT', () => cancel.interrupt());
process.on('uncaughtException', (error) => process.stderr.write(`Uncaught exception: ${util.inspect(error)}\n`));
process.on('unhandledRejection', (error) => process.stderr.write(`Unhandled rejection: ${util.inspect(error)}\n`));
channel.server.init();
