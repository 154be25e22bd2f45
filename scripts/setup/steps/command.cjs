'use strict';
// `npx zsaq` inside the project: npm links the commands of dependencies, but not those of the project itself.
const fs = require('node:fs');
const path = require('node:path');
const paths = require('../paths.cjs');

const link = path.join(paths.modules, '.bin', 'zsaq');
const target = path.join(paths.root, 'scripts', 'zsaq.cjs');
const relative = path.relative(path.dirname(link), target);

module.exports = {
  id: 'command',
  title: 'Command zsaq',
  needs: ['packages'],
  size: () => 'a link, so that `npx zsaq` works here',

  check() {
    try {
      return fs.readlinkSync(link) === relative && (!fs.existsSync(target) || (fs.statSync(target).mode & 0o111) !== 0);
    } catch { return false; }
  },

  async run() {
    if (fs.existsSync(target)) fs.chmodSync(target, 0o755);
    fs.mkdirSync(path.dirname(link), { recursive: true });
    fs.rmSync(link, { force: true });
    fs.symlinkSync(relative, link);
  },
};
