#!/usr/bin/env bash
# Runs a command with PyTorch's `python` first on the path, in an environment of its own that is made if it is missing: the reference of
# the committed dumps (`npm run fixtures`) and the other side of the benchmark (`npm run bench`). Nothing else needs it.
set -euo pipefail
cd "$(dirname "$0")/.."
ENV=.cache/pytorch
PACKAGES=(torch==2.13.0 transformers==5.23.0 safetensors==0.8.0 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 pyarrow==21.0.0)
PINS="${PACKAGES[*]}"
if [ "$(cat "$ENV/ok" 2>/dev/null || true)" != "$PINS" ]; then
  echo "PyTorch and transformers into $ENV (about 1.5 GB on disk, a few minutes; tests do not need it)"
  rm -rf "$ENV"
  "${PYTHON:-python3}" -m venv "$ENV"
  "$ENV/bin/python" -m pip install --disable-pip-version-check --progress-bar on "${PACKAGES[@]}"
  echo "$PINS" > "$ENV/ok"
fi
export PATH="$PWD/$ENV/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 CUDA_VISIBLE_DEVICES=
exec "$@"
