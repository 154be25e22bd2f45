'use strict';
// Runs a command quietly: its output is kept for the case that it fails, and handed on line by line for progress.
const { spawn } = require('node:child_process');

const KEEP = 400;
/** Lines of package managers that help nobody. */
const NOISE = /is ignored: it is neither a file nor a directory|Unknown (user|env|global|project|builtin) config|\[notice\]|new release of pip|npm warn deprecated/i;

/** An environment in which pip stays inside the project folder and asks nothing. */
function quietEnvironment(extra = {}) {
  return {
    ...process.env,
    PIP_DISABLE_PIP_VERSION_CHECK: '1', PIP_NO_INPUT: '1', PIP_NO_CACHE_DIR: '1', PIP_ROOT_USER_ACTION: 'ignore',
    PYTHONNOUSERSITE: '1', PYTHONUNBUFFERED: '1', PYTHONPATH: '', ...extra,
  };
}

/**
 * Runs `command` and gives `{ code, lines }`; code -1 if it could not be started. `poll` is called twice a second.
 * The command leads its own process group, so that it can be ended with all its children.
 */
function run(command, args, { cwd, env = quietEnvironment(), onLine, poll, lock } = {}) {
  return new Promise((resolve) => {
    const lines = [];
    let rest = '';
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    if (child.pid) lock?.add(child.pid);
    const timer = poll && setInterval(poll, 500);
    const take = (line) => {
      if (!line.trim() || NOISE.test(line)) return;
      lines.push(line);
      if (lines.length > KEEP) lines.shift();
      onLine?.(line);
    };
    const read = (chunk) => {
      const parts = (rest + chunk).split(/\r?\n|\r/);
      rest = parts.pop();
      parts.forEach(take);
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    const finish = (code, problem) => {
      clearInterval(timer);
      if (child.pid) lock?.remove(child.pid);
      if (lock?.stopped) return; // the process is about to end
      if (rest) take(rest);
      if (problem) lines.push(problem);
      resolve({ code, lines });
    };
    child.on('error', (error) => finish(-1, `${command}: ${error.code === 'ENOENT' ? 'not found' : error.message}`));
    child.on('close', (code, signal) => { if (child.pid) finish(code ?? -1, signal ? `${command} was ended by ${signal}` : undefined); });
  });
}

/** The lines of an output that say what went wrong, at most `most` of them. */
function reasonIn(lines, most = 2) {
  const errors = lines.filter((line) => /\b(error|fatal|failed|cannot|not found|unable|ended by)\b/i.test(line) && !/complete log of this run/i.test(line));
  const chosen = (errors.length ? errors : lines).slice(-most);
  return chosen.map((line) => line.trim().replace(/^(npm )?(error|ERROR:?)\s+/i, '')).join('; ') || 'no reason was given';
}

module.exports = { run, quietEnvironment, reasonIn };
