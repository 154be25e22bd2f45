import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Stream } from '../../src/core/random';
import { Copy } from './fakes';

const setup = path.resolve(__dirname, '..', '..', 'scripts', 'setup');
const { runSteps } = require(path.join(setup, 'runner.cjs'));
const { Lock, beganAt } = require(path.join(setup, 'lock.cjs'));
const { Terminal } = require(path.join(setup, 'terminal.cjs'));
const { StepFailed, Unavailable, remedyFor } = require(path.join(setup, 'failure.cjs'));
const { writeStamp, stampHolds, hashOf } = require(path.join(setup, 'stamp.cjs'));
const { reasonIn } = require(path.join(setup, 'command.cjs'));
const { supported } = require(path.join(setup, 'steps', 'node.cjs'));
const { unsuitable, bytesUnder } = require(path.join(setup, 'steps', 'tensorflow.cjs'));

const temporary = () => fs.mkdtempSync(path.join(os.tmpdir(), 'zsaq-'));

/** A terminal that keeps what it is told, with a clock that stands still. */
function recorder() {
  const said: string[] = [];
  let time = 0;
  const terminal = new Terminal({ write: (text: string) => said.push(text), isTTY: false }, () => time);
  return { terminal, said: () => said.join(''), tick: (ms: number) => { time += ms; } };
}

interface FakeStep { id: string; done?: boolean; needs?: string[]; space?: number; fails?: Error; unable?: Error; lies?: boolean }

function steps(...list: FakeStep[]) {
  const ran: string[] = [];
  const made = list.map((s) => ({
    id: s.id, title: `Step ${s.id}`, needs: s.needs, space: s.space, size: () => '1 MB',
    check() { if (s.unable) throw s.unable; return Boolean(s.done); },
    async run() { ran.push(s.id); if (s.fails) throw s.fails; s.done = !s.lies; },
  }));
  return { made, ran };
}

const lock = { take: async () => undefined };

describe('set-up: progress of a download', () => {
  it('counts what is there, and nothing of a folder that pip removes while it is read', () => {
    const folder = temporary(), inner = path.join(folder, 'pip'), read = fs.readdirSync, real = require('node:fs') as typeof fs;
    fs.mkdirSync(inner);
    fs.writeFileSync(path.join(folder, 'a'), 'four');
    fs.writeFileSync(path.join(inner, 'b'), 'seven..');
    assert.equal(bytesUnder(folder), 11);
    real.readdirSync = ((...args: Parameters<typeof read>) => { const found = read(...args); real.readdirSync = read; fs.rmSync(inner, { recursive: true, force: true }); return found; }) as typeof read;
    try { assert.equal(bytesUnder(folder), 4); } finally { real.readdirSync = read; }
    fs.rmSync(folder, { recursive: true });
  });
});

describe('set-up: steps', () => {
  it('runs what is not done, in order, and says it', async () => {
    const { terminal, said } = recorder();
    const { made, ran } = steps({ id: 'a', done: true }, { id: 'b' }, { id: 'c' });
    assert.deepEqual(await runSteps(made, { terminal, lock }), { ok: true, worked: true, unavailable: [] });
    assert.deepEqual(ran, ['b', 'c']);
    assert.equal(said(), '[2/3] Step b: 1 MB\n      done (0.0 s)\n[3/3] Step c: 1 MB\n      done (0.0 s)\n');
  });

  it('says nothing and takes no lock when all is done', async () => {
    const { terminal, said } = recorder();
    const { made } = steps({ id: 'a', done: true }, { id: 'b', done: true });
    const refuses = { take: async () => { throw new Error('taken'); } };
    assert.deepEqual(await runSteps(made, { terminal, lock: refuses }), { ok: true, worked: false, unavailable: [] });
    assert.equal(said(), '');
  });

  it('stops at a failed step and names step, cause and remedy', async () => {
    const { terminal, said } = recorder();
    const { made, ran } = steps({ id: 'a', fails: new StepFailed('the disk is full', 'free some') }, { id: 'b' });
    assert.equal((await runSteps(made, { terminal, lock })).ok, false);
    assert.deepEqual(ran, ['a']);
    assert.equal(said(), '[1/2] Step a: 1 MB\n[1/2] Step a: FAILED\n  Cause:  the disk is full\n  Remedy: free some\n');
  });

  it('goes on past what this machine cannot have, without what needs it', async () => {
    const { terminal, said } = recorder();
    const { made, ran } = steps({ id: 'compiler', unable: new Unavailable('there is no compiler', 'install one') }, { id: 'tensorflow', needs: ['compiler'] }, { id: 'binding', needs: ['tensorflow'] }, { id: 'z' });
    const result = await runSteps(made, { terminal, lock });
    assert.equal(result.ok, true);
    assert.deepEqual(result.unavailable.map((u: { id: string }) => u.id), ['compiler', 'tensorflow', 'binding']);
    assert.deepEqual(ran, ['z']);
    assert.match(said(), /Not available: Step compiler: there is no compiler\.\n  To have it: install one\.\n  Without native TensorFlow zsaq runs on its wasm backend/);
  });

  it('fails when a step made nothing, and when the disk is too small', async () => {
    const first = recorder();
    assert.equal((await runSteps(steps({ id: 'a', lies: true }).made, { terminal: first.terminal, lock })).ok, false);
    assert.match(first.said(), /Cause:  the step ended, but what it makes is not there/);
    const second = recorder();
    const { made, ran } = steps({ id: 'a', space: 5e9 });
    assert.equal((await runSteps(made, { terminal: second.terminal, lock, free: () => 1e9 })).ok, false);
    assert.match(second.said(), /Cause:  5000 MB of disk space are needed, and 1000 MB are free/);
    assert.deepEqual(ran, []);
  });
});

