'use strict';
// Preloaded into a process that is to suffer (`node --require`). It counts the operations on files below the given roots and
// at one of them kills the process, lets the operation fail as a disk would, or changes what lies on the disk. So every moment
// at which a kill makes a difference can be named by a number, and met again.
const fs = require('node:fs');
const path = require('node:path');

/** See `Fault` in suffer.ts. */
const fault = JSON.parse(process.env.ZSAQ_FAULT ?? '{}');
const roots = fault.roots ?? [], original = { ...fs }, open = new Map();
const MESSAGES = { ENOSPC: 'no space left on device', EIO: 'i/o error', EMFILE: 'too many open files', EACCES: 'permission denied', EROFS: 'read-only file system', EDQUOT: 'disk quota exceeded', EXDEV: 'cross-device link not permitted' };
const ERRNO = { ENOSPC: -28, EIO: -5, EMFILE: -24, EACCES: -13, EROFS: -30, EDQUOT: -122, EXDEV: -18 };
const suffers = !fault.script || (process.argv[1] ?? '').endsWith(fault.script);
let count = 0, turns = 0;

function die() {
  process.kill(process.pid, 'SIGKILL');
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000); // nothing may happen after it
}

function failure(name, file) {
  return Object.assign(new Error(`${fault.code}: ${MESSAGES[fault.code] ?? 'error'}, ${name} '${file}'`), { errno: ERRNO[fault.code] ?? -1, code: fault.code, syscall: name.replace('Sync', ''), path: file });
}

/** `half` does a part of the operation, where it has parts. */
function wrap(name, fileOf, half) {
  fs[name] = function (...args) {
    const file = fileOf(args);
    if (!suffers || file === undefined || !roots.some((root) => file === root || file.startsWith(root + path.sep)) || (fault.path && !file.includes(fault.path)) || (fault.ops ? !fault.ops.includes(name) : READS.has(name))) {
      return done(name, args, original[name].apply(fs, args));
    }
    count += 1;
    if (TURNS.has(name)) turns += 1;
    const now = fault.at !== undefined && (count === fault.at || (fault.from && count >= fault.at));
    if (now && fault.act === 'error') throw failure(name, file);
    if (now && fault.act === 'remove') original.rmSync(fault.target, { recursive: true, force: true });
    if (now && fault.act === 'truncate') original.truncateSync(file, Math.floor(original.statSync(file).size / 3));
    if (now && fault.act === 'kill' && fault.when === 'before') die();
    if (now && fault.act === 'kill' && fault.when === 'middle') { half?.(args); die(); }
    const result = done(name, args, original[name].apply(fs, args));
    if (now && fault.act === 'kill') die();
    return result;
  };
}

/** Remembers which file a descriptor belongs to. */
function done(name, args, result) {
  if (name === 'openSync') open.set(result, path.resolve(String(args[0])));
  if (name === 'closeSync') open.delete(args[0]);
  return result;
}

const TURNS = new Set(['fsyncSync', 'renameSync', 'rmSync', 'mkdirSync', 'linkSync', 'symlinkSync']);
const READS = new Set(['openSync', 'readSync', 'readFileSync', 'closeSync', 'statfsSync']);
const first = ([file]) => (typeof file === 'number' ? open.get(file) : path.resolve(String(file)));
const second = ([, file]) => path.resolve(String(file));
for (const name of ['openSync', 'closeSync', 'readSync', 'readFileSync', 'fsyncSync', 'ftruncateSync', 'rmSync', 'mkdirSync', 'renameSync']) wrap(name, first);
for (const name of ['symlinkSync', 'linkSync']) wrap(name, second);
wrap('copyFileSync', second, ([from, to]) => original.writeFileSync(to, original.readFileSync(from).subarray(0, 100)));
wrap('writeSync', first, ([fd, data, offset = 0, length]) => {
  if (typeof data === 'string') original.writeSync(fd, data.slice(0, data.length >> 1));
  else original.writeSync(fd, data, offset, (length ?? data.byteLength - offset) >> 1);
});
wrap('writeFileSync', first, ([file, data]) => original.writeFileSync(file, data.slice(0, data.length >> 1)));

if (fault.clock) { // set back once, after some looks at it
  const now = Date.now;
  let looks = 0;
  Date.now = () => now() + (++looks > fault.clock.after ? fault.clock.jump : 0);
}
if (fault.log && suffers) process.on('exit', () => original.appendFileSync(fault.log, `${count} ${turns}\n`));
