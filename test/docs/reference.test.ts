// The reference of the public API is complete: nothing that a signature names is missing, no tag is wrong.
import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import ts from 'typescript';

const root = resolve(__dirname, '..', '..');

describe('docs: the reference', function () {
  this.timeout(300_000);

  it('TypeDoc reads the public entry without a warning', async () => {
    const { code, output } = await new Promise<{ code: number; output: string }>((done) => {
      execFile(process.execPath, [join(root, 'node_modules/typedoc/bin/typedoc'), '--emit', 'none'], { cwd: root }, (error, stdout, stderr) => done({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr }));
    });
    assert.equal(code, 0, output);
  });

  it('every exported name says what it is, and every function that refuses itself says when', () => {
    const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile), entry = join(root, 'src', 'index.ts');
    const program = ts.createProgram([entry], ts.parseJsonConfigFileContent(config, ts.sys, root).options), checker = program.getTypeChecker();
    const names = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry)!)!).map((s) => (s.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(s) : s));
    assert.ok(names.length > 150, `${names.length} names`);
    const silent = names.filter((s) => !s.getDocumentationComment(checker).length && !s.getJsDocTags(checker).length).map((s) => s.name);
    const refusing = names.filter((s) => s.flags & ts.SymbolFlags.Function && /throw new ZsaqError/.test(s.declarations![0].getText()) && !s.getJsDocTags(checker).some((tag) => tag.name === 'throws')).map((s) => s.name);
    assert.deepEqual({ silent, refusing }, { silent: [], refusing: [] });
  });
});
