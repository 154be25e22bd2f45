// A copy of the set-up in a folder of its own, with stand-ins for npm, python3 and g++ that do in milliseconds, in many small
// steps, what the real ones do in minutes. So a set-up can be interrupted at hundreds of moments.
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

const PROJECT = path.resolve(__dirname, '..', '..');

const ENGINE = 'node_modules/@tensorflow/tfjs-node-gpu';
const LOCK = {
  name: 'copy', lockfileVersion: 3,
  packages: {
    '': { name: 'copy' },
    [ENGINE]: { version: '4.22.0', integrity: 'sha512-engine' },
    'node_modules/node-api-headers': { version: '1.9.0', integrity: 'sha512-headers' },
    'node_modules/tslab': { version: '1.0.22', integrity: 'sha512-tslab' },
    'node_modules/only-elsewhere': { version: '1.0.0', integrity: 'sha512-x', optional: true, os: ['plan9'] },
  },
};

/** Shared by the stand-ins: slow, traceable writing. */
const PRELUDE = `
const fs = require('node:fs'), path = require('node:path');
const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4);
const write = (file, text) => { fs.mkdirSync(path.dirname(file), { recursive: true }); pause(); fs.writeFileSync(file, text.slice(0, 2)); pause(); fs.writeFileSync(file, text); };
const args = process.argv.slice(2);
fs.appendFileSync(process.env.FAKE_CALLS, path.basename(process.argv[1]) + ' ' + args.join(' ') + '\\n');
if (process.env.FAKE_FAIL && (path.basename(process.argv[1]) + ' ' + args.join(' ')).includes(process.env.FAKE_FAIL)) { console.error(process.env.FAKE_SAYS); process.exit(1); }
`;

const FAKES: Record<string, string> = {
  npm: `
const lock = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'));
for (const name of fs.existsSync('node_modules') ? fs.readdirSync('node_modules') : []) { fs.rmSync(path.join('node_modules', name), { recursive: true, force: true }); pause(); }
const wanted = Object.entries(lock.packages).filter(([folder, e]) => folder && !e.optional);
for (const [folder, e] of wanted) write(path.join(folder, 'package.json'), JSON.stringify({ name: folder.slice(13), version: e.version, main: 'index.js' }));
write('${ENGINE}/index.js', "const ok = require('fs').existsSync(__dirname + '/lib/napi-v8/tfjs_binding.node'); module.exports = { getBackend: () => ok ? 'tensorflow' : 'none', tensor1d: (v) => ({ sum: () => ({ dataSync: () => [v[0] + v[1]] }) }) };");
for (const name of ['tfjs_backend.cc', 'tfjs_binding.cc']) write('${ENGINE}/binding/' + name, '// source of ' + name);
write('node_modules/.package-lock.json', JSON.stringify({ packages: Object.fromEntries(wanted) }));
`,
  python3: `
if (args[1] === '-c') { console.log('3.11'); process.exit(0); }
if (args[1] === 'venv') {
  const site = path.join(args[2], 'lib', 'python3.11', 'site-packages');
  write(path.join(site, 'pip', '__init__.py'), '# pip');
  fs.mkdirSync(path.join(args[2], 'bin'), { recursive: true });
  fs.copyFileSync(process.argv[1], path.join(args[2], 'bin', 'python'));
  fs.chmodSync(path.join(args[2], 'bin', 'python'), 0o755);
} else if (args[2] === 'download') {
  write(path.join(args[args.indexOf('-d') + 1], 'tensorflow.whl'), 'wheel');
} else if (args[2] === 'install') {
  const site = path.resolve(process.argv[1], '..', '..', 'lib', 'python3.11', 'site-packages');
  for (const name of args[args.length - 1].includes('renderer') ? ['plotly-7.1.0'] : ['jupyterlab-4.6.6', 'nbclient-0.11.0']) {
    if (fs.existsSync(path.join(site, name + '.dist-info', 'METADATA'))) continue; // as pip: it takes it for installed
    console.log('Collecting ' + name);
    write(path.join(site, name, '__init__.py'), '# ' + name);
    write(path.join(site, name + '.dist-info', 'METADATA'), 'Name: ' + name);
    write(path.join(site, name + '.dist-info', 'RECORD'), name);
  }
} else if (args[0].endsWith('unpack.py')) {
  const [, wheels, folder, inputs] = args;
  if (!fs.existsSync(path.join(wheels, 'tensorflow.whl')) || fs.readFileSync(path.join(wheels, 'tensorflow.whl'), 'utf8') !== 'wheel') { console.error('error: bad wheel'); process.exit(1); }
  const sizes = {};
  for (const name of ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2', 'tensorflow/include/tensorflow/c/c_api.h']) {
    write(path.join(folder, name), 'content of ' + name);
    sizes[name] = ('content of ' + name).length;
  }
  fs.rmSync(wheels, { recursive: true });
  write(path.join(folder, 'zsaq.json'), JSON.stringify({ inputs, sizes }));
}
`,
  'g++': `
if (args[0] === '--version') process.exit(0);
write(args[args.indexOf('-o') + 1], 'compiled ' + args.filter((a) => a.endsWith('.cc')).map((a) => path.basename(a)).join(' '));
`,
};

