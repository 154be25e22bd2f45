'use strict';
// What the set-up shows, on standard error so that standard output stays the job's: one line that changes in place on a
// terminal, a few plain lines in a log.

const BAR = 20;
const LOG_EVERY_MS = 10_000;

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
const seconds = (ms) => (ms < 100_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`);

class Terminal {
  constructor(stream = process.stderr, now = Date.now) {
    this.stream = stream;
    this.now = now;
    this.live = Boolean(stream.isTTY) && !process.env.CI;
    this.line = '';
  }

  say(text) {
    if (this.line) { this.stream.write('\r\x1b[K'); this.line = ''; }
    this.stream.write(`${text}\n`);
  }

  /** Begins a step. `head` is its number and title, `detail` its size. */
  begin(head, detail) {
    this.head = head;
    this.started = this.now();
    this.logged = this.started;
    if (this.live) this.draw(`${head}: ${detail}`);
    else this.say(`${head}: ${detail}`);
  }

  /** Shows how far the step is: a share from 0 to 1 (or undefined where it is not known) and a few words. */
  progress(share, words = '') {
    const elapsed = this.now() - this.started;
    const known = share !== undefined && Number.isFinite(share);
    const part = known ? Math.min(1, Math.max(0, share)) : 0;
    const percent = known ? `${String(Math.round(part * 100)).padStart(3)}%` : '';
    const left = known && part > 0.02 && part < 1 && elapsed > 2000 ? `, about ${seconds(elapsed * (1 - part) / part)} left` : '';
    if (this.live) {
      const filled = Math.round(part * BAR);
      this.draw(`${this.head} ${known ? `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)} ${percent} ` : ''}${words}${left}`);
    } else if (this.now() - this.logged >= LOG_EVERY_MS) {
      this.logged = this.now();
      this.say(`      ${percent} ${words}${left}`);
    }
  }

  end(words) {
    const took = seconds(this.now() - this.started);
    this.say(this.live ? `${this.head}: ${words} (${took})` : `      ${words} (${took})`);
  }

  draw(text) {
    const width = Math.max(20, (this.stream.columns || 80) - 1);
    const cut = text.length > width ? `${text.slice(0, width - 1)}…` : text;
    if (cut === this.line) return;
    this.stream.write(`\r\x1b[K${cut}`);
    this.line = cut;
  }
}

module.exports = { Terminal, megabytes, seconds };
