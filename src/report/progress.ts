// How far a long job is and how long it will still take: a bar in a terminal and in Jupyter, a line now and then in a log.

/** Where progress goes and how. The defaults fit the place: standard error, and in Jupyter the cell's output. */
export interface ProgressOptions {
  stream?: { write(text: string): unknown; isTTY?: boolean; columns?: number };
  /** True redraws one line in place; false writes a line at a time. */
  live?: boolean;
  now?: () => number;
}

const BAR = 24, DRAW_MS = 100, FIRST_LOG_MS = 2_000, LOG_MS = 15_000, WINDOW = 32;

/** A duration in words: `4 s`, `3 min 20 s`, `2 h 05 min`. */
export function durationText(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`;
  return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, '0')} min`;
}

/**
 * Progress of a job of `total` units. A job of under two seconds leaves no line in a log.
 *
 * @example
 * const progress = new Progress('quantizing', 500);
 * for (let step = 1; step <= 500; step++) progress.update(step, `loss ${loss.toFixed(3)}`);
 * progress.end();
 */
export class Progress {
  private readonly stream: NonNullable<ProgressOptions['stream']>;
  private readonly live: boolean;
  private readonly now: () => number;
  private readonly began: number;
  /** Newest (time, units) pairs: the time left follows the present speed, not that of the warm-up. */
  private readonly seen: [number, number][] = [];
  private shown = -Infinity;
  private logged = false;
  private width = 0;
  private ended = false;
  private last: { done: number; words: string } = { done: 0, words: '' };

  constructor(private readonly label: string, private readonly total: number, options: ProgressOptions = {}) {
    const jupyter = Symbol.for('zsaq.kernel') in globalThis;
    this.stream = options.stream ?? (jupyter ? process.stdout : process.stderr);
    this.live = options.live ?? (jupyter || (Boolean(this.stream.isTTY) && !process.env.CI));
    this.now = options.now ?? Date.now;
    this.began = this.now();
  }

  /** Tells that `done` units are finished; `words` go behind the bar. Cheap: it draws at most ten times a second. A log's last line is `end`'s. */
  update(done: number, words = ''): void {
    if (this.ended) return;
    const time = this.now();
    this.last = { done, words };
    if (!this.seen.length && done <= 1) this.seen.push([this.began, 0]); // more at once is an earlier session's work, whose time is not known
    this.seen.push([time, done]);
    if (this.seen.length > WINDOW) this.seen.shift();
    if (this.live) {
      if (time - this.shown >= DRAW_MS || done >= this.total) this.draw(time);
    } else if (done < this.total && time - this.began >= FIRST_LOG_MS && (!this.logged || time - this.shown >= LOG_MS)) this.log(time);
  }

  /** Ends the line: the bar stays as it was last, and a log that has begun gets its last line. */
  end(): void {
    if (this.ended) return;
    const time = this.now();
    if (this.live) {
      this.draw(time);
      if (this.width > 0) this.stream.write('\n');
    } else if (this.logged || time - this.began >= FIRST_LOG_MS) this.log(time);
    this.ended = true;
  }

  /** Seconds left at the present speed, if it can be told. */
  get secondsLeft(): number | undefined {
    if (this.seen.length < 2) return undefined;
    const [t0, d0] = this.seen[0], [t1, d1] = this.seen[this.seen.length - 1];
    return d1 > d0 && t1 > t0 ? ((this.total - d1) * (t1 - t0)) / (d1 - d0) / 1000 : undefined;
  }

  private draw(time: number): void {
    const share = this.total > 0 ? Math.min(1, Math.max(0, this.last.done / this.total)) : 1;
    const filled = Math.round(share * BAR);
    const text = `${this.label} ${'█'.repeat(filled)}${'░'.repeat(BAR - filled)} ${this.status(time)}`;
    const room = Math.max(20, (this.stream.columns ?? 120) - 1);
    const cut = text.length > room ? `${text.slice(0, room - 1)}…` : text;
    this.stream.write(`\r${cut.padEnd(this.width)}`);
    this.width = cut.length;
    this.shown = time;
  }

  private log(time: number): void {
    this.stream.write(`${this.label}: ${this.status(time)}\n`);
    this.logged = true;
    this.shown = time;
  }

  private status(time: number): string {
    const { done, words } = this.last;
    const share = this.total > 0 ? Math.floor((100 * Math.min(done, this.total)) / this.total) : 100;
    const left = done < this.total ? this.secondsLeft : undefined;
    const when = done >= this.total ? `in ${durationText((time - this.began) / 1000)}` : left === undefined ? '' : `${durationText(left)} left`;
    return [`${share}% ${done}/${this.total}`, when, words].filter(Boolean).join(' · ');
  }
}
