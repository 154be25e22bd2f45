'use strict';
// JupyterLab and what runs notebooks, in .venv. The kernel is the project's own (jupyter/kernels), found by its path.
const fs = require('node:fs');
const path = require('node:path');
const paths = require('../paths.cjs');
const python = require('./python.cjs');
const { hashOf, readJson, writeStamp, stampHolds } = require('../stamp.cjs');
const { run, reasonIn } = require('../command.cjs');
const { StepFailed, remedyFor } = require('../failure.cjs');

const list = (name) => path.join(__dirname, '..', 'python', name);
const stamp = path.join(paths.venv, 'zsaq-notebooks.json');
/** How many packages this machine needs of the locked ones, which are those of every system. */
function locked() {
  const lines = fs.readFileSync(list('locked.txt'), 'utf8').split('\n').filter((line) => /^\w/.test(line) && !/'(darwin|win32|emscripten)'/.test(line.replace(/!= '\w+'/g, '')));
  return new Set(lines.map((line) => line.split('==')[0])).size;
}
const inputs = () => hashOf({ file: list('locked.txt') }, { file: list('renderer.txt') }, path.relative(paths.venv, python.sitePackages()));

function installed(site) {
  return fs.readdirSync(site).filter((name) => name.endsWith('.dist-info'));
}

module.exports = {
  id: 'notebooks',
  title: 'JupyterLab',
  needs: ['python'],
  size: () => `${locked()} Python packages, about 46 MB to download, 300 MB on disk`,
  space: 5e8,

  check() { return stampHolds(stamp, inputs()); },

  async run({ progress, lock }) {
    const site = python.sitePackages();
    const total = locked();
    const finished = stampHolds(stamp, readJson(stamp)?.inputs);
    fs.rmSync(stamp, { force: true });
    // pip takes a package for installed as soon as its metadata is there, even where the installation was cut off
    if (!finished) for (const name of installed(site)) if (!name.startsWith('pip-')) fs.rmSync(path.join(site, name), { recursive: true });
    let collected = 0;
    const show = () => {
      const done = Math.max(0, installed(site).length - 1); // without pip itself
      progress((0.5 * Math.min(collected, total) + 0.5 * Math.min(done, total)) / total, done > 1 ? `${Math.min(done, total)} of ${total} installed` : `${collected} of ${total} fetched`);
    };
    const pip = async (...args) => {
      const onLine = (line) => { if (/^(Collecting|Requirement already)/.test(line)) collected++; };
      const { code, lines } = await run(paths.python, ['-m', 'pip', 'install', '--progress-bar', 'off', ...args], { cwd: paths.root, lock, onLine, poll: show });
      if (code !== 0) throw new StepFailed(`pip install ended with: ${reasonIn(lines)}`, remedyFor(lines.join('\n'), 'remove the folder .venv'));
    };
    await pip('--require-hashes', '-r', list('locked.txt'));
    await pip('--require-hashes', '--no-deps', '-r', list('renderer.txt'));
    const base = path.relative(paths.venv, site);
    writeStamp(stamp, inputs(), installed(site).map((name) => path.join(base, name, 'RECORD')));
  },
};
