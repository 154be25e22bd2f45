'use strict';
// Looked for before TensorFlow's libraries are fetched: without a compiler they would be of no use.
const fs = require('node:fs');
const { spawnSync } = require('node:child_process');
const paths = require('../paths.cjs');
const { Unavailable } = require('../failure.cjs');

/** A C++ compiler: CXX, else the first one that answers. */
function findCompiler() {
  for (const name of process.env.CXX ? [process.env.CXX] : ['g++', 'clang++', 'c++']) {
    if (spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0) return name;
  }
  throw new Unavailable(process.env.CXX ? `CXX=${process.env.CXX} does not start` : 'there is no C++ compiler on this machine',
    'install one (Debian and Ubuntu: `apt-get install g++`), then run the same command again');
}

module.exports = {
  id: 'compiler',
  title: 'C++ compiler',
  size: () => 'looked for',
  findCompiler,

  check() {
    if (!fs.existsSync(paths.binding)) findCompiler();
    return true;
  },
};
