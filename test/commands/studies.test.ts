// What the studies' reports say of committed results, and the small commands around them.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { correlationWords, rankCorrelation } from '../../src/commands/reports/correlation';
import { RESULTS } from '../../src/commands/reports/report';
import { readJson } from '../../src/index';
import { report } from '../../src/reports';
import { bert, generator, lastJson, scratch, zsaq } from './helpers';
import type { FailureRow } from '../../src/commands/reports/failures';

describe('commands: studies', () => {
  it('a rank correlation has its sign, its interval and its doubt', () => {
    const x = Array.from({ length: 20 }, (_, i) => i), up = rankCorrelation(x, x.map((v) => v ** 3))!, none = rankCorrelation(x, x.map((v) => (v * 7) % 5))!;
    assert.ok(up.rho > 0.999 && up.low > 0.999 && none.low < 0 && none.high > 0);
    assert.match(correlationWords(none), /cannot be told from none$/);
    assert.doesNotMatch(correlationWords(up), /cannot/);
    assert.equal(rankCorrelation([1, 2, 3], [1, 2, 3]), null, 'too few');
    assert.equal(rankCorrelation(x, x.map(() => 1)), null, 'no spread');
  });

  for (const name of ['convergence', 'flatness', 'diversity', 'failures']) {
    it(`${name}: drawn from committed results, every table whole, every figure with points`, async function () {
      if (!existsSync(join(RESULTS, name))) this.skip();
      const { text, tables, figures, json } = await report(name);
      assert.ok(text.length > 100 && !/NaN|undefined/.test(text), text);
      assert.ok(tables.length > 0 && tables.every((t) => t.rows.length > 0 && t.rows.every((row) => row.length === t.columns.length)));
      assert.ok(Object.values(figures).length > 0 && Object.values(figures).every(({ data }) => data.length > 0 && data.every((trace) => ((trace.x ?? trace.z) as unknown[]).length > 0)));
      assert.ok(json.rows.length > 0);
    });
  }

  it('failures on seeds and a task that the thresholds were not chosen on: nine in ten seen in time, at most one false alarm in twenty', async function () {
    if (!existsSync(join(RESULTS, 'failures'))) this.skip();
    const rows = ((await report('failures')).json.rows as FailureRow[]).filter((r) => r.shown), failing = rows.filter((r) => r.signature), healthy = rows.filter((r) => !r.signature);
    assert.ok(failing.length >= 15 && healthy.length >= 10, `${failing.length} failing and ${healthy.length} healthy runs`);
    assert.ok(failing.filter((r) => r.share !== null && r.share <= 0.2).length >= 0.9 * failing.length);
    assert.ok(failing.filter((r) => r.caught).length >= 0.8 * failing.length, 'under their own name');
    assert.ok(healthy.filter((r) => r.seen).length <= healthy.length / 20);
  });

  it('a study that was interrupted can be reported as far as it is', async () => {
    const dir = scratch(), [file] = readdirSync(join(RESULTS, 'flatness')), flat = readJson(join(RESULTS, 'flatness', file)) as { runs: { beta: number }[] };
    for (const folder of ['flatness', 'convergence']) mkdirSync(dir.path(folder));
    writeFileSync(join(dir.path('flatness'), file), JSON.stringify({ ...flat, runs: flat.runs.filter((r) => r.beta === 0).slice(0, 1) }));
    assert.match((await report('flatness', { results: dir.path('.') })).text, /No run with SAM stands beside one without yet/);
    for (const name of ['mcCormick', 'plGame']) {
      const found = readJson(join(RESULTS, 'convergence', `${name}.json`)) as { series: { id: string }[] };
      writeFileSync(join(dir.path('convergence'), `${name}.json`), JSON.stringify(name === 'plGame' ? { ...found, series: found.series.slice(0, 1 + found.series.findIndex((s) => s.id.startsWith('beta='))) } : found));
    }
    const { tables } = await report('convergence', { results: dir.path('.') });
    assert.ok(tables.every((t) => t.rows.every((row) => row.length === t.columns.length)));
    dir.remove();
  });

  it('an unknown report and missing results are one sentence', async () => {
    await assert.rejects(report('nothing'), /there is no report "nothing": choose /);
    await assert.rejects(report('flatness', { results: join(RESULTS, 'nowhere') }), /run `zsaq flatness`/);
  });

  it('cost counts every method and sets a run beside it', async () => {
    const dir = scratch(), run = dir.path('run');
    assert.equal((await zsaq('quantize', '--model', bert, '--generator', generator, '--bits', 'W2A8', '--method', 'qatRandom', '--set', 'steps=2', '--preset', 'smoke', '--out', run)).code, 0);
    const { rows } = lastJson(await zsaq('cost', run, '--model', bert, '--generator', generator, '--preset', 'smoke', '--json')) as { rows: { method: string; relative: number; total: number; seconds: number | null; peakBytes: number | null }[] };
    const of = (method: string) => rows.find((r) => r.method === method)!;
    assert.ok(of('samSga').relative > of('adversarial').relative && of('adversarial').relative > 1 && of('qatRandom').relative === 1 && of('ptq').total === 0);
    assert.equal(of('qatRandom (run run)').relative, 1, 'of its own two steps');
    assert.ok(of('qatRandom (run run)').seconds! > 0 && of('qatRandom (run run)').peakBytes! > 0);
    const { code, stderr } = await zsaq('cost', run, '--model', dir.copy(bert, 'other'), '--generator', generator);
    assert.ok(code === 1 && /is a run of/.test(stderr));
    dir.remove();
  });

  it('wrong words are told before anything is loaded', async () => {
    for (const args of [['failures', 'nothing'], ['failures', '--seeds', '3x'], ['convergence', 'mcCormick', '--preset', 'smoke'], ['convergence', '--model', bert, '--generator', generator, '--lengths', '3'], ['quantize', '--model', bert, '--bits', 'W2A8', '--out', '/nowhere', '--on-failure', 'panic']]) {
      const { code, stderr } = await zsaq(...args);
      assert.ok(code === 2 && stderr.split('\n').length === 2, stderr);
    }
  });
});
