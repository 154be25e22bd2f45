# Sourced: `environment NAME WHAT PACKAGE==VERSION...` makes .cache/NAME, a Python environment with these packages, if it is missing or has others, and puts it
# first on the path.
environment() {
  local env=".cache/$1" what="$2" pins="${*:3}"
  if [ "$(cat "$env/ok" 2>/dev/null || true)" != "$pins" ]; then
    echo "$what"
    rm -rf "$env"
    "${PYTHON:-python3}" -m venv "$env"
    "$env/bin/python" -m pip install --disable-pip-version-check --progress-bar on "${@:3}"
    echo "$pins" > "$env/ok"
  fi
  export PATH="$PWD/$env/bin:$PATH" PYTHONDONTWRITEBYTECODE=1
}
