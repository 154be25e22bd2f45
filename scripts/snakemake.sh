#!/usr/bin/env bash
# The cells of reproductions through Snakemake, in an environment of its own that is made if it is missing (Python 3.11 or later): on this
# machine, or with its executors on Slurm, Kubernetes and clouds. Arguments go to Snakemake: npm run cluster -- --cores 2 --config preset=smoke
set -euo pipefail
cd "$(dirname "$0")/.."
ENV=.cache/snakemake
PACKAGES=(snakemake==9.27.1 snakemake-executor-plugin-slurm==2.8.0)
PINS="${PACKAGES[*]}"
if [ "$(cat "$ENV/ok" 2>/dev/null || true)" != "$PINS" ]; then
  echo "Snakemake into $ENV (about 300 MB on disk, a minute)"
  rm -rf "$ENV"
  "${PYTHON:-python3}" -m venv "$ENV"
  "$ENV/bin/python" -m pip install --disable-pip-version-check --progress-bar on "${PACKAGES[@]}"
  echo "$PINS" > "$ENV/ok"
fi
export PATH="$PWD/$ENV/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 XDG_CACHE_HOME="$PWD/.cache/snakemake-home"
exec snakemake --snakefile reproductions/Snakefile --rerun-incomplete "$@"
