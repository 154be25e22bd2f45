// What is installed is what was locked, nothing of it runs on installation, and its licences are known.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..'), read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
interface Entry { version?: string; resolved?: string; integrity?: string; license?: string; link?: boolean; hasInstallScript?: boolean }
const lockOf = (file: string): [string, Entry][] => Object.entries((JSON.parse(read(file)) as { packages: Record<string, Entry> }).packages).filter(([place]) => place.includes('node_modules/'));
const LOCKS = ['package-lock.json', 'scripts/export/package-lock.json'];

/** Licences under which a package may be used beside ours; LGPL only for libraries that are loaded and not changed (sharp's libvips). */
const FREE = /^\(?(MIT|MIT-0|ISC|BSD-[23]-Clause|0BSD|Apache-2\.0|BlueOak-1\.0\.0|Python-2\.0|Unlicense|CC0-1\.0|AFL-2\.1|MPL-2\.0|LGPL-3\.0-or-later)( (AND|OR) (MIT|MPL-2\.0|Apache-2\.0|BSD-3-Clause|CC0-1\.0|LGPL-3\.0-or-later))*\)?$/;

describe('supply chain', () => {
  for (const lock of LOCKS) {
    it(`${lock}: every package has a version and a SHA-512`, () => {
      const packages = lockOf(lock);
      assert.ok(packages.length > 50);
      for (const [place, { version, integrity, link }] of packages) if (!link) assert.ok(version && /^sha512-[\w+/]{86}==/.test(integrity ?? ''), place);
      assert.deepEqual(packages.filter(([, { link }]) => link).map(([place]) => place), lock === 'package-lock.json' ? ['node_modules/@tensorflow/tfjs-node'] : [], 'the one link leads to a folder of the project');
    });

    it(`${lock}: no package comes from elsewhere than a registry`, () => {
      for (const [place, { resolved }] of lockOf(lock)) assert.ok(resolved === undefined || resolved === 'scripts/tfjs-node' || /^https:\/\//.test(resolved), `${place}: ${resolved}`);
    });
  }

  it('no install script is run: by npm\'s settings for everybody, and by name in both set-ups', () => {
    assert.match(read('.npmrc'), /^ignore-scripts=true$/m);
    for (const file of ['scripts/setup/steps/packages.cjs', 'scripts/export/setup.sh']) {
      const calls = read(file).split('\n').filter((line) => /npm ci --|\['ci'/.test(line));
      assert.ok(calls.length > 0 && calls.every((line) => line.includes('--ignore-scripts')), file);
    }
    const manifest = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const hook of ['preinstall', 'install', 'postinstall', 'prepare']) assert.ok(!(hook in manifest.scripts), hook);
    assert.deepEqual(lockOf('package-lock.json').filter(([, e]) => e.hasInstallScript).map(([place]) => place.replace('node_modules/', '')).sort(), ['@tensorflow/tfjs-node-gpu', 'core-js', 'esbuild', 'zeromq'], 'SECURITY.md names those that have one');
  });

  it('every Python package of the set-up is pinned with hashes, and pip is told to want them', () => {
    for (const name of readdirSync(join(ROOT, 'scripts/setup/python')).filter((file) => /^(locked|renderer|tensorflow-.*)\.txt$/.test(file))) {
      const pins = read(`scripts/setup/python/${name}`).replace(/\\\n/g, ' ').split('\n').filter((line) => line.trim() && !line.startsWith('#'));
      for (const pin of pins) assert.match(pin, /^[\w.[\]-]+==\S+.*--hash=sha256:[0-9a-f]{64}/, `${name}: ${pin.slice(0, 80)}`);
    }
    const steps = ['notebooks', 'tensorflow'].map((step) => read(`scripts/setup/steps/${step}.cjs`)).join('\n');
    assert.ok((steps.match(/--require-hashes/g) ?? []).length >= 3);
  });

  it('docs/licences.md lists every package, and all may be used together', () => {
    const { licences, packagesOf } = require('../../scripts/licences.cjs') as { licences(): string; packagesOf(lock: string): { name: string; licence: string }[] };
    assert.equal(read('docs/licences.md'), licences(), 'run `node scripts/licences.cjs`');
    for (const lock of LOCKS) for (const { name, licence } of packagesOf(lock)) assert.match(licence, FREE, `${name}: ${licence}`);
  });

  it('xlsx, whose published versions have known holes, is never given a file: only report/frame loads danfo, and it reads and writes none', () => {
    const frame = read('src/report/frame.ts');
    assert.ok(!/readExcel|toExcel|readCSV|readJSON|xlsx/i.test(frame));
    for (const folder of ['src', 'datasets', 'reproductions', 'scripts', 'bench']) {
      for (const name of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
        if (/\.(ts|cjs)$/.test(name)) assert.ok(!/(from|require\()\s*['"]xlsx['"]/.test(read(join(folder, name))), `${folder}/${name}`);
      }
    }
    assert.match(read('SECURITY.md'), /xlsx/);
  });
});
