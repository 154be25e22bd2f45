'use strict';
// What the JavaScript runtimes share: the request, the fixed inputs, and the answer that zsaq verify and bench/deploy read.
const fs = require('node:fs');
const path = require('node:path');
const { createRequire } = require('node:module');
require('tsx/cjs');
const { openSafetensors } = require('../../src/io/safetensors.ts');
const { selected } = require('../../src/export/reference.ts');

/** The packages of `npm run setup:export`. */
const place = path.resolve(__dirname, '../../.cache/export');
const runtimes = createRequire(path.join(place, 'package.json'));
const packageFolder = (name) => path.join(place, 'node_modules', name);
const versionOf = (name) => JSON.parse(fs.readFileSync(path.join(packageFolder(name), 'package.json'), 'utf8')).version;

/** { dir, model, threads, lengths, runs } of the command line. */
const request = JSON.parse(process.argv[2] ?? '{}');

function reference(dir) {
  const file = openSafetensors(path.join(dir, 'zsaq-reference.safetensors'));
  const read = (name) => file.read(name);
  const { shape: [batch, seq], data: ids } = read('input_ids');
  const all = { batch, seq, ids, mask: read('attention_mask').data, typeIds: read('token_type_ids').data, columns: read('columns').data };
  file.close();
  return all;
}

/** One row of `length` tokens for timing: those of the first fixed row, repeated. */
function timed({ ids, seq }, length) {
  const row = Int32Array.from({ length }, (_, i) => ids[i % seq]);
  return { batch: 1, seq: length, ids: row, mask: new Int32Array(length).fill(1), typeIds: new Int32Array(length) };
}

const megabytes = () => process.memoryUsage.rss();

/**
 * Loads a model, runs the fixed inputs, times rows of the lengths asked for, and prints the answer as one line.
 * `load` gives a function from inputs to { data, shape }.
 */
async function serve(name, version, load) {
  const { dir, lengths = [], runs = 0 } = request, fixed = reference(dir), baseBytes = megabytes(), start = performance.now();
  const run = await load(request);
  const loadMs = performance.now() - start, first = await run(fixed), latency = {};
  for (const length of lengths) {
    const inputs = timed(fixed, length), times = [];
    for (let i = 0; i < 3; i++) await run(inputs);
    for (let i = 0; i < runs; i++) {
      const began = performance.now();
      await run(inputs);
      times.push(performance.now() - began);
    }
    latency[length] = times;
  }
  const logits = [...selected(first.data, first.shape, fixed)];
  console.log(JSON.stringify({ runtime: name, version, logits, loadMs, latency, baseBytes, peakBytes: process.resourceUsage().maxRSS * 1024 }));
}

module.exports = { request, runtimes, packageFolder, versionOf, reference, serve };
