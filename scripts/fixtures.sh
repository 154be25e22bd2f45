#!/usr/bin/env bash
# Regenerates the PyTorch dumps under test/fixtures, in an environment of its own. Arguments: models sam quant adversarial (default: all).
set -euo pipefail
cd "$(dirname "$0")/.."
ENV=.cache/fixtures-env
PACKAGES=(torch==2.13.0 transformers==5.23.0 safetensors==0.8.0 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1)
PINS="${PACKAGES[*]}"
if [ "$(cat "$ENV/ok" 2>/dev/null || true)" != "$PINS" ]; then
  echo "fixtures: PyTorch and transformers into $ENV (about 1.5 GB on disk, a few minutes; tests do not need it)"
  rm -rf "$ENV"
  "${PYTHON:-python3}" -m venv "$ENV"
  "$ENV/bin/python" -m pip install --disable-pip-version-check --progress-bar on "${PACKAGES[@]}"
  echo "$PINS" > "$ENV/ok"
fi
PYTHONDONTWRITEBYTECODE=1 CUDA_VISIBLE_DEVICES= "$ENV/bin/python" test/fixtures/make.py "$@"
