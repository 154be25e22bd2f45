'use strict';
// Makes whatever this machine still lacks for zsaq. Each step is skipped when its stamp says that it is done, so a second
// run takes a moment; an interrupted one is mended by the next, because a step's stamp is written last.
const fs = require('node:fs');
const path = require('node:path');
const paths = require('./paths.cjs');
const { Lock } = require('./lock.cjs');
const { Terminal } = require('./terminal.cjs');
const { runSteps } = require('./runner.cjs');

const STEPS = ['node', 'packages', 'python', 'compiler', 'tensorflow', 'binding', 'notebooks', 'command'];

/**
 * Sets up the project. Gives `{ ok, unavailable }`: ok is false if a step failed; `unavailable` names what this machine
 * cannot have. Everything it says goes to standard error.
 */
async function setUp({ verbose = false } = {}) {
  const terminal = new Terminal();
  const tidy = () => fs.rmSync(paths.temporary, { recursive: true, force: true, maxRetries: 3 });
  const lock = new Lock(path.join(paths.state, 'lock'), tidy); // what an interrupted set-up left
  const stop = async (signal) => {
    lock.stopped = true;
    await lock.release();
    terminal.say('\nSet-up interrupted: run the same command again and it goes on where it stopped.');
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const handlers = signals.map((signal) => [signal, () => stop(signal)]);
  for (const [signal, handler] of handlers) process.once(signal, handler);
  try {
    const steps = STEPS.map((name) => require(`./steps/${name}.cjs`));
    const result = await runSteps(steps, { terminal, lock, free });
    if (lock.abandoned()) await lock.take(); // a set-up was killed after its last step: what it left goes as well
    if (lock.held) tidy();
    if (verbose && result.ok && !result.worked) terminal.say(`Set-up: everything${result.unavailable.length ? ' else' : ''} is in place.`);
    return result;
  } finally {
    await lock.release();
    for (const [signal, handler] of handlers) process.removeListener(signal, handler);
  }
}

/** Free bytes of the disk that holds the project. */
function free() {
  const disk = fs.statfsSync(paths.root);
  return disk.bavail * disk.bsize;
}

module.exports = { setUp };

if (require.main === module) setUp({ verbose: true }).then(({ ok }) => { process.exitCode = ok ? 0 : 1; });
