'use strict';
// Opens the example page of a transformers.js export in headless Chromium, runs the fixed inputs and one text in it, and takes a picture if asked.
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { request, runtimes, packageFolder, reference } = require('./common.cjs');
const { selected } = require('../../src/export/reference.ts');

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.json': 'application/json', '.wasm': 'application/wasm' };
/** transformers.js and the WebAssembly of ONNX Runtime, which the page looks for beside itself. */
const RUNTIME = ['@huggingface/transformers', 'onnxruntime-web'].map((name) => path.join(packageFolder(name), 'dist'));

/** Serves the folder, and under runtime/ the packages of `npm run setup:export`; nothing outside of them. */
function serveFolder(dir) {
  const server = http.createServer((req, res) => {
    const wanted = path.normalize(decodeURIComponent(new URL(req.url, 'http://local').pathname)).replace(/^\/+/, '') || 'index.html';
    const places = wanted.startsWith('runtime/') ? RUNTIME.map((root) => path.join(root, wanted.slice('runtime/'.length))) : [path.join(dir, wanted)];
    const file = wanted.split(path.sep).includes('..') ? undefined : places.find((place) => fs.existsSync(place) && fs.statSync(place).isFile());
    if (!file) return res.writeHead(404).end();
    res.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream', 'content-length': fs.statSync(file).size });
    if (req.method === 'HEAD') return res.end();
    return fs.createReadStream(file).pipe(res);
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)));
}

async function main() {
  const { dir, chromium = '/usr/bin/chromium', picture, text, lengths = [], runs = 0 } = request, fixed = reference(dir);
  const server = await serveFolder(path.resolve(dir)), browser = await runtimes('playwright-core').chromium.launch({ executablePath: chromium, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage({ viewport: { width: 800, height: 640 } }), said = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('requestfailed', (failed) => said.push(`failed: ${failed.url()}`));
    page.on('response', (answer) => { if (answer.status() >= 400) said.push(`${answer.status()}: ${answer.url()}`); });
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    const inputs = { ids: [...fixed.ids], mask: [...fixed.mask], types: [...fixed.typeIds], batch: fixed.batch, seq: fixed.seq };
    const found = await page.evaluate(async ([given, words, sizes, times]) => {
      const { loadMs, logits, run, measure, version } = await window.zsaq, out = await logits(given), latency = sizes.length ? await measure(sizes, times) : {};
      const answer = await run(words ?? document.getElementById('text').value);
      return { loadMs, version, out, latency, answer };
    }, [inputs, text ?? null, lengths, runs]).catch((error) => { throw new Error(`${error.message}\n${said.join('\n')}`); });
    if (picture) await page.screenshot({ path: picture });
    console.log(JSON.stringify({
      runtime: `transformers.js in ${browser.browserType().name()} ${browser.version()} (wasm)`, version: found.version, logits: [...selected(found.out.data, found.out.shape, fixed)],
      loadMs: found.loadMs, latency: found.latency, answer: found.answer, baseBytes: null, peakBytes: null,
    }));
  } finally {
    await browser.close();
    server.close();
  }
}

main().catch((error) => { console.error(error); process.exitCode = 1; });
