'use strict';
// Runs a packed export, or any model folder, in zsaq itself.
const { request, serve } = require('./common.cjs');
const { backendName, ready, tf } = require('../../src/core/backend.ts');
const { loadRunnable } = require('../../src/export/packed.ts');

ready().then(() => serve(`zsaq (${backendName()})`, require('../../package.json').version, async () => {
  const { model, params, hooks } = await loadRunnable(request.source ?? request.dir);
  return async ({ batch, seq, ids, mask, typeIds }) => {
    const out = tf.tidy(() => {
      const input = (x) => tf.tensor2d(x, [batch, seq], 'int32');
      return model.forward(params, { ids: input(ids), mask: input(mask), typeIds: input(typeIds) }, hooks).logits;
    });
    const data = await out.data();
    out.dispose();
    return { data, shape: out.shape };
  };
})).catch((error) => { console.error(error); process.exitCode = 1; });
