'use strict';
// Executes cells one after another. tslab tells Jupyter neither that a cell failed nor what its value was; this does.
const { bundleOf } = require('./results.cjs');
const { describe } = require('./errors.cjs');

function createHandler({ jupyter, executor, channel, outputs, cancel, root }) {
  const handler = new jupyter.JupyterHandlerImpl(executor, false);
  const requests = []; // the server puts each request here before it calls handleExecute
  const write = { stdout: process.stdout.write, stderr: process.stderr.write };
  let queue = Promise.resolve();
  let generation = 0;

  const publish = (type, content, request = channel.current) => {
    if (request) channel.server.publish(type, content, request);
  };

  async function execute(content, stream, display) {
    cancel.reset();
    process.stdout.write = handler.createWriteToIopub('stdout', stream);
    process.stderr.write = handler.createWriteToIopub('stderr', stream);
    jupyter.lastWriteDisplayData = display;
    outputs.errors = [];
    outputs.results = [];
    const execution_count = (channel.cell = ++handler.execCount);
    publish('execute_input', { code: content.code, execution_count });
    let ok = false;
    try {
      ok = await executor.execute(content.code);
    } catch (error) { outputs.errors.push([error]); } // of tslab itself: a cell without an answer would run for ever
    for (const value of ok ? outputs.results : []) {
      try {
        publish('execute_result', { execution_count, data: await bundleOf(value), metadata: {} });
      } catch (error) { outputs.errors.push([error]); }
    }
    if (outputs.errors.length === 0) return { status: 'ok', execution_count, payload: [], user_expressions: {} };
    const error = describe(outputs.errors, root, execution_count);
    publish('error', error);
    return { status: 'error', execution_count, ...error };
  }

  handler.requests = requests;
  handler.publish = publish;
  handler.handleExecute = (content, stream, display) => {
    const mine = generation;
    const request = requests.shift();
    const result = queue.then(async () => {
      if (mine !== generation) return { status: 'aborted' };
      channel.current = request;
      const reply = await execute(content, stream, display);
      if (reply.status === 'error' && content.stop_on_error !== false) {
        await new Promise((resolve) => setTimeout(resolve, 20)); // let what "run all" has sent arrive, to be dropped
        generation += 1;
      }
      return reply;
    });
    queue = result.catch(() => { process.stdout.write = write.stdout; process.stderr.write = write.stderr; });
    return result;
  };
  return handler;
}

module.exports = { createHandler };