describe('set-up: parts', () => {
  it('knows the Node versions of the engine', () => {
    const versions = { 'v18.20.0': false, 'v20.18.9': false, 'v20.19.0': true, 'v20.20.2': true, 'v21.0.0': true, 'v22.12.0': true, 'v23.0.0': false, 'v24.1.0': false };
    for (const [version, expected] of Object.entries(versions)) assert.equal(supported(version), expected, version);
  });

  it('knows where the libraries run', () => {
    assert.equal(unsuitable('linux', 'x64', { glibcVersionRuntime: '2.36' }), undefined);
    assert.match(unsuitable('linux', 'x64', { glibcVersionRuntime: '2.17' }), /need glibc 2\.27 or later, and this is 2\.17/);
    assert.match(unsuitable('linux', 'x64', {}), /need glibc 2\.27 or later/);
    assert.match(unsuitable('darwin', 'arm64', {}), /this is darwin on arm64/);
  });

  it('finds a remedy in what a command said', () => {
    assert.equal(remedyFor('npm error code ENOTFOUND', 'x'), 'check the network connection and its proxy settings, then run the same command again');
    assert.equal(remedyFor('OSError: [Errno 28] No space left on device', 'x'), 'free some disk space, then run the same command again');
    assert.match(remedyFor('THESE PACKAGES DO NOT MATCH THE HASHES: hash mismatch', 'x'), /not the file that this project names/);
    assert.equal(remedyFor('strange', 'look closer'), 'look closer, then run the same command again');
    assert.equal(reasonIn(['ok', 'ERROR: no such thing', 'ERROR: Could not find it', 'bye']), 'no such thing; Could not find it');
  });

  it('trusts a stamp only for the same inputs and files of the same size', () => {
    const folder = temporary();
    const stamp = path.join(folder, 'stamp.json'), file = path.join(folder, 'made');
    fs.writeFileSync(file, '12345');
    const inputs = hashOf('a', { file });
    assert.equal(stampHolds(stamp, inputs), false);
    writeStamp(stamp, inputs, ['made']);
    assert.equal(stampHolds(stamp, inputs), true);
    assert.equal(stampHolds(stamp, hashOf('b', { file })), false);
    fs.writeFileSync(file, '1234');
    assert.equal(stampHolds(stamp, inputs), false, 'a truncated file');
    fs.rmSync(file);
    assert.equal(stampHolds(stamp, inputs), false, 'a missing file');
    for (const damage of ['', '{"inputs":', 'null', '{"inputs":"x"}', `{"inputs":"${inputs}"}`]) {
      fs.writeFileSync(stamp, damage);
      assert.equal(stampHolds(stamp, inputs), false, damage);
    }
    fs.rmSync(folder, { recursive: true });
  });

  it('draws a bar on a terminal and few lines in a log', () => {
    const said: string[] = [];
    let time = 0;
    const before = process.env.CI;
    delete process.env.CI;
    const live = new Terminal({ write: (text: string) => said.push(text), isTTY: true, columns: 80 }, () => time);
    if (before !== undefined) process.env.CI = before;
    live.begin('[1/2] Libraries', '10 MB');
    time = 4000;
    live.progress(0.25, '25 of 100 MB');
    live.end('done');
    assert.deepEqual(said, [
      '\r\x1b[K[1/2] Libraries: 10 MB', '\r\x1b[K[1/2] Libraries █████░░░░░░░░░░░░░░░  25% 25 of 100 MB, about 12.0 s left', '\r\x1b[K', '[1/2] Libraries: done (4.0 s)\n',
    ]);
    const log = recorder();
    log.terminal.begin('[1/2] Libraries', '10 MB');
    for (let i = 0; i < 25; i++) { log.tick(1000); log.terminal.progress(i / 25, 'x'); }
    assert.equal(log.said().split('\n').length, 4, 'one line to begin with and one each ten seconds');
  });
});

