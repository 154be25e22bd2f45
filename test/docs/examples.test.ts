// Every @example of the sources: it compiles against the code as it is, calls nothing that is not there, and gives what it says it gives.
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runInNewContext } from 'node:vm';
import ts from 'typescript';
import { ready } from '../../src/core/backend';

const root = resolve(__dirname, '..', '..');
interface Example { file: string; name: string; code: string }

/** Examples as the comments have them, from `@example` to the next tag. */
function examples(): Example[] {
  const files = ['src', 'datasets', 'reproductions'].flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts')).map((f) => join(root, folder, f)));
  return files.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/\/\*\*(?:(?!\*\/)[\s\S])*\*\//g)].flatMap(([comment]) => (
    comment.split(/(?=@\w+)/).filter((part) => part.startsWith('@example')).map((part) => part.replace(/^@example\s*/, '').replace(/\*\/\s*$/, '').replace(/^\s*\* ?/gm, '').trim())
  )).map((code, i): Example => ({ file, name: `${file.slice(root.length + 1)} ${i + 1}`, code })));
}

/** What an example may use without an import: the exports of its own file, of the public entries, and `fs`. */
function exportsOf(program: ts.Program, file: string): string[] {
  const checker = program.getTypeChecker(), symbol = checker.getSymbolAtLocation(program.getSourceFile(file)!);
  return symbol ? checker.getExportsOfModule(symbol).map((s) => s.getName()).filter((n) => n !== 'default') : [];
}

/** Stand for something of the reader's that is called, or that the global scope has under another meaning. */
const READERS = ['run', 'history', 'figureFor', 'loss', 'work', 'write'];
const ENTRIES = ['src/index.ts', 'src/report/index.ts'].map((f) => join(root, f));
const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config, ts.sys, root);
options.noImplicitAny = false;

function programOf(sources: ReadonlyMap<string, string>, more: readonly string[] = [], old?: ts.Program): ts.Program {
  const host = ts.createCompilerHost(options), { getSourceFile, fileExists, readFile } = host;
  host.getSourceFile = (name, ...rest) => (sources.has(name) ? ts.createSourceFile(name, sources.get(name)!, ts.ScriptTarget.ES2022, true) : old?.getSourceFile(name) ?? getSourceFile.call(host, name, ...rest));
  host.fileExists = (name) => sources.has(name) || fileExists.call(host, name);
  host.readFile = (name) => sources.get(name) ?? readFile.call(host, name);
  return ts.createProgram([...sources.keys(), ...more], options, host, old);
}

describe('docs: examples of the sources', function () {
  this.timeout(300_000);
  const all = examples();

  it('compile, and call only what is there', async () => {
    assert.ok(all.length > 60, `${all.length} examples were found`);
    const base = programOf(new Map(), [...ENTRIES, ...new Set(all.map(({ file }) => file))]), shared = ENTRIES.map((file) => ({ file, names: exportsOf(base, file) }));
    const sources = (declared: ReadonlyMap<string, readonly string[]>) => new Map(all.map(({ file, code, name }, i) => {
      const taken = new Set<string>(), imports = [{ file, names: exportsOf(base, file) }, ...shared].map(({ file: from, names }) => {
        const used = names.filter((n) => !taken.has(n) && new RegExp(`\\b${n}\\b`).test(code) && !declares(code, n));
        used.forEach((n) => taken.add(n));
        return used.length ? `import { ${used.join(', ')} } from '${from.replace(/\.ts$/, '')}';` : '';
      });
      return [join(root, `example${i}.ts`), `${imports.join('\n')}\nimport * as fs from 'node:fs';\nexport {};\n${[...new Set([...declared.get(name) ?? [], ...READERS.filter((n) => !taken.has(n) && !declares(code, n))])].map((n) => `declare const ${n}: any;`).join('\n')}\nexport async function example() {\n${code}\n}\n`];
    }));
    // names that stand for something of the reader's: a folder, a model
    const first = programOf(sources(new Map()), [], base), free = new Map(all.map(({ name }, i) => [name, freeNames(first, join(root, `example${i}.ts`))]));
    const called = all.flatMap(({ name, code }) => free.get(name)!.filter((n) => new RegExp(`(?<![.\\w])${n}\\(`).test(code) && !READERS.includes(n)).map((n) => `${name} calls ${n}, which is not there`));
    assert.deepEqual(called, []);
    const texts = sources(free), second = programOf(texts, [], base), wrong = all.flatMap(({ name, code }, i) => {
      const file = second.getSourceFile(join(root, `example${i}.ts`))!;
      return [...second.getSyntacticDiagnostics(file), ...second.getSemanticDiagnostics(file)].map((d) => `${name}: ${ts.flattenDiagnosticMessageText(d.messageText, '\n')}\n${code}`);
    });
    assert.deepEqual(wrong, []);
  });

  it('give what they say', async () => {
    await ready();
    let checked = 0;
    for (const { file, name, code } of all) {
      const [, expression, said] = /^([^\n]*?) \/\/ ([^\n]+)$/.exec(code) ?? [];
      const expected = said === undefined ? undefined : attempt(() => runInNewContext(`(${said})`));
      if (expected === undefined) continue;
      const found = attempt(() => new Function('own', `with (own) { return (${expression}); }`)({ ...require(file) }));
      if (found === undefined) continue; // it needs something of the reader's
      const plain = (x: unknown): unknown => JSON.parse(JSON.stringify(ArrayBuffer.isView(x) ? Array.from(x as never) : x, (_, v) => (ArrayBuffer.isView(v) ? Array.from(v as never) : v)));
      assert.deepEqual(plain(found), plain(expected), `${name}: ${code}`);
      checked++;
    }
    assert.ok(checked >= 5, `${checked} examples say what they give`);
  });
});

function declares(code: string, name: string): boolean { return new RegExp(`\\b(const|let)\\b[^;=]*\\b${name}\\b[^;=]*=`).test(code); }

function freeNames(program: ts.Program, path: string): string[] {
  const found = program.getSemanticDiagnostics(program.getSourceFile(path)!).filter((d) => d.code === 2304 || d.code === 18004 || d.code === 2552);
  return [...new Set(found.map((d) => /name '(\w+)'|property '(\w+)'/.exec(ts.flattenDiagnosticMessageText(d.messageText, ' '))!).map(([, a, b]) => a ?? b))];
}

function attempt<T>(f: () => T): T | undefined {
  try { return f(); } catch { return undefined; }
}
