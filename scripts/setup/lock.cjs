'use strict';
// One set-up at a time in a project folder. The lock names its owner and the commands that the owner started: when an
// owner was killed, the next set-up ends what it left running before it touches the same files.
const fs = require('node:fs');
const path = require('node:path');
const { readJson, writeWhole } = require('./stamp.cjs');

/** When a process began, in the kernel's words: tells a process from a later one with the same number. */
function beganAt(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch { return undefined; }
}

function lives({ pid, began }) {
  try { process.kill(pid, 0); } catch (error) { if (error.code !== 'EPERM') return false; }
  return began === undefined || beganAt(pid) === began;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Lock {
  /** `onTaken` is called once, when the lock is this process's. */
  constructor(file, onTaken = () => undefined) {
    this.file = file;
    this.onTaken = onTaken;
    this.held = false;
    this.stopped = false; // set when the user interrupts: a command that ends then is no failure
    this.children = [];
  }

  /** Takes the lock; waits while a living set-up has it, calling `onWait` once. */
  async take(onWait) {
    if (this.held) return;
    fs.mkdirSync(path.dirname(this.file), { recursive: true });
    let told = false;
    for (;;) {
      if (this.tryTake()) {
        await this.sweep();
        this.onTaken();
        return;
      }
      const owner = readJson(this.file);
      if (owner && lives(owner)) {
        if (!told) onWait?.(owner.pid);
        told = true;
        await pause(200);
      } else await this.clear(owner);
    }
  }

  /** True where the lock is there and its owner lives no more. */
  abandoned() {
    const owner = readJson(this.file);
    return !this.held && Boolean(owner) && !lives(owner);
  }

  tryTake() {
    const mine = `${this.file}.${process.pid}`;
    fs.writeFileSync(mine, this.text());
    try {
      fs.linkSync(mine, this.file); // fails if the lock exists: the one atomic step
      this.held = true;
      return true;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      return false;
    } finally { fs.rmSync(mine, { force: true }); }
  }

  /** Removes the lock of a dead owner and ends what it left running. Only one set-up wins the rename. */
  async clear(owner) {
    const stale = `${this.file}.stale-${process.pid}`;
    try { fs.renameSync(this.file, stale); } catch { return; }
    const seen = readJson(stale);
    if (seen && owner && seen.pid !== owner.pid && lives(seen)) { // taken by another one in between: give it back
      try { fs.linkSync(stale, this.file); } catch { /* a third one has it */ }
    } else {
      await endGroups((seen?.children ?? []).filter((child) => child.began !== undefined && groupLives(child)));
    }
    fs.rmSync(stale, { force: true });
  }

  /** Ends and removes what a set-up left behind that was killed while it took the lock or cleared a dead one's. */
  async sweep() {
    const folder = path.dirname(this.file), ours = new RegExp(`^${path.basename(this.file)}\\.(?:stale-)?(\\d+)(?:\\.part)?$`);
    for (const name of fs.readdirSync(folder)) {
      const pid = Number(ours.exec(name)?.[1] ?? process.pid);
      if (pid === process.pid || lives({ pid })) continue;
      const left = path.join(folder, name);
      await endGroups((readJson(left)?.children ?? []).filter((child) => child.began !== undefined && groupLives(child)));
      fs.rmSync(left, { force: true });
    }
  }

  /** Notes a running command, which leads its own process group. */
  add(pid) {
    this.children.push({ pid, began: beganAt(pid) });
    if (this.held) writeWhole(this.file, this.text());
  }

  remove(pid) {
    this.children = this.children.filter((child) => child.pid !== pid);
    if (this.held) writeWhole(this.file, this.text());
  }

  /** Gives the lock back, once every command that still runs has ended. */
  async release() {
    await endGroups(this.children, 'SIGTERM');
    if (this.held) fs.rmSync(this.file, { force: true });
    this.held = false;
  }

  text() {
    return JSON.stringify({ pid: process.pid, began: beganAt(process.pid), children: this.children }) + '\n';
  }
}

/** True while any process of a command's group runs; the number of a group stays taken as long as it has a member. */
function groupLives({ pid, began }) {
  try { process.kill(-pid, 0); } catch { return false; }
  const now = beganAt(pid);
  return now === undefined || began === undefined || now === began; // its leader may have gone before its children
}

/** Ends groups and waits until they are gone: what comes next works on the same files. */
async function endGroups(groups, signal = 'SIGKILL') {
  const send = (group, name) => { try { process.kill(-group.pid, name); } catch { /* it has ended */ } };
  groups.forEach((group) => send(group, signal));
  for (let waited = 0; groups.some(groupLives) && waited < 15_000; waited += 20) {
    if (waited === 3_000) groups.forEach((group) => send(group, 'SIGKILL'));
    await pause(20);
  }
}

module.exports = { Lock, beganAt, lives };
