'use strict';
// Runs an ONNX export in onnxruntime-node, or with "web" in WebAssembly through onnxruntime-web.
const fs = require('node:fs');
const path = require('node:path');
const { request, runtimes, serve, versionOf } = require('./common.cjs');

const web = request.web === true, name = web ? 'onnxruntime-web' : 'onnxruntime-node';
const ort = runtimes(name);

/** int64 tensors of the inputs that the model has; keys and values of no tokens. */
function feedsOf(session, { batch, seq, ids, mask, typeIds }) {
  const whole = (x) => new ort.Tensor('int64', BigInt64Array.from(x, BigInt), [batch, seq]), given = { input_ids: ids, attention_mask: mask, token_type_ids: typeIds };
  return Object.fromEntries(session.inputMetadata.map(({ name, shape }) => [name, given[name] ? whole(given[name]) : new ort.Tensor('float32', new Float32Array(0), [batch, shape[1], 0, shape[3]])]));
}

serve(web ? `${name} (wasm)` : name, versionOf(name), async ({ dir, model, threads = 1 }) => {
  if (web) ort.env.wasm.numThreads = threads;
  const file = path.join(dir, model), session = await ort.InferenceSession.create(web ? new Uint8Array(fs.readFileSync(file)) : file, {
    executionProviders: [web ? 'wasm' : 'cpu'], intraOpNumThreads: threads, interOpNumThreads: 1, logSeverityLevel: 3,
  });
  return async (inputs) => {
    const out = await session.run(feedsOf(session, inputs)), { data, dims } = out.logits ?? out.last_hidden_state;
    return { data, shape: dims };
  };
}).catch((error) => { console.error(error); process.exitCode = 1; });
