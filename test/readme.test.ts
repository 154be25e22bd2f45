// What the README says is so: its map, its links, its examples, its numbers.
import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { pocketModelPath } from '../datasets';

interface Found { results: unknown[]; models: unknown[]; bench: unknown[]; paper: { pictures: unknown[] } }
const { PAGES, filled, readResults, drawnPaper, picture } = require('../scripts/readme.cjs') as {
  PAGES: Record<string, string[]>; filled(text: string, found: Found, page?: string): string; readResults(): Found; drawnPaper(paper: Found['paper']): Promise<{ file: string; svg: string }[]>; picture: string;
};

const root = resolve(__dirname, '..');
const text = readFileSync(join(root, 'README.md'), 'utf8');
const section = (title: string): string => text.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? assert.fail(`README.md has no section ${title}`);
const block = (language: string, inside: string): string => new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(inside)?.[1] ?? assert.fail(`no block of ${language}`);

/** Paths of a tree drawn by indentation: `src/`, `src/core/`, ... */
function pathsOf(tree: string): string[] {
  let top = '';
  return tree.trimEnd().split('\n').map((line) => {
    const [, indent, name] = /^( *)(\S+)/.exec(line)!;
    if (!indent) top = name;
    return indent ? top + name : name;
  });
}

function run(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done) => {
    execFile(process.execPath, args, { cwd: root, maxBuffer: 2 ** 24 }, (error, stdout, stderr) => done({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }));
  });
}

describe('README', () => {
  let known: Found | undefined;
  const found = (): Found => (known ??= readResults());
  const named = pathsOf(block('', section('The map of the house')));

  it('names rooms that exist', () => {
    assert.ok(named.length > 20);
    for (const path of named) assert.ok(existsSync(join(root, path)) && statSync(join(root, path)).isDirectory() === path.endsWith('/'), `${path} is not there`);
  });

  it('names every room and file of src, and every folder at the top', () => {
    const listed = (folder: string) => readdirSync(join(root, folder), { withFileTypes: true }).filter((e) => !e.name.startsWith('.') && (e.isFile() || readdirSync(join(root, folder, e.name)).length > 0)).map((e) => e.name + (e.isDirectory() ? '/' : ''));
    for (const entry of listed('src')) assert.ok(named.includes(`src/${entry}`), `src/${entry} is not on the map`);
    for (const entry of listed('.').filter((e) => e.endsWith('/') && !['node_modules/', 'runs/'].includes(e))) assert.ok(named.includes(entry), `${entry} is not on the map`);
  });

  it('links to files that exist', () => {
    const links = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, to]) => to).filter((to) => !/^https?:/.test(to));
    assert.ok(links.length > 4);
    for (const to of links) assert.ok(existsSync(join(root, to)), `${to} is not there`);
  });

  it('names npm scripts and variables that are there', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    for (const [, name] of text.matchAll(/npm (?:run )?([a-z:]+)/g)) assert.ok(name in scripts, `there is no npm script ${name}`);
    const readers = ['src', 'datasets', 'reproductions', 'scripts', 'test'].flatMap((folder) => (readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })).filter((f) => /\.(ts|cjs)$/.test(f)).map((f) => join(root, folder, f)));
    const sources = readers.filter((f) => f !== __filename).map((f) => readFileSync(f, 'utf8')).join('\n');
    for (const [, name] of section('Data, models and the environment').matchAll(/^\| `(ZSAQ_\w+)`/gm)) assert.match(sources, new RegExp(`env(\\.|\\[')${name}\\b`), `nothing reads ${name}`);
  });

  it('shows the picture that the result files draw', async () => {
    assert.ok(text.includes(`](${relative(root, picture)})`));
    for (const { file, svg } of await drawnPaper(found().paper)) assert.equal(readFileSync(file, 'utf8'), svg, `${relative(root, file)}: run node scripts/readme.cjs`);
  });

  it('tables are those of the result files', () => {
    for (const page of Object.keys(PAGES)) {
      const own = readFileSync(join(root, page), 'utf8');
      assert.ok(own === filled(own, found(), page), `${page} does not say what the result files say: run node scripts/readme.cjs`);
    }
    const made = { task: 'T', metric: 'accuracy', fullPrecision: 90, fullPrecisionBytes: 2 ** 20, quantized: 80.126, sizeBytes: 2 ** 18, status: 'ok', seconds: 3, steps: 20, seed: 0, preset: 'smoke', examples: 7, commit: 'c', model: 'm', bits: 'W2A8', grid: 'stretched', scale: 'mse' };
    const changed = filled(text, { ...found(), results: [{ ...made, method: 'samSga' }, { ...made, method: 'ptq', quantized: 60 }] });
    assert.match(changed, /\| full precision \| W32A32 \| 90\.00 \|.*\n\| round to nearest \(stretched, mse\) \| W2A8 \| 60\.00 \|.*\n\| SAM-SGA \| W2A8 \| 80\.13 \| 0\.25 \| 3\.0 \|/);
    assert.ok(filled(changed, found()) === text, 'what was between the marks must be replaced');
  });

  describe('examples', function () {
    this.timeout(600_000);
    const missing = (['pocket-bert', 'pocket-generator'] as const).find((name) => !existsSync(pocketModelPath(name)));
    let folder: string;
    before(function () {
      if (missing) { console.log(`skipped: ${missing} is not there: npx tsx datasets/pocket/train.ts makes it`); this.skip(); }
      folder = mkdtempSync(join(tmpdir(), 'zsaq-readme-'));
    });
    after(() => { if (folder) rmSync(folder, { recursive: true, force: true }); });

    it('on the command line', async () => {
      const commands = block('sh', section('First steps')).replace(/\\\n/g, ' ').trim().split('\n').map((line) => line.replaceAll('runs/first', join(folder, 'first')).split(/\s+/));
      const results: Record<string, unknown>[] = [];
      for (const [npx, zsaq, ...args] of commands) {
        assert.deepEqual([npx, zsaq], ['npx', 'zsaq']);
        const { code, stdout, stderr } = await run([join(root, 'scripts', 'zsaq.cjs'), ...args, '--json']);
        assert.equal(code, 0, stderr);
        results.push(JSON.parse(stdout.trimEnd().split('\n').pop()!));
      }
      const [quantized, evaluated] = results;
      assert.equal(quantized.status, 'ok');
      assert.equal(evaluated.score, quantized.quantized, 'the packed model scores what the quantized one scored');
    });

    it('in TypeScript', async () => {
      const file = join(folder, 'first.ts'), out = join(folder, 'library');
      writeFileSync(file, block('ts', section('First steps')).replaceAll("'./", `'${root}/`).replace('runs/library', out));
      const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config, ts.sys, root);
      const program = ts.createProgram([file], { ...options, typeRoots: [join(root, 'node_modules', '@types')] }), source = program.getSourceFile(file)!;
      assert.deepEqual([...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((d) => ts.flattenDiagnosticMessageText(d.messageText, '\n')), []);
      const { code, stdout, stderr } = await run(['--require', require.resolve('tsx/cjs'), file]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^1\/\d+ student [\d.]+ generator [\d.]+\n/);
      assert.match(stdout, /\nok \{/);
      assert.ok(existsSync(join(out, 'model.safetensors')));
    });
  });
});