/** A project folder with nothing but the set-up in it. */
export class Copy {
  readonly root = fs.mkdtempSync(path.join(os.tmpdir(), 'zsaq-setup-'));
  readonly tools = path.join(this.root, 'tools');
  private readonly calls = path.join(this.root, 'calls');

  constructor() {
    fs.cpSync(path.join(PROJECT, 'scripts', 'setup'), path.join(this.root, 'scripts', 'setup'), { recursive: true });
    fs.cpSync(path.join(PROJECT, 'src', 'core', 'native'), path.join(this.root, 'src', 'core', 'native'), { recursive: true });
    fs.writeFileSync(path.join(this.root, 'scripts', 'zsaq.cjs'), '#!/usr/bin/env node\n');
    fs.writeFileSync(path.join(this.root, 'package-lock.json'), JSON.stringify(LOCK));
    fs.mkdirSync(this.tools);
    fs.writeFileSync(this.calls, '');
    for (const [name, body] of Object.entries(FAKES)) this.tool(name, body);
  }

  private tool(name: string, body: string): void {
    fs.writeFileSync(path.join(this.tools, name), `#!${process.execPath}\n${PRELUDE}${body}`, { mode: 0o755 });
  }

  remove(name: string): void { fs.rmSync(path.join(this.tools, name)); }
  restore(name: string): void { this.tool(name, FAKES[name]); }
  file(...parts: string[]): string { return path.join(this.root, ...parts); }
  dispose(): void { fs.rmSync(this.root, { recursive: true, force: true }); }

  private env(extra: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return { PATH: this.tools, HOME: this.root, FAKE_CALLS: this.calls, ...extra };
  }

  /** Runs the set-up to its end. */
  run(extra: NodeJS.ProcessEnv = {}): { code: number | null; said: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [this.file('scripts', 'setup', 'index.cjs')], { env: this.env(extra), encoding: 'utf8', timeout: 60_000 });
    return { code: status, said: stdout + stderr };
  }

  /** Runs the set-up and sends it a signal after some milliseconds, unless it ends before. */
  async interrupt(ms: number, signal: NodeJS.Signals): Promise<number | null> {
    const child = spawn(process.execPath, [this.file('scripts', 'setup', 'index.cjs')], { env: this.env({}), stdio: 'ignore' });
    const timer = setTimeout(() => child.kill(signal), ms);
    return new Promise((resolve) => child.on('close', (code) => { clearTimeout(timer); resolve(code); }));
  }

  /** The commands that were called since the last time. */
  takeCalls(): string[] {
    const lines = fs.readFileSync(this.calls, 'utf8').trim().split('\n').filter(Boolean);
    fs.writeFileSync(this.calls, '');
    return lines;
  }

  /** What the set-up made: path -> content or link target, without times and process numbers. */
  made(): Record<string, string> {
    const all: Record<string, string> = {};
    const walk = (folder: string) => {
      for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
        const file = path.join(folder, entry.name), name = path.relative(this.root, file);
        if (entry.isSymbolicLink()) all[name] = `-> ${fs.readlinkSync(file)}`;
        else if (entry.isDirectory()) walk(file);
        else all[name] = fs.readFileSync(file, 'utf8').replaceAll(this.root, '');
      }
    };
    for (const name of ['node_modules', '.venv', '.cache']) if (fs.existsSync(this.file(name))) walk(this.file(name));
    return all;
  }
}
