'use strict';
// The packages that the project installs with their licences: `node scripts/licences.cjs` writes docs/licences.md from the lock files.
const fs = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '..');
const LOCKS = [['The project', 'package-lock.json'], ['Runtimes of exports, on request', 'scripts/export/package-lock.json']];
/** What the lock file leaves out, read from the package itself. */
const KNOWN = { 'typed-function': 'MIT' };

/** Packages of a lock file: name, versions, licence; links to folders of the project are none. */
function packagesOf(lock) {
  const found = new Map();
  for (const [place, { version, license, link }] of Object.entries(JSON.parse(fs.readFileSync(path.join(root, lock), 'utf8')).packages)) {
    if (!place.includes('node_modules/') || link) continue;
    const name = place.slice(place.lastIndexOf('node_modules/') + 13), entry = found.get(name) ?? { versions: new Set(), licence: license ?? KNOWN[name] ?? 'not stated' };
    entry.versions.add(version);
    found.set(name, entry);
  }
  return [...found].map(([name, { versions, licence }]) => ({ name, versions: [...versions].sort(), licence })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Packages by licence, the most common first. */
function section(title, lock) {
  const groups = new Map();
  for (const { name, versions, licence } of packagesOf(lock)) groups.set(licence, [...(groups.get(licence) ?? []), `${name} ${versions.join(', ')}`]);
  const lines = [...groups].sort((a, b) => b[1].length - a[1].length).map(([licence, names]) => `**${licence}** (${names.length}): ${names.join(' · ')}`);
  return [`## ${title}`, '', ...lines.flatMap((line) => [line, ''])].join('\n');
}

function licences() {
  return `# Licences of the packages\n\nWritten by \`node scripts/licences.cjs\` from the lock files; a test compares. Python packages and TensorFlow (Apache-2.0) carry theirs in their own folders.\n\n${LOCKS.map((lock) => section(...lock)).join('\n')}`.trimEnd() + '\n';
}

module.exports = { licences, packagesOf };

if (require.main === module) fs.writeFileSync(path.join(root, 'docs', 'licences.md'), licences());
