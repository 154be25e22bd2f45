import { strict as assert } from 'node:assert';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pocketModelPath } from '../../datasets';
import { execute, readNotebook, root, textOf, whyNot, withParameters, type Notebook, type Output } from './execute';

const file = join(root, 'notebooks', '00-start.ipynb');
const outputsOf = (notebook: Notebook, id: string): Output[] => notebook.cells.find((c) => c.id === id)!.outputs!;
const SVG = 'image/svg+xml', PLOTLY = 'application/vnd.plotly.v1+json';

interface Traces { data: { name?: string; x: unknown[]; y: (number | null)[] }[] }

/** What the notebook must have shown, whatever its size. */
function checkOutputs(notebook: Notebook, steps: number): void {
  const [curves] = outputsOf(notebook, 'samsga');
  const { data } = curves.data![PLOTLY] as Traces;
  assert.deepEqual(data.map(({ name }) => name?.split(':')[0]), ['student', 'generator']);
  const [student, generator] = data;
  assert.deepEqual(student.x, Array.from({ length: steps }, (_, i) => i + 1));
  assert.ok(generator.x.length > 0 && generator.x.every((step) => student.x.includes(step)), 'the generator has its turns');
  for (const { x, y } of data) assert.ok(x.length === y.length && y.every((v) => typeof v === 'number' && v > 0), 'a divergence is a positive number');
  assert.match(textOf(curves.data![SVG]), /^<svg/);

  const table = textOf(outputsOf(notebook, 'table')[0].data!['text/html']);
  assert.match(table, /class="dataframe"/);
  const rows = [...table.matchAll(/<tr><th>\d+<\/th>(.*?)<\/tr>/g)].map(([, row]) => [...row.matchAll(/<td>(.*?)<\/td>/g)].map(([, cell]) => cell));
  assert.deepEqual(rows.map(([method]) => method), ['full precision', 'round to nearest', 'QAT on random tokens', 'SAM-SGA']);
  const [full, ...quantized] = rows.map(([, score, agreement, size]) => ({ score: Number(score), agreement: Number(agreement), size: Number(size) }));
  assert.ok(full.score > 75, `the teacher scores ${full.score}`);
  assert.equal(full.agreement, 100);
  for (const { score, agreement, size } of quantized) {
    assert.ok(score >= 0 && score <= 100 && agreement >= 0 && agreement <= 100);
    assert.ok(size > 0 && size < full.size / 4, `${size} MB of ${full.size}`);
  }

  const [bars] = outputsOf(notebook, 'bars');
  const drawn = (bars.data![PLOTLY] as Traces).data[0].y;
  quantized.forEach(({ score }, i) => assert.ok(Math.abs(score - drawn[i]!) < 0.051, 'the bars are those of the table'));
  assert.match(textOf(bars.data![SVG]), /^<svg/);
}

describe('notebooks/00-start', function () {
  this.timeout(600_000);

  it('runs without an error in any cell', async function () {
    const reason = whyNot() ?? (['pocket-bert', 'pocket-generator'] as const).map((name) => (existsSync(pocketModelPath(name)) ? undefined : `skipped: ${name} is not there: npx tsx datasets/pocket/train.ts makes it`)).find(Boolean);
    if (reason) { console.log(reason); this.skip(); }
    const small = withParameters(readNotebook(file), { preset: 'smoke', steps: 6, sentences: 100 });
    const { code, output, notebook } = await execute(small);
    assert.equal(code, 0, output);
    checkOutputs(notebook, 6);
  });

  it('is saved with the outputs of a real run, in order and without errors', () => {
    const notebook = readNotebook(file), cells = notebook.cells.filter((c) => c.cell_type === 'code');
    assert.deepEqual(cells.map((c) => c.execution_count), cells.map((_, i) => i + 1));
    assert.ok(cells.every((c) => c.outputs!.every((o) => o.output_type !== 'error')));
    const steps = Number(/let steps = (\d+);/.exec(textOf(notebook.cells.find((c) => c.metadata.tags?.includes('parameters'))!.source))![1]);
    assert.ok(steps >= 200);
    checkOutputs(notebook, steps);
  });

  it('is small, and holds no path of the machine that ran it', () => {
    assert.ok(statSync(file).size < 300_000, `${statSync(file).size} bytes`);
    const text = readFileSync(file, 'utf8');
    for (const place of [root, homedir()]) assert.ok(!text.includes(place), `${place} is in the notebook`);
    assert.doesNotMatch(text, /["'\s(](\/(home|root|tmp|work|Users|mnt|var)\/|[A-Z]:\\\\)/);
  });
});
