'use strict';
// danfojs-node asks for `@tensorflow/tfjs-node`. The one engine of this project is `@tensorflow/tfjs-node-gpu`, so that name
// leads here, and here to the engine in use. Loading the native package also switches the process to it; where another
// backend was chosen, or where the native one cannot load, danfo gets the plain package, which shares the same core.

const chosen = globalThis._tfengine?.backendName ?? process.env.ZSAQ_BACKEND ?? 'tensorflow';

function engine() {
  if (chosen === 'tensorflow') {
    try { return require('@tensorflow/tfjs-node-gpu'); } catch { /* no binding: the plain package computes on wasm or cpu */ }
  }
  return require('@tensorflow/tfjs');
}

module.exports = engine();
