#!/usr/bin/env bash
# `npm run setup:export`: the runtimes that exports are tried in, into .cache/export. Nothing else needs them; tests of exports skip without them.
#   onnxruntime-node, onnxruntime-web, transformers.js and playwright-core: about 490 MB on disk, their install scripts are not run
#   Python's onnxruntime, onnx and compressed-tensors: about 210 MB, beside the PyTorch environment (1.5 GB, made if it is missing)
set -euo pipefail
cd "$(dirname "$0")/../.."
ENV=.cache/export
mkdir -p "$ENV"
PINS="$(cat scripts/export/package-lock.json scripts/export/requirements.txt | sha256sum | cut -d' ' -f1)"
if [ "$(cat "$ENV/ok" 2>/dev/null || true)" = "$PINS" ]; then
  echo "the runtimes are there: $ENV"
  exit 0
fi
rm -f "$ENV/ok"
echo "[1/3] PyTorch and transformers"
bash scripts/pytorch.sh true
echo "[2/3] npm packages into $ENV/node_modules"
cp scripts/export/package.json scripts/export/package-lock.json "$ENV/"
npm ci --prefix "$ENV" --ignore-scripts --no-fund --no-audit
echo "[3/3] Python packages into $ENV/python"
rm -rf "$ENV/python"
"${PYTHON:-python3}" -m venv "$ENV/python"
"$ENV/python/bin/python" -m pip install --disable-pip-version-check --no-deps -r scripts/export/requirements.txt
PURE="$("$ENV/python/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
"$PWD/.cache/pytorch/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > "$PURE/pytorch.pth"
echo "$PINS" > "$ENV/ok"
echo "done; a browser is not part of it: zsaq verify looks for /usr/bin/chromium or ZSAQ_CHROMIUM"
