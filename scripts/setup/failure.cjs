'use strict';
// Two ways in which a step can end badly, each with a cause and a remedy in plain words.

/** The step went wrong: the set-up stops, and the same command tries again. */
class StepFailed extends Error {
  constructor(cause, remedy) {
    super(cause);
    this.name = 'StepFailed';
    this.remedy = remedy;
  }
}

/** This machine cannot have what the step makes: the set-up goes on without it. */
class Unavailable extends StepFailed {
  constructor(cause, remedy) {
    super(cause, remedy);
    this.name = 'Unavailable';
  }
}

const KNOWN = [
  [/no space left|ENOSPC|disk quota/i, 'free some disk space'],
  [/permission denied|EACCES|EPERM|read-only file system|EROFS/i, 'make the project folder writable for this user'],
  [/certificate|\bSSL\b|\bCERT_|self.signed/i, 'have this machine trust the certificate of its network (a company proxy often needs its own)'],
  [/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|timed? ?out|name resolution|network is unreachable|connection (broken|aborted|error)|max retries|IncompleteRead/i,
    'check the network connection and its proxy settings'],
  [/hash(es)? (mismatch|do not match)|EINTEGRITY/i, 'the download is not the file that this project names: check the proxy or mirror it came through'],
  [/killed|SIGKILL|cannot allocate memory|out of memory/i, 'free some memory'],
];

/** A remedy for the output of a command that failed. */
function remedyFor(output, otherwise) {
  const known = KNOWN.find(([pattern]) => pattern.test(output));
  return `${known ? known[1] : otherwise}, then run the same command again`;
}

module.exports = { StepFailed, Unavailable, remedyFor };
