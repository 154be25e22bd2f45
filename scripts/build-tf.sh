#!/usr/bin/env bash
# tfjs-node's own install script downloads prebuilt files from a storage host. This takes libtensorflow out of
# the PyPI wheel and compiles the binding from the sources in the npm package. TF_WHEEL=tensorflow for a GPU build.
set -euo pipefail
cd "$(dirname "$0")/.."
TF_PKG=${TF_WHEEL:-tensorflow-cpu}; TF_VER=${TF_VERSION:-2.21.0}
CACHE=${TF_CACHE:-$PWD/.cache/$TF_PKG-$TF_VER}
PKG=node_modules/@tensorflow/tfjs-node-gpu
if [ ! -f "$CACHE/ok" ]; then
  rm -rf "$CACHE"; mkdir -p "$CACHE"
  .venv/bin/python -m pip download -q --disable-pip-version-check --no-deps --no-cache-dir -d "$CACHE" "$TF_PKG==$TF_VER"
  .venv/bin/python - "$CACHE" <<'PY'
import glob, sys, zipfile
d = sys.argv[1]
keep = ('tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2',
        'tensorflow/include/tensorflow/c/', 'tensorflow/include/tensorflow/core/platform/',
        'tensorflow/include/tsl/platform/', 'tensorflow/include/xla/tsl/c/')
with zipfile.ZipFile(glob.glob(d + '/*.whl')[0]) as z:
    z.extractall(d, [n for n in z.namelist() if n.startswith(keep)])
PY
  rm -f "$CACHE"/*.whl; touch "$CACHE/ok"
fi
T=$CACHE/tensorflow
mkdir -p $PKG/deps/lib $PKG/lib/napi-v8
ln -sfnr "$T/include" $PKG/deps/include
for f in "$T"/libtensorflow*.so.2; do ln -sfnr "$f" "$PKG/deps/lib/$(basename "$f")"; done
NODE_INC=$(node -p "require('path').resolve(process.execPath,'../../include/node')")
[ -f "$NODE_INC/node_api.h" ] || { echo "no Node headers at $NODE_INC"; exit 1; }
if [ ! -f $PKG/lib/napi-v8/tfjs_binding.node ]; then
  (cd $PKG && g++ -O2 -w -std=c++17 -fPIC -shared -DNAPI_VERSION=8 -I"$NODE_INC" -I. -Ideps/include \
    binding/tfjs_backend.cc binding/tfjs_binding.cc -Ldeps/lib -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 \
    '-Wl,-rpath,$ORIGIN/../../deps/lib' -o lib/napi-v8/tfjs_binding.node)
fi
node -e "const tf=require('@tensorflow/tfjs-node-gpu');if(tf.getBackend()!=='tensorflow')process.exit(1);console.log('tensorflow backend ok')" 2>/dev/null
