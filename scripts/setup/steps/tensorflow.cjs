'use strict';
// TensorFlow's C libraries and headers, out of its Python wheel. The npm package would fetch a TensorFlow of 2022 and a
// binding compiled for CUDA 11; the wheel is current, and pip checks it against the hash in python/tensorflow-*.txt.
const fs = require('node:fs');
const path = require('node:path');
const paths = require('../paths.cjs');
const { hashOf, readJson, writeWhole, stampHolds } = require('../stamp.cjs');
const { run, quietEnvironment, reasonIn } = require('../command.cjs');
const { StepFailed, Unavailable, remedyFor } = require('../failure.cjs');
const { megabytes } = require('../terminal.cjs');

const VERSION = '2.21.0';
const KINDS = {
  cpu: { download: 274_000_871, disk: 855e6, what: 'for the CPU' },
  gpu: { download: 3_379_253_592, disk: 5.7e9, what: 'for CUDA 12 GPUs, with NVIDIA\'s libraries' },
};
const DOWNLOADING = 0.7; // the share of the step's time
const remembered = path.join(paths.state, 'tensorflow.json');
const TAGS = [28, 27, 25, 17].map((minor) => `manylinux_2_${minor}_x86_64`).concat('manylinux2014_x86_64', 'manylinux2010_x86_64', 'manylinux1_x86_64');

/** `cpu`, `gpu` or `none`: what ZSAQ_TENSORFLOW says, else what it said last time, else `cpu`. */
function kind() {
  const asked = process.env.ZSAQ_TENSORFLOW || readJson(remembered)?.kind || 'cpu';
  if (asked !== 'none' && !KINDS[asked]) throw new StepFailed(`ZSAQ_TENSORFLOW=${asked} is none of cpu, gpu, none`, 'correct or unset it, then run the same command again');
  return asked;
}

const requirements = (which) => path.join(__dirname, '..', 'python', `tensorflow-${which}.txt`);
const folderOf = (which) => path.join(paths.cache, `tensorflow-${which}-${VERSION}`);
const stampOf = (which) => path.join(folderOf(which), 'zsaq.json');
const inputs = (which) => hashOf({ file: requirements(which) });

/** Why this machine cannot run the wheel's libraries, if it cannot. */
function unsuitable(platform = process.platform, arch = process.arch, header = process.report.getReport().header) {
  if (platform !== 'linux' || arch !== 'x64') return `TensorFlow's libraries are taken for Linux on x86-64, and this is ${platform} on ${arch}`;
  const [major, minor] = (header.glibcVersionRuntime ?? '0.0').split('.').map(Number);
  if (major < 2 || (major === 2 && minor < 27)) return `TensorFlow's libraries need glibc 2.27 or later${major ? `, and this is ${header.glibcVersionRuntime}` : ''}`;
  return undefined;
}

/** Bytes of the files below a folder in which another process works: what it removes meanwhile counts as nothing. */
function bytesUnder(folder) {
  let entries;
  try {
    entries = fs.readdirSync(folder, { withFileTypes: true });
  } catch {
    return 0;
  }
  return entries.reduce((sum, entry) => {
    const file = path.join(folder, entry.name);
    return sum + (entry.isDirectory() ? bytesUnder(file) : fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0);
  }, 0);
}

module.exports = {
  id: 'tensorflow',
  title: `TensorFlow ${VERSION} libraries`,
  needs: ['python', 'compiler'],
  size: () => { const k = KINDS[kind()]; return `${k.what}, ${megabytes(k.download)} to download, ${megabytes(k.disk)} on disk`; },
  get space() { const k = KINDS[kind()]; return k.download + k.disk; },
  VERSION, kind, folderOf, unsuitable, bytesUnder,

  check() {
    const which = kind();
    if (process.env.ZSAQ_TENSORFLOW) remember(which);
    if (which === 'none') throw new Unavailable('ZSAQ_TENSORFLOW=none leaves it out', 'ZSAQ_TENSORFLOW=cpu (or gpu) fetches it');
    const reason = unsuitable();
    if (reason) throw new Unavailable(reason, 'nothing is needed: the wasm backend works everywhere');
    return stampHolds(stampOf(which), inputs(which));
  },

  async run({ progress, lock }) {
    const which = kind();
    const { download } = KINDS[which];
    const folder = folderOf(which);
    fs.rmSync(folder, { recursive: true, force: true });
    const wheels = path.join(paths.temporary, 'wheels'), unpacked = path.join(paths.temporary, 'tensorflow');
    for (const made of [wheels, unpacked]) { fs.rmSync(made, { recursive: true, force: true }); fs.mkdirSync(made, { recursive: true }); }
    const fail = (doing, lines) => { throw new StepFailed(`${doing} ended with: ${reasonIn(lines)}`, `${remedyFor(lines.join('\n'), 'check the network')} (or go on without it: ZSAQ_TENSORFLOW=none, about 30 times slower)`); };

    // pip writes into TMPDIR while it downloads, so the size of that folder is the progress; any Python can fetch the 3.12 wheel
    const args = ['-m', 'pip', 'download', '--progress-bar', 'off', '--no-deps', '--require-hashes', '--only-binary=:all:', '--implementation', 'cp',
      '--python-version', '3.12', '--abi', 'cp312', '--abi', 'none', ...TAGS.flatMap((tag) => ['--platform', tag]), '-d', wheels, '-r', requirements(which)];
    const fetched = await run(paths.python, args, {
      cwd: paths.root, lock, env: quietEnvironment({ TMPDIR: wheels }),
      poll: () => { const have = bytesUnder(wheels); progress(DOWNLOADING * Math.min(1, have / download), `${megabytes(Math.min(have, download))} of ${megabytes(download)}`); },
    });
    if (fetched.code !== 0) fail('the download', fetched.lines);

    const taken = await run(paths.python, [path.join(__dirname, '..', 'python', 'unpack.py'), wheels, unpacked, inputs(which)], {
      cwd: paths.root, lock, onLine: (line) => progress(DOWNLOADING + (1 - DOWNLOADING) * Number(line), 'unpacking'),
    });
    if (taken.code !== 0) fail('unpacking', taken.lines);
    fs.mkdirSync(path.dirname(folder), { recursive: true });
    fs.renameSync(unpacked, folder); // the stamp is inside: the folder appears whole
  },
};

function remember(which) {
  if (readJson(remembered)?.kind !== which) writeWhole(remembered, JSON.stringify({ kind: which }) + '\n');
}
