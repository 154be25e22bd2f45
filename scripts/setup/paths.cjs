'use strict';
// Every place that the set-up writes to: all inside the project folder.
const path = require('node:path');

const root = path.resolve(__dirname, '..', '..');
const cache = path.join(root, '.cache');
const venv = path.join(root, '.venv');
const engine = path.join(root, 'node_modules', '@tensorflow', 'tfjs-node-gpu');

module.exports = {
  root,
  cache,
  state: path.join(cache, 'setup'),
  temporary: path.join(cache, 'setup', 'temporary'),
  jupyter: path.join(cache, 'jupyter'),
  venv,
  python: path.join(venv, 'bin', 'python'),
  modules: path.join(root, 'node_modules'),
  engine,
  binding: path.join(engine, 'lib', 'napi-v8', 'tfjs_binding.node'),
};
