// The house as its plan has it: who imports whom, one importer of each engine, no long files, no cycles.
import { strict as assert } from 'node:assert';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import ts from 'typescript';

const root = resolve(__dirname, '..');

interface Import { from: string; to: string; type: boolean }

/** Who may import what: folders, single files, or `anything`. A room may always import itself. Type-only imports count as well. */
const RULES: Readonly<Record<string, readonly string[]>> = {
  'src/core': [],
  'src/text': ['src/core/error', 'src/core/random'],
  'src/nn': ['src/core'],
  'src/optim': ['src/core'],
  'src/io': ['src/core'],
  'src/quant': ['src/core', 'src/nn/hooks'],
  'src/models': ['src/core', 'src/nn', 'src/io'],
  'src/train': ['src/core', 'src/optim'],
  'src/methods': ['src/core', 'src/nn', 'src/quant', 'src/models', 'src/text', 'src/optim', 'src/train'],
  'src/eval': ['src/core', 'src/models', 'src/nn', 'src/text'],
  'src/analysis': ['src/core', 'src/train'],
  'src/report': ['src/core/error'],
  'src/export': ['src/core', 'src/nn', 'src/quant', 'src/io', 'src/models'],
  'src/quantize': ['src/core', 'src/methods', 'src/models', 'src/quant', 'src/text', 'src/train'],
  'src/firstExperiments': ['src/core', 'src/analysis', 'src/methods', 'src/models', 'src/nn', 'src/quant', 'src/quantize'],
  'src/doctor': ['src/core'],
  'src/index': ['src'],
  'src/reports': ['src/core/error', 'src/commands'],
  'src/workbench': ['src/commands', 'src/core', 'src/export', 'src/text'],
  'src/commands': ['anything'],
  'src/cli': ['anything'],
  datasets: ['src/index'],
  // a cell is a run of the commands' own parts; the command line, and only that, loads reproductions
  reproductions: ['src/index', 'src/report', 'src/commands', 'datasets'],
};
/** What a cell of a notebook may import of the project. */
const NOTEBOOK = ['src/index', 'src/report', 'src/reports', 'src/workbench', 'datasets', 'reproductions'];

/** The rooms whose only files stand at the top of src (`src/index`), or the folder. */
function roomOf(file: string): string {
  const [top, second] = file.split('/');
  return top === 'src' ? `src/${second}` : top;
}

const within = (file: string, place: string): boolean => place === 'anything' || file === place || file === `${place}/index` || file.startsWith(`${place}/`);

/** Every module that a source names: import and export declarations, `import()`, `require()`, `require.resolve()` and import types. */
function modulesOf(source: string): { module: string; type: boolean }[] {
  const found: { module: string; type: boolean }[] = [];
  const text = (node: ts.Node | undefined) => (node && ts.isStringLiteralLike(node) ? node.text : undefined);
  const add = (module: string | undefined, type: boolean) => { if (module !== undefined) found.push({ module, type }); };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(text(node.moduleSpecifier), onlyTypes(node.importClause));
    else if (ts.isExportDeclaration(node)) {
      const named = node.exportClause && ts.isNamedExports(node.exportClause) ? node.exportClause.elements : undefined;
      add(text(node.moduleSpecifier), node.isTypeOnly || (named !== undefined && named.length > 0 && named.every((e) => e.isTypeOnly)));
    } else if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference)) add(text(node.moduleReference.expression), node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(text(node.argument.literal), true);
    else if (ts.isCallExpression(node) && loads(node.expression)) add(text(node.arguments[0]), false);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('module.ts', source, ts.ScriptTarget.ES2022, true));
  return found;
}

function onlyTypes(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false; // for its effects
  if (clause.isTypeOnly) return true;
  const names = clause.namedBindings;
  return !clause.name && names !== undefined && ts.isNamedImports(names) && names.elements.length > 0 && names.elements.every((e) => e.isTypeOnly);
}

function loads(callee: ts.Expression): boolean {
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return true;
  if (ts.isIdentifier(callee)) return callee.text === 'require';
  return ts.isPropertyAccessExpression(callee) && ts.isIdentifier(callee.expression) && callee.expression.text === 'require' && callee.name.text === 'resolve';
}

/** `./error` seen from `src/core/grad` is `src/core/error`; a package's name stays. */
function target(file: string, module: string): string {
  return module.startsWith('.') ? posix.join(posix.dirname(file), module).replace(/\.(ts|js|cjs)$/, '') : module;
}

function importsOf(file: string, source: string): Import[] {
  return modulesOf(source).map(({ module, type }) => ({ from: file, to: target(file, module), type }));
}

const inside = (i: Import): boolean => /^(src|datasets|reproductions|notebooks|scripts|test|bench|jupyter)(\/|$)/.test(i.to);

/** Imports that the rules do not allow, in words. */
function trespasses(imports: readonly Import[]): string[] {
  return imports.filter(inside).filter(({ from, to }) => {
    const room = roomOf(from), allowed = RULES[room];
    return !allowed || !(within(to, room) || allowed.some((place) => within(to, place)));
  }).map(({ from, to }) => `${from} imports ${to}, but ${roomOf(from)} may import ${(RULES[roomOf(from)] ?? ['nothing: it has no rule']).join(', ') || 'only itself'}`);
}

