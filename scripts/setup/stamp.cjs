'use strict';
// A stamp says that a step was finished: the hash of what went in and the size of each file that came out.
// It is written last and whole, so that an interrupted step has none.
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

/** Hash of texts and of the content of files (given as `{ file }`). */
function hashOf(...parts) {
  const hash = crypto.createHash('sha256');
  for (const part of parts) hash.update(typeof part === 'object' ? fs.readFileSync(part.file) : String(part)).update('\0');
  return hash.digest('hex').slice(0, 32);
}

/** Writes a file whole or not at all. */
function writeWhole(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.part`;
  const descriptor = fs.openSync(temporary, 'w');
  try {
    fs.writeSync(descriptor, text);
    fs.fsyncSync(descriptor);
  } finally { fs.closeSync(descriptor); }
  fs.renameSync(temporary, file);
  for (const name of fs.readdirSync(path.dirname(file))) { // of a set-up that was killed while it wrote this file
    const pid = name.startsWith(`${path.basename(file)}.`) && /^(\d+)\.part$/.exec(name.slice(path.basename(file).length + 1))?.[1];
    if (pid && !runs(Number(pid))) fs.rmSync(path.join(path.dirname(file), name), { force: true });
  }
}

function runs(pid) {
  try { process.kill(pid, 0); return true; } catch (error) { return error.code === 'EPERM'; }
}

function readJson(file) {
  try { return JSON.parse(fs.readFileSync(file, 'utf8')); } catch { return undefined; }
}

const sizeOf = (file) => fs.statSync(file, { throwIfNoEntry: false })?.size;

/** Writes the stamp beside what it describes; `files` are relative to the stamp's folder. */
function writeStamp(file, inputs, files) {
  const folder = path.dirname(file);
  const sizes = Object.fromEntries(files.map((name) => [name, sizeOf(path.join(folder, name))]));
  writeWhole(file, JSON.stringify({ inputs, sizes }, null, 1) + '\n');
}

/** True if the stamp is of these inputs and each of its files still has its size. */
function stampHolds(file, inputs) {
  const stamp = readJson(file);
  if (!stamp?.sizes || stamp.inputs !== inputs || typeof stamp.sizes !== 'object') return false;
  const folder = path.dirname(file);
  return Object.entries(stamp.sizes).every(([name, size]) => sizeOf(path.join(folder, name)) === size);
}

module.exports = { hashOf, writeWhole, readJson, writeStamp, stampHolds };
