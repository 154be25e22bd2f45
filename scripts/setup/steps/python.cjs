'use strict';
// A Python 3.10 or later, found once and then used only through the project's own .venv.
const fs = require('node:fs');
const path = require('node:path');
const paths = require('../paths.cjs');
const { spawnSync } = require('node:child_process');
const { run, quietEnvironment, reasonIn } = require('../command.cjs');
const { StepFailed, Unavailable, remedyFor } = require('../failure.cjs');

const building = path.join(paths.venv, 'zsaq-unfinished');
const REMEDY = 'install Python 3.10 or later with its venv module (Debian and Ubuntu: `apt-get install python3 python3-venv`), then run the same command again';

/** `[3, 11]` for a Python that answers, else undefined. */
function versionOf(command) {
  const asked = spawnSync(command, ['-I', '-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], { encoding: 'utf8', timeout: 20_000 });
  const match = /^(\d+)\.(\d+)\s*$/.exec(asked.status === 0 ? asked.stdout : '');
  return match ? [Number(match[1]), Number(match[2])] : undefined;
}

const recent = (version) => version !== undefined && version[0] === 3 && version[1] >= 10;

/** The first Python on the PATH that is recent enough; `PYTHON` names another. */
function find() {
  const asked = process.env.PYTHON;
  if (asked) {
    const version = versionOf(asked);
    if (recent(version)) return asked;
    throw new StepFailed(`PYTHON=${asked} ${version ? `is Python ${version.join('.')}` : 'does not start'}, and Python 3.10 or later is needed`, 'correct or unset PYTHON, then run the same command again');
  }
  const found = [];
  for (const name of ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python3.14', 'python']) {
    const version = versionOf(name);
    if (recent(version)) return name;
    if (version) found.push(`${name} is ${version.join('.')}`);
  }
  throw new Unavailable(found.length ? `Python 3.10 or later is needed (${found.join(', ')})` : 'there is no Python on this machine', REMEDY);
}

/** Folder of installed modules of the .venv's own Python, if that Python still starts. */
function sitePackages() {
  const version = fs.existsSync(paths.python) ? versionOf(paths.python) : undefined;
  const folder = version && path.join(paths.venv, 'lib', `python${version.join('.')}`, 'site-packages');
  return folder && fs.existsSync(path.join(folder, 'pip')) ? folder : undefined;
}

module.exports = {
  id: 'python',
  title: 'Python environment',
  size: () => '.venv, 25 MB on disk',
  space: 1e8,
  sitePackages,

  check() {
    if (!fs.existsSync(building) && sitePackages() !== undefined) return true;
    find(); // throws where there is none
    return false;
  },

  async run({ lock }) {
    const python = find();
    fs.rmSync(paths.venv, { recursive: true, force: true });
    fs.mkdirSync(paths.venv);
    fs.writeFileSync(building, 'The set-up was interrupted here; the next one begins this folder anew.\n');
    const { code, lines } = await run(python, ['-m', 'venv', paths.venv], { cwd: paths.root, lock, env: quietEnvironment() });
    if (code !== 0) {
      const output = lines.join('\n');
      if (/ensurepip|No module named venv/i.test(output)) throw new Unavailable(`${python} has no working venv module`, REMEDY);
      throw new StepFailed(`${python} -m venv ended with: ${reasonIn(lines)}`, remedyFor(output, 'check this Python, or name another one with PYTHON'));
    }
    fs.rmSync(building);
  },
};