describe('set-up: lock', () => {
  it('makes a second set-up wait, and is given back', async () => {
    const file = path.join(temporary(), 'lock');
    const first = new Lock(file), second = new Lock(file);
    await first.take();
    let told = 0, has = false;
    const waiting = second.take(() => { told += 1; }).then(() => { has = true; });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual([told, has], [1, false]);
    await first.release();
    await waiting;
    assert.equal(has, true);
    await second.release();
    assert.equal(fs.existsSync(file), false);
  });

  it('is taken from a dead owner, whose commands are ended first', async function () {
    if (process.platform !== 'linux') { console.log('      skipped: needs /proc'); this.skip(); }
    const file = path.join(temporary(), 'lock');
    const left = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    const ended = new Promise((resolve) => left.on('close', (_, signal) => resolve(signal)));
    const script = `const { Lock, beganAt } = require(${JSON.stringify(path.join(setup, 'lock.cjs'))}); const lock = new Lock(${JSON.stringify(file)}); lock.take().then(() => { lock.add(${left.pid}); process.kill(process.pid, 'SIGKILL'); });`;
    await new Promise((resolve) => spawn(process.execPath, ['-e', script], { stdio: 'inherit' }).on('close', resolve));
    assert.equal(fs.existsSync(file), true);
    const next = new Lock(file);
    await next.take(() => assert.fail('waits for a dead one'));
    assert.equal(await ended, 'SIGKILL');
    await next.release();
  });

  it('sweeps up after a set-up that was killed while it cleared a dead one: its commands end, its file goes', async function () {
    if (process.platform !== 'linux') { console.log('      skipped: needs /proc'); this.skip(); }
    const file = path.join(temporary(), 'lock'), gone = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => gone.on('close', resolve));
    const left = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    const ended = new Promise((resolve) => left.on('close', (_, signal) => resolve(signal)));
    fs.writeFileSync(`${file}.stale-${gone.pid}`, JSON.stringify({ pid: gone.pid, began: '1', children: [{ pid: left.pid, began: beganAt(left.pid) }] }));
    fs.writeFileSync(`${file}.${gone.pid}`, '');
    fs.writeFileSync(`${file}.stale-${process.ppid}`, '{}'); // of a living process: not ours to touch
    const next = new Lock(file);
    await next.take();
    assert.equal(await ended, 'SIGKILL');
    assert.deepEqual(fs.readdirSync(path.dirname(file)).sort(), ['lock', `lock.stale-${process.ppid}`]);
    await next.release();
  });

  it('is taken when its file is damaged', async () => {
    const file = path.join(temporary(), 'lock');
    fs.writeFileSync(file, '{"pid":');
    const next = new Lock(file);
    await next.take();
    await next.release();
  });
});

