// Results that cannot lie unnoticed: a leak is refused, a changed number is seen, and what was read is on record.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { METHODS, Stream, ZsaqError } from '../../src/index';
import { quantizeCell } from '../../reproductions/cells/cell';
import { readResult, settingsOf, type CellResult, type QuantizeResult } from '../../reproductions/cells/result';
import { runCell } from '../../reproductions/cells/run';

const CELLS = join(__dirname, '..', '..', 'reproductions', 'results', 'cells');
const files = readdirSync(CELLS).filter((name) => name.endsWith('.json')).map((name) => join(CELLS, name));

/** Every leaf of a result with the path to it. */
function leaves(value: unknown, path: string[] = []): string[][] {
  return typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key])) : [path];
}

describe('honesty', () => {
  const dir = mkdtempSync(join(tmpdir(), 'zsaq-honesty-'));
  after(() => rmSync(dir, { recursive: true, force: true }));

  it('a cell whose generator has read the evaluation\'s text is refused before it runs', async () => {
    const cell = quantizeCell({ preset: 'smoke', model: 'pocket-opt', task: 'pocket-tales', generator: 'pocket-opt', method: 'samSga', bits: 'W2A8' });
    await assert.rejects(runCell(cell, { results: join(dir, 'results'), work: join(dir, 'work'), dataDir: undefined, signal: new AbortController().signal }), (e) => e instanceof ZsaqError && e.code === 'leak' && /was trained on pocket-tales/.test(e.message));
  }).timeout(60_000);

  it('a result in which any one value was changed by hand is refused', () => {
    assert.ok(files.length > 0);
    const random = new Stream('honesty', 1), path = join(dir, 'result.json');
    for (let i = 0; i < 300; i++) {
      const whole = JSON.parse(readFileSync(random.pick(files), 'utf8')) as Record<string, unknown>, place = random.pick(leaves(whole));
      let at = whole;
      for (const key of place.slice(0, -1)) at = at[key] as Record<string, unknown>;
      const key = place.at(-1)!, old = at[key];
      at[key] = typeof old === 'number' ? 2 * old + 1 : typeof old === 'boolean' ? !old : typeof old === 'string' ? `${old}x` : 1;
      writeFileSync(path, JSON.stringify(whole));
      assert.throws(() => readResult(path), (e) => e instanceof ZsaqError && e.code === 'format' && /changed after it was written/.test(e.message), place.join('.'));
    }
  });

  it('committed results are sealed, and only a method that declares it has read real text', () => {
    for (const file of files) {
      const result: CellResult = readResult(file);
      if (result.cell.kind !== 'quantize') continue;
      const { read, cell } = result as QuantizeResult, declared = METHODS[cell.method].needs(settingsOf(cell) as never) === 'data';
      assert.equal(read !== null, declared, file);
      if (read) assert.match(read.sha256, /^[0-9a-f]{64}$/, file);
    }
  });
});
