'use strict';
// `npm start`: sets up what is missing, then does the main job. Arguments go to `zsaq start`.
const path = require('node:path');
const { setUp } = require('./setup/index.cjs');

setUp().then(({ ok }) => {
  if (!ok) { process.exitCode = 1; return; }
  process.argv = [process.argv[0], path.join(__dirname, 'zsaq.cjs'), 'start', ...process.argv.slice(2)];
  require('./zsaq.cjs');
});
