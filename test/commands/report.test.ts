import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { lastJson, scratch, zsaq } from './helpers';
import type { SlopeRow } from '../../src/commands/reports/convergence';

describe('commands/report and commands/convergence', () => {
  const dir = scratch(), results = dir.path('results');
  before(async () => assert.equal((await zsaq('convergence', 'mcCormick', '--preset', 'smoke', '--results', results)).code, 0));
  after(() => dir.remove());

  it('what is there already is kept, what is missing is played again to the same digits', async () => {
    const path = dir.path('results', 'convergence', 'mcCormick.json'), whole = JSON.parse(readFileSync(path, 'utf8')) as { series: { id: string }[] };
    writeFileSync(path, JSON.stringify({ ...whole, series: whole.series.filter(({ id }) => id !== 'samSga') }));
    assert.equal((await zsaq('convergence', 'mcCormick', '--preset', 'smoke', '--results', results)).code, 0);
    assert.deepEqual((JSON.parse(readFileSync(path, 'utf8')) as typeof whole).series, whole.series);
  });

  it('networks alone have a report: a slope over the lengths that have every seed, and no interval of one seed', async () => {
    const run = (steps: number, seed: number) => ({ steps, seed, mean: 10 / Math.sqrt(steps), course: [] }), network = (name: string, runs: unknown[]) => ({ network: name, generator: 'g', bits: 'W2A8', backend: 'tensorflow', commit: 'x', device: 'y', runs });
    mkdirSync(dir.path('networks', 'convergence'), { recursive: true });
    writeFileSync(dir.path('networks', 'convergence', 'network-one-W2A8.json'), JSON.stringify(network('one', [run(100, 0), run(400, 0)])));
    writeFileSync(dir.path('networks', 'convergence', 'network-two-W2A8.json'), JSON.stringify(network('two', [run(100, 0), run(100, 1), run(400, 0), run(400, 1), run(900, 0)])));
    const { rows, networks } = lastJson(await zsaq('report', 'convergence', '--results', dir.path('networks'), '--json')) as unknown as Record<string, Record<string, number | null>[]>;
    assert.deepEqual([rows.length, networks.length], [0, 2]);
    for (const { slope } of networks) assert.ok(Math.abs(slope! + 0.5) < 1e-9);
    assert.deepEqual(networks.map(({ low, to, seeds }) => [low === null, to, seeds]), [[true, 400, 1], [false, 400, 2]]);
  });

  it('one report as JSON has its rows', async () => {
    const { rows, floors, ratios, betas } = lastJson(await zsaq('report', 'convergence', '--results', results, '--json')) as unknown as Record<string, unknown[]>;
    const row = (rows as SlopeRow[]).find((r) => r.algorithm === 'samSga' && r.measure === 'student')!;
    assert.equal(row.problem, 'mcCormick');
    assert.ok(row.low <= row.slope && row.slope <= row.high && Math.abs(row.slope + 0.5) < 0.1);
    assert.deepEqual([rows.length, floors.length, betas.length, ratios.length], [6, 5, 5, 10]);
  });

  it('writes tables and figures, the same each time', async () => {
    const written = async (out: string) => {
      const { code, stdout } = await zsaq('report', 'convergence', '--results', results, '--out', dir.path(out));
      assert.equal(code, 0);
      assert.match(stdout, /convergence\.md/);
      assert.match(readFileSync(dir.path(out, 'convergence.md'), 'utf8'), /McCormick with noise \| SAM-SGA/);
      return Object.fromEntries(readdirSync(dir.path(out)).map((name) => [name, readFileSync(dir.path(out, name), 'utf8')]));
    };
    const [first, second] = [await written('first'), await written('second')];
    assert.deepEqual(Object.keys(first).filter((name) => !name.endsWith('.csv')).sort(), ['convergence.md', 'convergence.tex', 'floor-mcCormick.svg', 'ratios.svg', 'slopes.svg']);
    const tables = Object.keys(first).filter((name) => name.endsWith('.csv')).sort();
    assert.ok(tables.length > 1 && tables.every((name, i) => name === `convergence-${i + 1}.csv`), tables.join());
    assert.deepEqual(first, second);
  });

  it('a wrong name and missing results are one sentence', async () => {
    assert.deepEqual([(await zsaq('report', 'nothing')).code, (await zsaq('convergence', 'nothing')).code, (await zsaq('convergence', '--preset', 'huge')).code], [2, 2, 2]);
    const { code, stderr } = await zsaq('report', 'convergence', '--results', dir.path('empty'));
    assert.equal(code, 1);
    assert.match(stderr, /holds no results: run `zsaq convergence`/);
  });
});
