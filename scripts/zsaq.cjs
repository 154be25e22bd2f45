#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node
'use strict';
// The `zsaq` command: TypeScript is run as it is, without a build. With one heap for all threads (glibc gives each its own, and what one
// frees another cannot use) a step's peak is a tenth lower, and it takes no longer.
const fs = require('node:fs');
const path = require('node:path');
if (!fs.existsSync(path.join(__dirname, '..', 'node_modules', 'tsx'))) {
  console.error('zsaq: the project is not set up: run `npm run setup` in its folder');
  process.exit(1);
}
require('tsx/cjs');
// Whoever reads what is printed may go (`zsaq ... | head`): the work goes on to its end, and the code is the shell's for it.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
    process.exitCode = 141;
  });
}
require('../src/cli.ts').main(process.argv.slice(2)).then((code) => { process.exitCode ??= code; });
