import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

const root = path.resolve(__dirname, '..', '..');
const python = path.join(root, '.venv', 'bin', 'python');
const command = path.join(root, 'scripts', 'notebook', 'command.cjs');
const { environment } = require(command);

interface Cell { source: string; stopAfter?: number[] }
interface Ran { status: string; shown: any[] }

/** Runs cells in one kernel, started in notebooks/ as JupyterLab does. */
function cells(...list: (string | Cell)[]): Ran[] {
  const given = JSON.stringify(list.map((cell) => (typeof cell === 'string' ? { source: cell } : cell)));
  const { status, stdout, stderr } = spawnSync(python, [path.join(__dirname, 'kernel.py'), given], { cwd: path.join(root, 'src'), env: environment(), encoding: 'utf8', timeout: 280_000 });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

const notebook = (...sources: string[]) => JSON.stringify({
  cells: sources.map((source, i) => ({ cell_type: 'code', id: `c${i}`, metadata: {}, execution_count: null, outputs: [], source })),
  metadata: { kernelspec: { display_name: 'TypeScript (zsaq)', language: 'typescript', name: 'zsaq' } }, nbformat: 4, nbformat_minor: 5,
});

describe('notebooks', function () {
  this.timeout(300_000);
  let folder: string;
  before(function () {
    if (!fs.existsSync(path.join(root, '.venv', 'zsaq-notebooks.json'))) { console.log('      skipped: JupyterLab is not set up (npm run setup)'); this.skip(); }
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'zsaq-notebooks-'));
  });
  after(() => { if (folder) fs.rmSync(folder, { recursive: true, force: true }); });
  const jupyter = (...args: string[]) => spawnSync(process.execPath, [command, ...args], { encoding: 'utf8', cwd: root, timeout: 280_000 });

  it('imports the project, shows values, tables and figures, and keeps errors to lines of TypeScript', () => {
    const [value, defined, error, own, text, thrown, types, bundle] = cells(
      "import { ZsaqError } from './src/core/error';\nimport { view, show } from './src/report/notebook';\nimport { lossFigure } from './src/report/figure';\nconst a: number = 3;\na * 2",
      "interface Unused { x: number }\n\nfunction load(): void {\n  throw new ZsaqError('missing', 'no config.json in /x: give a model folder');\n}",
      "const name: string = 'x';\n\nload();",
      "const many: number[] = [1];\nthrow new ZsaqError('range', 'bits 9 is not 2, 3, 4 or 8: choose one of them');",
      "for (let i = 1; i <= 3; i++) process.stdout.write(`\\r${i}/3`);",
      "type Pair = [number, number];\n\n\nconst broken = async (p: Pair) => {\n  await null;\n  throw new RangeError(`too big: ${p[0]}`);\n};\nawait broken([1, 2]);",
      "const wrong: string = 5;",
      "await show({ columns: [{ name: 'a' }], rows: [[1]] });\nview(lossFigure([{ step: 1, student: 2 }]))",
    );
    assert.deepEqual(value, { status: 'ok', shown: [{ execute_result: { 'text/plain': '6' } }] });
    assert.deepEqual(error.shown, [{ error: 'ZsaqError', message: 'no config.json in /x: give a model folder', traceback: ['no config.json in /x: give a model folder (line 3 of this cell)'] }]);
    assert.equal(defined.status, 'ok');
    assert.deepEqual(own.shown[0].traceback, ['bits 9 is not 2, 3, 4 or 8: choose one of them (line 2 of this cell)']);
    assert.equal(text.shown.map((s) => s.text).join(''), '\r1/3\r2/3\r3/3');
    assert.deepEqual(thrown.shown, [{ error: 'RangeError', message: 'too big: 1', traceback: ['RangeError: too big: 1', '    at broken (cell 6, line 6)', '    at async cell 6, line 8'] }]);
    assert.deepEqual(types.shown, [{ error: 'TypeScriptError', message: "line 1, column 7: Type 'number' is not assignable to type 'string'.", traceback: ["line 1, column 7: Type 'number' is not assignable to type 'string'."] }]);
    assert.deepEqual(Object.keys(bundle.shown[0].display_data), ['text/html', 'text/plain']);
    assert.deepEqual(Object.keys(bundle.shown[1].execute_result), ['application/vnd.plotly.v1+json', 'image/svg+xml']);
  });

  it('is quiet about TensorFlow and shows a danfo table', () => {
    const [loaded, frame] = cells(
      "import { ready, tf } from './src/core/backend';\nawait ready();\ntf.matMul(tf.ones([64, 64]), tf.ones([64, 64])).sum().dataSync()[0]",
      "import { toFrame } from './src/report/frame';\ntoFrame({ columns: [{ name: 'a' }, { name: 'b' }], rows: [[1, 'x'], [2, '<y>']] })",
    );
    assert.deepEqual(loaded, { status: 'ok', shown: [{ execute_result: { 'text/plain': '262144' } }] });
    assert.equal(frame.shown.length, 1);
    assert.match(frame.shown[0].execute_result['text/html'], /<td>2<\/td><td>&lt;y&gt;<\/td>/);
  });

  it('stops a run within one step and keeps its results', () => {
    const loop = (look: string) => `let steps = 0;\nfor (let i = 0; i < 400; i++) { steps += 1; await new Promise((r) => setTimeout(r, 25)); ${look} }\n'steps ' + steps`;
    const cancel = "if ((globalThis as any)[Symbol.for('zsaq.cancel')].aborted) break;";
    const [cooperative, next, stubborn, busy, twice, after] = cells(
      { source: loop(cancel), stopAfter: [1] },
      "(globalThis as any)[Symbol.for('zsaq.cancel')].aborted",
      { source: loop(''), stopAfter: [1] },
      { source: 'while (true) {}', stopAfter: [1] },
      { source: loop("(globalThis as any)[Symbol.for('zsaq.cancel')].aborted;"), stopAfter: [1, 1.5] },
      '1 + 1',
    );
    assert.equal(cooperative.status, 'ok');
    const steps = Number(/steps (\d+)/.exec(cooperative.shown[0].execute_result['text/plain'])?.[1]);
    assert.ok(steps > 5 && steps < 200, `${steps} steps`);
    assert.equal(next.shown[0].execute_result['text/plain'], 'false', 'a new cell begins anew');
    for (const broken of [stubborn, busy, twice]) assert.equal(broken.status, 'error');
    assert.equal(after.shown[0].execute_result['text/plain'], '2');
  });

  it('loads an edited module anew', () => {
    const module = path.join(root, 'test', 'scripts', `edited-${process.pid}.ts`);
    const name = `./test/scripts/edited-${process.pid}`;
    fs.writeFileSync(module, 'export const value: number = 1;\n');
    try {
      const [first, , second] = cells(
        `import * as edited from '${name}';\nedited.value`,
        `import * as files from 'node:fs';\nfiles.writeFileSync(${JSON.stringify(module)}, 'export const value: number = 2;\\n');\nawait new Promise((r) => setTimeout(r, 1500));`,
        `import * as again from '${name}';\nagain.value`,
      );
      assert.deepEqual([first, second].map((c) => c.shown[0].execute_result['text/plain']), ['1', '2']);
    } finally { fs.rmSync(module); }
  });

  it('tests a copy, runs in place, and writes a page with its figures', () => {
    const good = path.join(folder, 'good.ipynb'), bad = path.join(folder, 'bad.ipynb');
    const text = notebook("process.stdout.write('\\r1/2\\r2/2');", "import { view } from './src/report/notebook';\nimport { lossFigure } from './src/report/figure';\nview(lossFigure([{ step: 1, student: 2 }, { step: 2, student: 1 }]))");
    fs.writeFileSync(good, text);
    fs.writeFileSync(bad, notebook('1', "const x: number = 1;\nthrow new Error('broken on purpose');"));

    const tested = jupyter('test', good, bad);
    assert.equal(tested.status, 1);
    assert.match(tested.stdout, /good\.ipynb: ok \(\d/);
    assert.match(tested.stderr, /bad\.ipynb: FAILED in cell 2\n    const x: number = 1;\n    throw new Error\('broken on purpose'\);\nError: broken on purpose\n    at cell 2, line 2\n$/);
    assert.equal(fs.readFileSync(good, 'utf8'), text, 'a test leaves the notebook as it was');

    assert.equal(jupyter('run', good).status, 0);
    const saved = JSON.parse(fs.readFileSync(good, 'utf8'));
    assert.deepEqual([saved.cells[0].outputs[0].text].flat().join(''), '2/2', 'progress is kept as its last line');
    assert.ok(saved.cells[1].outputs[0].data['image/svg+xml']);

    assert.equal(jupyter('html', good).status, 0);
    const page = fs.readFileSync(path.join(folder, 'good.html'), 'utf8');
    const picture = /<img[^>]*src="data:image\/svg\+xml;base64,([^"]+)"/.exec(page)?.[1] ?? '';
    assert.ok(Buffer.from(picture, 'base64').toString().startsWith('<svg class="main-svg"'), 'the figure is in the page');
  });

  it('says what is wrong with the call', () => {
    const wrong = jupyter('fly');
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /npm run notebook -- run NOTEBOOK/);
    const missing = jupyter('test', path.join(folder, 'none.ipynb'));
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /no such notebook: .*none\.ipynb/);
  });
});
