'use strict';
// The bridge between Node and TensorFlow's libraries: the sources in the npm package, compiled against the wheel's headers.
const fs = require('node:fs');
const path = require('node:path');
const paths = require('../paths.cjs');
const tensorflow = require('./tensorflow.cjs');
const { findCompiler } = require('./compiler.cjs');
const { hashOf, readJson, writeWhole } = require('../stamp.cjs');
const { run, reasonIn } = require('../command.cjs');
const { StepFailed, Unavailable, remedyFor } = require('../failure.cjs');

const SOURCES = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => path.join(paths.engine, 'binding', name));
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
const FLAGS = ['-O2', '-w', '-std=c++17', '-fPIC', '-shared', '-DNAPI_VERSION=8'];
const deps = path.join(paths.engine, 'deps');
const checked = path.join(paths.state, 'binding.json');

/** What the compiled file depends on. */
const inputs = () => hashOf(tensorflow.VERSION, process.arch, FLAGS.join(' '), { file: __filename }, ...SOURCES.map((file) => ({ file })));

/** Links that the compiled file needs beside it: link -> what it points to. */
function links(folder) {
  const all = { [path.join(deps, 'include')]: path.join(folder, 'tensorflow', 'include') };
  for (const name of LIBRARIES) all[path.join(deps, 'lib', name)] = path.join(folder, 'tensorflow', name);
  const nvidia = path.join(folder, 'nvidia'); // the GPU libraries look for $ORIGIN/../nvidia/X/lib
  if (fs.existsSync(nvidia)) all[path.join(deps, 'nvidia')] = nvidia;
  return all;
}

const isLink = ([link, target]) => {
  try { return fs.readlinkSync(link) === path.relative(path.dirname(link), target); } catch { return false; }
};

function relink([link, target]) {
  fs.mkdirSync(path.dirname(link), { recursive: true });
  fs.rmSync(link, { force: true, recursive: true });
  fs.symlinkSync(path.relative(path.dirname(link), target), link);
}

async function compile(folder, file, lock) {
  const made = path.join(paths.temporary, 'tfjs_binding.node');
  fs.mkdirSync(paths.temporary, { recursive: true });
  const include = path.join(paths.modules, 'node-api-headers', 'include');
  const args = [...FLAGS, `-I${include}`, `-I${paths.engine}`, `-I${path.join(folder, 'tensorflow', 'include')}`, ...SOURCES, `-L${path.join(folder, 'tensorflow')}`,
    ...LIBRARIES.map((name) => `-l:${name}`), '-Wl,-rpath,$ORIGIN/../../deps/lib', '-o', made];
  const { code, lines } = await run(findCompiler(), args, { cwd: paths.engine, lock });
  if (code !== 0) throw new StepFailed(`the compiler ended with: ${reasonIn(lines)}`, remedyFor(lines.join('\n'), 'install g++ 9 or later, or go on without the binding with ZSAQ_TENSORFLOW=none'));
  fs.renameSync(made, file);
}

module.exports = {
  id: 'binding',
  title: 'TensorFlow binding for Node',
  needs: ['packages', 'tensorflow'],
  size: () => 'compiled here in about 10 s, 0.1 MB',
  space: 1e7,

  check() {
    const known = readJson(checked);
    const folder = tensorflow.folderOf(tensorflow.kind());
    return known !== undefined && known.inputs === inputs() && known.folder === path.basename(folder) && known.node === process.version
      && fs.statSync(paths.binding, { throwIfNoEntry: false })?.size === known.bytes && Object.entries(links(folder)).every(isLink);
  },

  async run({ progress, lock }) {
    const folder = tensorflow.folderOf(tensorflow.kind());
    const compiled = path.join(folder, `tfjs_binding-${inputs()}.node`);
    if (!fs.existsSync(compiled)) {
      progress(undefined, 'compiling');
      await compile(folder, compiled, lock);
    }
    Object.entries(links(folder)).forEach(relink);
    fs.mkdirSync(path.dirname(paths.binding), { recursive: true });
    const part = `${paths.binding}.${process.pid}.part`;
    fs.copyFileSync(compiled, part);
    fs.renameSync(part, paths.binding);

    progress(undefined, 'trying it');
    const program = "const tf = require('@tensorflow/tfjs-node-gpu'); if (tf.getBackend() !== 'tensorflow' || tf.tensor1d([1, 2]).sum().dataSync()[0] !== 3) process.exit(3);";
    const tried = await run(process.execPath, ['-e', program], { cwd: paths.root, lock, env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' } });
    if (tried.code !== 0) {
      fs.rmSync(paths.binding, { force: true }); // so that the library takes wasm instead of failing on it
      fs.rmSync(compiled, { force: true });
      throw new Unavailable(`TensorFlow's libraries do not start on this machine: ${reasonIn(tried.lines)}`, 'the processor may lack AVX; the wasm backend works without it');
    }
    writeWhole(checked, JSON.stringify({ inputs: inputs(), folder: path.basename(folder), node: process.version, bytes: fs.statSync(paths.binding).size }) + '\n');
  },
};