/** A ring of rooms that import one another at run time, if there is one. */
function ring(imports: readonly Import[]): string[] | undefined {
  const next = new Map<string, Set<string>>();
  for (const i of imports.filter((x) => inside(x) && !x.type)) {
    const [a, b] = [roomOf(i.from), roomOf(i.to)];
    if (a !== b) next.set(a, (next.get(a) ?? new Set()).add(b));
  }
  const done = new Set<string>();
  const walk = (room: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(room)) return [...path.slice(path.indexOf(room)), room];
    if (done.has(room)) return undefined;
    for (const other of next.get(room) ?? []) {
      const found = walk(other, [...path, room]);
      if (found) return found;
    }
    done.add(room);
    return undefined;
  };
  for (const room of next.keys()) {
    const found = walk(room, []);
    if (found) return found;
  }
  return undefined;
}

/** Files of a folder whose names end so, from the project's root. */
function filesIn(folder: string, end: string): string[] {
  const path = join(root, folder);
  return readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => join(path, name))
    .filter((file) => file.endsWith(end) && !file.includes('.ipynb_checkpoints') && statSync(file).isFile())
    .map((file) => relative(root, file).split(sep).join('/'));
}

const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const sources = ['src', 'datasets', 'reproductions'].filter((folder) => existsSync(join(root, folder))).flatMap((folder) => filesIn(folder, '.ts'));
const imports = sources.flatMap((file) => importsOf(file.replace(/\.ts$/, ''), read(file)));

describe('architecture', () => {
  it('each room imports only what its rule allows', () => {
    assert.ok(imports.filter(inside).length > 100, 'the imports were not found');
    assert.deepEqual(trespasses(imports), []);
  });

  it('every room of src has a rule, and every rule a room', () => {
    const rooms = new Set(sources.map((file) => roomOf(file.replace(/\.ts$/, ''))));
    for (const room of rooms) assert.ok(room in RULES, `${room} has no rule: add it to the plan of the house`);
    for (const room of Object.keys(RULES)) assert.ok(rooms.has(room), `${room} is gone: remove its rule`);
  });

  it('rooms form no ring', () => assert.equal(ring(imports), undefined));

  it('only core/backend loads TensorFlow.js, only report/frame loads danfo', () => {
    const loaders = (engine: RegExp) => [...new Set(imports.filter((i) => !i.type && engine.test(i.to)).map((i) => i.from))];
    assert.deepEqual(loaders(/^@tensorflow\//), ['src/core/backend']);
    assert.deepEqual(loaders(/^danfojs/), ['src/report/frame']);
  });

  it('no source is longer than 350 lines', () => {
    const long = sources.map((file) => `${file}: ${read(file).trimEnd().split('\n').length} lines`).filter((s) => Number(/(\d+) lines$/.exec(s)![1]) > 350);
    assert.deepEqual(long, []);
  });

  it('cells of notebooks import the public entries', () => {
    const notebooks = filesIn('notebooks', '.ipynb');
    assert.ok(notebooks.length > 0);
    for (const file of notebooks) {
      const { cells } = JSON.parse(read(file)) as { cells: { cell_type: string; source: string | string[] }[] };
      // a cell's imports are resolved from the project's root
      const named = cells.filter((c) => c.cell_type === 'code').flatMap((c) => importsOf('cell', [c.source].flat().join('')));
      for (const { to } of named.filter(inside)) assert.ok(NOTEBOOK.some((entry) => to === entry || to === `${entry}/index`), `${file} imports ${to}: take it from ${NOTEBOOK.join(', ')}`);
    }
  });
});

describe('architecture: the checks themselves', () => {
  it('sees every form of import', () => {
    const source = `import a from './a'; import type { B } from './b'; import { type C } from './c'; import { type D, d } from './d'; import './e';
      export * from './f'; export type { G } from './g'; export { type H, h } from './h'; const i = require('./i'), j = import('./j');
      const k: typeof import('./k') = require.resolve('./l'); import m = require('./m'); // import n from './n'
      const text = "import o from './o'";`;
    const found = modulesOf(source).map(({ module, type }) => module.slice(2) + (type ? ' type' : ''));
    assert.deepEqual(found.sort(), ['a', 'b type', 'c type', 'd', 'e', 'f', 'g type', 'h', 'i', 'j', 'k type', 'l', 'm']);
  });

  const imported = (from: string, module: string, type = false): Import => ({ from, to: target(from, module), type });

  it('reports a trespass', () => {
    assert.equal(trespasses([imported('src/core/grad', './memory'), imported('src/quant/fit', '../nn/hooks'), imported('datasets/glue', '../src/index')]).length, 0);
    for (const bad of [
      imported('src/core/grad', '../nn/layers'), imported('src/text/stream', '../core/backend'), imported('src/report/svg', '../core/memory'),
      imported('datasets/glue', '../src/eval/metrics'), imported('src/quant/fit', '../nn/layers', true), imported('src/attic/old', '../core/error'),
      imported('src/index', '../datasets'), imported('src/io/file', '../../scripts/setup/paths.cjs'),
    ]) assert.equal(trespasses([bad]).length, 1, `${bad.from} -> ${bad.to}`);
  });

  it('reports a ring, also one through a folder', () => {
    const chain = [imported('src/a/x', '../b/y'), imported('src/b/y', '../c/z')];
    assert.equal(ring(chain), undefined);
    assert.deepEqual(ring([...chain, imported('src/c/z', '../a/x')]), ['src/a', 'src/b', 'src/c', 'src/a']);
    assert.equal(ring([...chain, imported('src/c/z', '../a/x', true)]), undefined, 'types make no ring at run time');
    assert.deepEqual(ring([imported('src/index', '../datasets'), imported('datasets/glue', '../src/index')]), ['src/index', 'datasets', 'src/index']);
  });
});
