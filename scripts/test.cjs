'use strict';
// `npm test`: sets up what is missing, runs mocha, and ends with one line, `N passed, N failed`. Arguments go to mocha.
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { setUp } = require('./setup/index.cjs');

/** The closing line for the marks that the reporter left: p, f and s, one for each test. */
function closingLine(marks, code) {
  const count = (mark) => marks.split(mark).length - 1;
  // a process that died, or a hook or file that failed outside any test, is a failure as well
  const failed = Math.max(count('f'), code === 0 ? 0 : 1);
  const skipped = count('s');
  return `${count('p')} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`;
}

async function main(args) {
  const { ok } = await setUp();
  if (!ok) { console.log(closingLine('', 1)); return 1; }
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'zsaq-test-'));
  const marks = path.join(folder, 'marks');
  fs.writeFileSync(marks, '');
  const root = path.resolve(__dirname, '..');
  const mocha = path.join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
  const named = args.some((arg) => /\.test\.ts$|^test(\/|$)/.test(arg));
  const child = spawn(process.execPath, [mocha, '--reporter', path.join(__dirname, 'reporter.cjs'), ...args, ...(named ? [] : ['test/**/*.test.ts'])],
    { cwd: root, stdio: 'inherit', env: { ...process.env, ZSAQ_TEST_MARKS: marks } });
  const forward = (signal) => process.on(signal, () => child.kill(signal));
  ['SIGINT', 'SIGTERM'].forEach(forward);
  const [code, signal] = await new Promise((resolve) => child.on('close', (...ended) => resolve(ended)));
  if (signal) console.log(`the test process was ended by ${signal}`);
  const status = code ?? 1;
  console.log(closingLine(fs.readFileSync(marks, 'utf8'), status));
  fs.rmSync(folder, { recursive: true, force: true });
  return status;
}

module.exports = { closingLine };

if (require.main === module) main(process.argv.slice(2)).then((status) => { process.exitCode = status; });