describe('set-up: as a whole, with stand-ins for npm, python3 and g++', function () {
  this.timeout(300_000);
  let copy: Copy;
  before(function () {
    if (unsuitable()) { console.log(`      skipped: ${unsuitable()}`); this.skip(); }
  });
  beforeEach(() => { copy = new Copy(); });
  afterEach(() => copy?.dispose());

  it('makes everything once, inside the folder, and nothing the second time', () => {
    const first = copy.run();
    assert.equal(first.code, 0, first.said);
    for (const title of ['npm packages', 'Python environment', 'TensorFlow 2.21.0 libraries', 'TensorFlow binding for Node', 'JupyterLab', 'Command zsaq']) assert.match(first.said, new RegExp(`\\] ${title}: .+\\n(.+\\n)*? +done`), title);
    assert.match(first.said, /for the CPU, 274 MB to download, 855 MB on disk/);
    const made = copy.made();
    assert.equal(made['node_modules/.bin/zsaq'], '-> ../../scripts/zsaq.cjs');
    assert.equal(made['node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tensorflow.so'], 'compiled tfjs_backend.cc tfjs_binding.cc kernels.cc');
    assert.equal(made['node_modules/@tensorflow/tfjs-node-gpu/deps/lib/libtensorflow_cc.so.2'], '-> ../../../../../.cache/tensorflow-cpu-2.21.0/tensorflow/libtensorflow_cc.so.2');
    assert.ok(!Object.keys(made).some((name) => /temporary|\.part|lock$/.test(name) && !name.includes('package-lock')), 'nothing temporary is left');
    assert.deepEqual(fs.readdirSync(copy.root).sort(), ['.cache', '.venv', 'calls', 'node_modules', 'package-lock.json', 'scripts', 'src', 'tools']);
    const download = copy.takeCalls().find((call) => call.includes('pip download'));
    for (const part of ['--require-hashes', '--only-binary=:all:', '--python-version 3.12', '--no-deps']) assert.ok(download?.includes(part), part);

    const second = copy.run();
    assert.deepEqual([second.code, second.said], [0, 'Set-up: everything is in place.\n']);
    assert.deepEqual(copy.takeCalls().filter((call) => !/ -c /.test(call)), []);
    assert.deepEqual(copy.made(), made);

    const gone = spawnSync(process.execPath, ['-e', '']); // a set-up that was killed after its last step, before it gave the lock back
    fs.writeFileSync(path.join(copy.root, '.cache', 'setup', 'lock'), `${JSON.stringify({ pid: gone.pid, began: '1', children: [] })}\n`);
    assert.deepEqual([copy.run().code, copy.made()], [0, made]);
  });

  it('mends itself after being killed at any moment', async () => {
    const whole = new Copy();
    const began = Date.now();
    assert.equal(whole.run().code, 0);
    const full = Date.now() - began;
    const expected = whole.made();
    whole.dispose();
    const random = new Stream('kills', 3);
    for (let i = 0; i < 14; i++) await copy.interrupt(random.int(Math.ceil(full * 0.8)), i % 3 === 0 ? 'SIGINT' : 'SIGKILL');
    const last = copy.run();
    assert.equal(last.code, 0, last.said);
    assert.deepEqual(copy.made(), expected);
  });

  it('runs one set-up at a time', async () => {
    const codes = await Promise.all([copy.interrupt(60_000, 'SIGKILL'), copy.interrupt(60_000, 'SIGKILL'), copy.interrupt(60_000, 'SIGKILL')]);
    assert.deepEqual(codes, [0, 0, 0]);
    const calls = copy.takeCalls();
    assert.equal(calls.filter((call) => call.startsWith('npm ci')).length, 1);
    assert.equal(calls.filter((call) => call.includes('pip download')).length, 1);
  });

  it('goes on without a compiler, fetching nothing that needs one, and makes up for it later', () => {
    copy.remove('g++');
    const without = copy.run();
    assert.equal(without.code, 0, without.said);
    assert.match(without.said, /Not available: C\+\+ compiler: there is no C\+\+ compiler on this machine\.\n  To have it: install one \(Debian and Ubuntu: `apt-get install g\+\+`\)/);
    assert.match(without.said, /runs on its wasm backend/);
    assert.ok(!copy.takeCalls().some((call) => call.includes('pip download')));
    copy.restore('g++');
    assert.equal(copy.run().code, 0);
    assert.ok(copy.made()['node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node']);
  });

  it('goes on without Python and says what is missing then', () => {
    copy.remove('python3');
    const { code, said } = copy.run();
    assert.equal(code, 0, said);
    assert.match(said, /Not available: Python environment: there is no Python on this machine/);
    assert.match(said, /the notebooks cannot be opened or run here/);
    assert.equal(copy.made()['node_modules/.bin/zsaq'], '-> ../../scripts/zsaq.cjs');
  });

  it('names step, cause and remedy when a command fails, and continues there the next time', () => {
    const failures = [
      { FAKE_FAIL: 'npm ci', FAKE_SAYS: 'npm error code ENOTFOUND\nnpm error request failed', step: /\[2\/8\] npm packages: FAILED\n  Cause:  npm ci ended with: .*ENOTFOUND.*\n  Remedy: check the network/ },
      { FAKE_FAIL: 'pip download', FAKE_SAYS: 'ERROR: Read timed out.', step: /\[5\/8\] TensorFlow 2\.21\.0 libraries: FAILED\n  Cause:  the download ended with: Read timed out\.\n  Remedy: check the network .*ZSAQ_TENSORFLOW=none/ },
      { FAKE_FAIL: 'loader.cc', FAKE_SAYS: 'loader.cc:1: fatal error: no such file', step: /\[6\/8\] TensorFlow binding for Node: FAILED\n  Cause:  the compiler ended with: .*fatal error/ },
      { FAKE_FAIL: 'pip install', FAKE_SAYS: 'OSError: [Errno 28] No space left on device', step: /\[7\/8\] JupyterLab: FAILED\n  Cause:  pip install ended with: .*\n  Remedy: free some disk space/ },
    ];
    for (const { step, ...env } of failures) {
      const { code, said } = copy.run(env);
      assert.equal(code, 1, said);
      assert.match(said, step);
      assert.ok(!/^\s+at /m.test(said), 'no stack trace');
    }
    copy.takeCalls();
    assert.equal(copy.run().code, 0);
    assert.ok(!copy.takeCalls().some((call) => /npm ci|pip download/.test(call)), 'what was done is not done again');
  });

  it('redoes what was damaged, and only that', () => {
    assert.equal(copy.run().code, 0);
    const expected = copy.made();
    const again = (damage: () => void, only: RegExp) => {
      damage();
      copy.takeCalls();
      const { code, said } = copy.run();
      assert.equal(code, 0, said);
      const calls = copy.takeCalls().filter((call) => !/ -c |--version/.test(call));
      assert.ok(calls.length > 0 && calls.every((call) => only.test(call)), `${only}: ${calls.join(' | ')}`);
      assert.deepEqual(copy.made(), expected);
    };
    again(() => fs.truncateSync(copy.file('.cache/tensorflow-cpu-2.21.0/tensorflow/libtensorflow_cc.so.2'), 3), /pip download|unpack\.py|g\+\+/);
    again(() => fs.writeFileSync(copy.file('.venv/zsaq-notebooks.json'), '{'), /pip install/);
    again(() => [fs.rmSync(copy.file('.venv/zsaq-notebooks.json')), fs.truncateSync(copy.file('.venv/lib/python3.11/site-packages/jupyterlab-4.6.6.dist-info/RECORD'), 2)], /pip install/); // as a kill in pip leaves it
    again(() => fs.rmSync(copy.file('node_modules/tslab'), { recursive: true }), /npm ci/);
    again(() => fs.rmSync(copy.file('.venv/lib/python3.11/site-packages/pip'), { recursive: true }), /venv|pip install/);
    fs.rmSync(copy.file('node_modules/.bin/zsaq'));
    fs.writeFileSync(copy.file('node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tensorflow.so'), 'x');
    assert.equal(copy.run().code, 0);
    assert.deepEqual(copy.made(), expected, 'links and copies are renewed without any command');
  });

  it('remembers the choice of libraries and refuses an unknown one', () => {
    const none = copy.run({ ZSAQ_TENSORFLOW: 'none' });
    assert.equal(none.code, 0);
    assert.match(none.said, /ZSAQ_TENSORFLOW=none leaves it out/);
    assert.match(copy.run().said, /ZSAQ_TENSORFLOW=none leaves it out/, 'as chosen before');
    const wrong = copy.run({ ZSAQ_TENSORFLOW: 'tpu' });
    assert.equal(wrong.code, 1);
    assert.match(wrong.said, /Cause:  ZSAQ_TENSORFLOW=tpu is none of cpu, gpu, none/);
    const gpu = copy.run({ ZSAQ_TENSORFLOW: 'gpu' });
    assert.equal(gpu.code, 0, gpu.said);
    assert.match(gpu.said, /for CUDA 12 GPUs, with NVIDIA's libraries, 3379 MB to download/);
    assert.match(copy.made()['node_modules/@tensorflow/tfjs-node-gpu/deps/lib/libtensorflow_cc.so.2'], /tensorflow-gpu-2\.21\.0/);
  });
});
