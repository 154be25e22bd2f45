'use strict';
// The stop button. A loop of the library looks at `globalThis[Symbol.for('zsaq.cancel')].aborted` at every step and ends by
// itself, keeping its results; a cell that never looks is interrupted at once, and any cell by a second press.

const CANCEL = Symbol.for('zsaq.cancel');

class Cancel {
  #controller = new AbortController();
  seen = false;
  get aborted() { this.seen = true; return this.#controller.signal.aborted; }
  get signal() { this.seen = true; return this.#controller.signal; }
  get requested() { return this.#controller.signal.aborted; }
  abort() { this.#controller.abort(); }
}

/** `reset()` before each cell, `begin()` before a job that a widget starts, `interrupt()` on SIGINT; `force` breaks off the running cell. */
function createCancel(force) {
  const reset = () => { globalThis[CANCEL] = new Cancel(); };
  reset();
  return {
    reset,
    begin() { if (globalThis[CANCEL].requested) reset(); },
    interrupt() {
      const cancel = globalThis[CANCEL];
      const again = cancel.requested;
      cancel.abort();
      if (again || !cancel.seen) force();
    },
  };
}

module.exports = { createCancel, CANCEL };
