'use strict';
// The bridge between Node and TensorFlow's libraries: the sources in the npm package, compiled against the wheel's headers, the project's own
// kernels (src/core/native) linked into them, and a loader (native/loader.cc) that keeps TensorFlow quiet while it starts.
const fs = require('node:fs');
const path = require('node:path');
const paths = require('../paths.cjs');
const tensorflow = require('./tensorflow.cjs');
const { findCompiler } = require('./compiler.cjs');
const { hashOf, readJson, writeWhole } = require('../stamp.cjs');
const { run, reasonIn } = require('../command.cjs');
const { StepFailed, Unavailable, remedyFor } = require('../failure.cjs');

const NATIVE = path.join(paths.root, 'src', 'core', 'native');
const SOURCES = [...['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => path.join(paths.engine, 'binding', name)), path.join(NATIVE, 'kernels.cc')];
const HEADERS = ['op.h', 'parallel.h'].map((name) => path.join(NATIVE, name));
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
// no contraction to fused products, so that results are the same on every processor; IS_SLIM_BUILD leaves out a header that is not among the C interface's
const FLAGS = ['-O3', '-ffp-contract=off', '-fno-math-errno', '-fno-trapping-math', '-w', '-std=c++17', '-fPIC', '-shared', '-pthread', '-DNAPI_VERSION=8', '-DIS_SLIM_BUILD', `-I${path.join(paths.modules, 'node-api-headers', 'include')}`];
const deps = path.join(paths.engine, 'deps');
const LOADER = path.join(__dirname, '..', 'native', 'loader.cc');
const MADE = ['tensorflow.so', 'tfjs_binding.node']; // in this order, so that the loader is never there alone
const checked = path.join(paths.state, 'binding.json');

/** What the compiled file depends on. */
const inputs = () => hashOf(tensorflow.VERSION, process.arch, { file: __filename }, { file: LOADER }, ...[...SOURCES, ...HEADERS].map((file) => ({ file })));

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

/** Compiles both files into `folder`, which appears whole. */
async function compile(tensorflowFolder, folder, lock) {
  const made = path.join(paths.temporary, 'binding');
  fs.rmSync(made, { recursive: true, force: true });
  fs.mkdirSync(made, { recursive: true });
  const compiler = findCompiler();
  const libraries = path.join(tensorflowFolder, 'tensorflow');
  const jobs = [
    [`-I${paths.engine}`, `-I${path.join(libraries, 'include')}`, ...SOURCES, `-L${libraries}`, ...LIBRARIES.map((name) => `-l:${name}`), '-Wl,-rpath,$ORIGIN/../../deps/lib'],
    [LOADER, '-ldl'],
  ];
  for (const [i, args] of jobs.entries()) {
    const { code, lines } = await run(compiler, [...FLAGS, ...args, '-o', path.join(made, MADE[i])], { cwd: paths.engine, lock });
    if (code !== 0) throw new StepFailed(`the compiler ended with: ${reasonIn(lines)}`, remedyFor(lines.join('\n'), 'install g++ 9 or later, or go on without the binding with ZSAQ_TENSORFLOW=none'));
  }
  fs.rmSync(folder, { recursive: true, force: true });
  fs.renameSync(made, folder);
}

const sizes = () => MADE.map((name) => fs.statSync(path.join(path.dirname(paths.binding), name), { throwIfNoEntry: false })?.size ?? -1).join();

module.exports = {
  id: 'binding',
  title: 'TensorFlow binding for Node',
  needs: ['packages', 'tensorflow'],
  size: () => 'compiled here in 10 s to a minute, 0.1 MB',
  space: 1e7,

  check() {
    const known = readJson(checked);
    const folder = tensorflow.folderOf(tensorflow.kind());
    return known !== undefined && known.inputs === inputs() && known.folder === path.basename(folder) && known.node === process.version
      && known.sizes === sizes() && Object.entries(links(folder)).every(isLink);
  },

  async run({ progress, lock }) {
    const folder = tensorflow.folderOf(tensorflow.kind());
    const compiled = path.join(paths.cache, `binding-${inputs()}`);
    if (!fs.existsSync(compiled)) {
      progress(undefined, 'compiling');
      await compile(folder, compiled, lock);
    }
    fs.rmSync(path.join(deps, 'nvidia'), { force: true }); // of other libraries
    Object.entries(links(folder)).forEach(relink);
    const place = path.dirname(paths.binding);
    fs.mkdirSync(place, { recursive: true });
    for (const name of MADE) {
      const part = path.join(place, `${name}.${process.pid}.part`);
      fs.copyFileSync(path.join(compiled, name), part);
      fs.renameSync(part, path.join(place, name));
    }

    progress(undefined, 'trying it');
    const program = "const tf = require('@tensorflow/tfjs-node-gpu'); if (tf.getBackend() !== 'tensorflow' || tf.tensor1d([1, 2]).sum().dataSync()[0] !== 3) process.exit(3);";
    const tried = await run(process.execPath, ['-e', program], { cwd: paths.root, lock, env: process.env });
    if (tried.code !== 0) {
      fs.rmSync(paths.binding, { force: true }); // so that the library takes wasm instead of failing on it
      fs.rmSync(compiled, { recursive: true, force: true });
      throw new Unavailable(`TensorFlow's libraries do not start on this machine: ${reasonIn(tried.lines)}`, 'the processor may lack AVX; the wasm backend works without it');
    }
    writeWhole(checked, JSON.stringify({ inputs: inputs(), folder: path.basename(folder), node: process.version, sizes: sizes() }) + '\n');
  },
};
