'use strict';
// Runs the steps of the set-up in their order. A step is
//   { id, title, size(), needs?: ids, space?: bytes, check(): boolean, run({ progress, lock }) }
// `check` takes milliseconds and throws where the step cannot be done here; `run` is called when it says false.
const { StepFailed, Unavailable } = require('./failure.cjs');
const { megabytes } = require('./terminal.cjs');

/** Gives `{ ok, worked, unavailable }`. Stops at the first step that fails; goes on past what this machine cannot have. */
async function runSteps(steps, { terminal, lock, free = () => Infinity }) {
  const unavailable = [];
  let worked = false, number = 0;
  for (const step of steps) {
    number += 1;
    const lacking = unavailable.find(({ id }) => step.needs?.includes(id));
    if (lacking) { unavailable.push({ id: step.id, title: step.title, because: lacking }); continue; }
    const head = `[${number}/${steps.length}] ${step.title}`;
    try {
      if (step.check()) continue;
      await lock.take((pid) => terminal.say(`Another set-up (process ${pid}) is at work in this folder: waiting for it.`));
      if (step.check()) continue; // it has done the step
      worked = true;
      await once(step, head, { terminal, lock, free });
    } catch (error) {
      if (error instanceof Unavailable) { unavailable.push({ id: step.id, title: step.title, cause: error.message, remedy: error.remedy }); continue; }
      report(terminal, head, error);
      return { ok: false, worked, unavailable };
    }
  }
  explain(terminal, unavailable);
  return { ok: true, worked, unavailable };
}

async function once(step, head, { terminal, lock, free }) {
  terminal.begin(head, step.size());
  if (step.space > free()) throw new StepFailed(`${megabytes(step.space)} of disk space are needed, and ${megabytes(free())} are free`, 'free some, then run the same command again');
  await step.run({ progress: (share, words) => terminal.progress(share, words), lock });
  if (!step.check()) throw new StepFailed('the step ended, but what it makes is not there', 'run the same command again; if it repeats, remove node_modules, .venv and .cache first');
  terminal.end('done');
}

function report(terminal, head, error) {
  terminal.say(`${head}: FAILED`);
  terminal.say(`  Cause:  ${error.message}`);
  terminal.say(`  Remedy: ${error.remedy ?? 'this is a mistake of zsaq\'s set-up: please report it with the lines below'}`);
  if (!(error instanceof StepFailed)) terminal.say(String(error.stack));
}

/** What goes on without what is lacking. */
function explain(terminal, unavailable) {
  const has = (id) => unavailable.some((entry) => entry.id === id);
  for (const { title, cause, remedy } of unavailable.filter((entry) => entry.cause)) terminal.say(`Not available: ${title}: ${cause}.\n  To have it: ${remedy}.`);
  if (has('binding')) terminal.say('  Without native TensorFlow zsaq runs on its wasm backend: the same results up to rounding, about 30 times slower.');
  if (has('notebooks')) terminal.say('  Without JupyterLab the notebooks cannot be opened or run here; everything else works.');
}

module.exports = { runSteps };
