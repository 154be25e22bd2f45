#!/usr/bin/env bash
# The cells of reproductions through Snakemake, in an environment of its own that is made if it is missing (Python 3.11 or later): on this
# machine, or with its executors on Slurm, Kubernetes and clouds. Arguments go to Snakemake: npm run cluster -- --cores 2 --config preset=smoke
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh
environment snakemake "Snakemake into .cache/snakemake (about 300 MB on disk, a minute)" \
  snakemake==9.27.1 snakemake-executor-plugin-slurm==2.8.0
export XDG_CACHE_HOME="$PWD/.cache/snakemake-home"
exec snakemake --snakefile reproductions/Snakefile --rerun-incomplete "$@"
