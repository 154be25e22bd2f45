'use strict';
// npm packages. npm writes node_modules/.package-lock.json last, so that file is the stamp: it also accepts packages that
// somebody installed by hand with `npm ci`.
const fs = require('node:fs');
const path = require('node:path');
const paths = require('../paths.cjs');
const { readJson } = require('../stamp.cjs');
const { run, reasonIn } = require('../command.cjs');
const { StepFailed, remedyFor } = require('../failure.cjs');

const lockFile = path.join(paths.root, 'package-lock.json');
const installedFile = path.join(paths.modules, '.package-lock.json');

/** Locked packages that every machine needs: name of the folder -> entry. */
function wanted() {
  const lock = readJson(lockFile);
  if (!lock?.packages) throw new StepFailed('package-lock.json is missing or damaged', 'restore it with `git checkout package-lock.json`, then run the same command again');
  return Object.entries(lock.packages).filter(([folder, entry]) => folder.startsWith('node_modules/') && !entry.optional && !entry.devOptional);
}

const there = (folder) => fs.existsSync(path.join(paths.root, folder, 'package.json'));

/** The npm beside this Node: the one that started this script, if one did. */
function npm(args) {
  const script = process.env.npm_execpath;
  return script && path.basename(script) === 'npm-cli.js' && fs.existsSync(script) ? [process.execPath, [script, ...args]] : ['npm', args];
}

module.exports = {
  id: 'packages',
  title: 'npm packages',
  size: () => `${wanted().length} packages, about 180 MB to download, 560 MB on disk`,
  space: 1.2e9,

  check() {
    const locked = wanted();
    const installed = readJson(installedFile)?.packages;
    return Boolean(installed) && locked.every(([folder, entry]) => {
      const have = installed[folder];
      return have && have.version === entry.version && have.integrity === entry.integrity && there(folder);
    });
  },

  async run({ progress, lock }) {
    const folders = wanted().map(([folder]) => folder);
    fs.rmSync(installedFile, { force: true }); // from here on the folder counts as unfinished
    if (fs.existsSync(paths.modules)) { // put aside whole, which cannot fail halfway; removed with the other temporary files
      fs.mkdirSync(paths.temporary, { recursive: true });
      fs.renameSync(paths.modules, fs.mkdtempSync(path.join(paths.temporary, 'modules-')));
    }
    const poll = () => {
      const have = folders.filter(there).length;
      progress(have / folders.length, `${have} of ${folders.length} packages`);
    };
    const [command, args] = npm(['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
    const { code, lines } = await run(command, args, { cwd: paths.root, lock, poll });
    if (code !== 0) throw new StepFailed(`npm ci ended with: ${reasonIn(lines)}`, remedyFor(lines.join('\n'), 'read what npm says above'));
  },
};
