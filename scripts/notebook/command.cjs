'use strict';
// npm run notebook -- run|test|html NOTEBOOK..., and lab: with the project's kernel and Python, nothing outside the project.
const fs = require('node:fs');
const path = require('node:path');
const { spawn } = require('node:child_process');
const paths = require('../setup/paths.cjs');
const { setUp } = require('../setup/index.cjs');

const USAGE = `npm run notebook -- run NOTEBOOK...    executes and saves the outputs in place
npm run notebook -- test NOTEBOOK...   executes a copy; any error in a cell fails
npm run notebook -- html NOTEBOOK...   writes a page beside each notebook (--output-dir DIR: elsewhere)
npm run lab                            opens JupyterLab on notebooks/`;

/** Jupyter keeps what it writes inside the project, and finds the project's kernel. */
function environment() {
  const inside = (name) => path.join(paths.jupyter, name);
  return {
    ...process.env,
    PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH ?? ''}`, // the kernel starts with this Node
    JUPYTER_PATH: [path.join(paths.root, 'jupyter'), process.env.JUPYTER_PATH].filter(Boolean).join(path.delimiter),
    JUPYTER_CONFIG_PATH: path.join(paths.root, 'jupyter', 'config'), // no question about news, no call to the network
    JUPYTER_CONFIG_DIR: inside('config'), JUPYTER_DATA_DIR: inside('data'), JUPYTER_RUNTIME_DIR: inside('runtime'), IPYTHONDIR: inside('ipython'),
    JUPYTER_PLATFORM_DIRS: '1', PYTHONNOUSERSITE: '1', PYTHONPATH: '', ZSAQ_ROOT: paths.root,
  };
}

/** The content of a notebook file of code cells for the project's kernel. */
function notebookOf(...sources) {
  const cells = sources.map((source, i) => ({ id: `cell-${i + 1}`, cell_type: 'code', source, metadata: {}, outputs: [], execution_count: null }));
  return { cells, metadata: { kernelspec: { name: 'zsaq', display_name: 'TypeScript (zsaq)', language: 'typescript' } }, nbformat: 4, nbformat_minor: 5 };
}

function python(args) {
  fs.mkdirSync(paths.jupyter, { recursive: true });
  const child = spawn(paths.python, args, { stdio: 'inherit', env: environment() });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.on('error', (error) => { console.error(String(error.message)); resolve(1); });
    child.on('close', (code, signal) => resolve(code ?? (signal ? 130 : 1)));
  });
}

const execute = path.join(__dirname, 'execute.py');
const HTML = ['-m', 'nbconvert', '--log-level=ERROR', '--to', 'html']; // figures are pictures inside the page; formulas need the network
const COMMANDS = {
  run: (args) => python([execute, 'run', ...args]),
  test: (args) => python([execute, 'test', ...args]),
  html: (args) => python([...HTML, ...args]),
  // its own notes bury the address; root, as in a container, has to be allowed
  lab: (args) => python(['-m', 'jupyterlab', '--log-level=WARN', ...(process.getuid?.() === 0 ? ['--allow-root'] : []), '--MultiKernelManager.default_kernel_name=zsaq', '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate', `--ServerApp.root_dir=${paths.root}`, '--LabApp.default_url=/lab/tree/notebooks', ...args]),
};

async function main([name, ...args]) {
  const command = COMMANDS[name];
  if (!command || (name !== 'lab' && args.length === 0)) { console.error(USAGE); process.exitCode = 2; return; }
  const { ok, unavailable } = await setUp();
  if (name === 'lab' && ok) console.error('JupyterLab starts; its address follows. Ctrl-C ends it.');
  if (!ok || unavailable.some(({ id }) => id === 'notebooks')) { process.exitCode = 1; return; }
  process.exitCode = await command(args);
}

module.exports = { main, environment, notebookOf };

if (require.main === module) main(process.argv.slice(2));
