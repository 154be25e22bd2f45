#!/usr/bin/env bash
# Runs a command with PyTorch's `python` first on the path, in an environment of its own that is made if it is missing: the reference of
# the committed dumps (`npm run fixtures`) and the other side of the benchmark (`npm run bench`). Nothing else needs it.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh
environment pytorch "PyTorch and transformers into .cache/pytorch (about 1.5 GB on disk, a few minutes; tests do not need it)" \
  torch==2.13.0 transformers==5.23.0 safetensors==0.8.0 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 pyarrow==21.0.0
export CUDA_VISIBLE_DEVICES=
exec "$@"
