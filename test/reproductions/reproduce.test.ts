// The runner as a user runs it, on the bundled models: killed and continued, nothing lost, nothing computed twice.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { idOf, type QuantizeCell } from '../../reproductions/cells/cell';
import type { QuantizeResult } from '../../reproductions/cells/result';
import { workFolder } from '../../reproductions/cells/run';
import { specOf } from '../../reproductions/registry';
import { matching } from '../../reproductions/runner/runner';
import { Stream } from '../../src/index';
import { lastJson, scratch, spawnZsaq, zsaq } from '../commands/helpers';

/** Kills of the runner; more on request. */
const KILLS = Number(process.env.ZSAQ_KILLS ?? 1);
/** Cells of 20 and of 80 steps. */
const ONLY = 'qatRandom';

describe('zsaq reproduce', () => {
  const s = scratch();
  after(() => s.remove());
  const places = (name: string) => ['--preset', 'smoke', '--results', s.path(name, 'results'), '--work', s.path(name, 'work'), '--json'];
  const results = (name: string) => (existsSync(s.path(name, 'results', 'cells')) ? readdirSync(s.path(name, 'results', 'cells')).filter((f) => f.endsWith('.json')) : []);
  const numbers = (name: string, file: string) => { const { score, each, history } = JSON.parse(readFileSync(s.path(name, 'results', 'cells', file), 'utf8')) as Record<string, unknown>; return { score, each, history }; };

  it('names every table, figure and question with its cells; --dry-run runs nothing', async () => {
    const list = await zsaq('reproduce', '--list', ...places('none')), specs = lastJson(list).specs as { name: string; cells: number; done: number; note: string | null }[];
    for (const name of ['table1', 'table2', 'table3', 'table5', 'table6', 'ablation', 'figure2', 'figure3', 'figure4', 'beta', 'granularity', 'bits', 'overhead', 'multimodal']) assert.ok(specs.some((x) => x.name === name), name);
    for (const { name, cells, note } of specs) assert.ok(cells > 0 || note, `${name} says why it has no cells`);
    const dry = lastJson(await zsaq('reproduce', 'all', '--dry-run', ...places('none'))) as { todo: unknown[]; secondsLeft: number };
    assert.ok(dry.todo.length > 50 && dry.secondsLeft > 0);
    assert.ok(!existsSync(s.path('none', 'results')));
  });

  it('two runners share the cells; none is ever run again, and a deleted result comes back with the same numbers', async () => {
    const args = ['reproduce', 'table1', '--only', 'W2A8 ptq', ...places('whole')], both = await Promise.all([spawnZsaq(args), spawnZsaq(args)]);
    for (const { code, stderr } of both) assert.equal(code, 0, stderr);
    const finished = both.flatMap((e) => (lastJson(e) as { finished: string[] }).finished);
    assert.deepEqual(finished.map((id) => `${id}.json`).sort(), results('whole'), 'each cell by one of them');
    assert.equal(finished.length, 2);
    const [file] = results('whole'), before = numbers('whole', file);
    rmSync(s.path('whole', 'results', 'cells', file));
    const again = lastJson(await zsaq(...args)) as { finished: string[]; done: number };
    assert.deepEqual(again, { ...again, finished: [file.replace(/\.json$/, '')], done: 1 });
    assert.deepEqual(numbers('whole', file), before);
    const spec = (lastJson(await zsaq('reproduce', '--list', ...places('whole'))).specs as { name: string; done: number }[]).find((x) => x.name === 'table1')!;
    assert.equal(spec.done, 2);
  }).timeout(240_000);

  it('a failed cell stops no other, with two workers: it is named with its reason, and the command ends with 1', async () => {
    const [bad, good] = matching(specOf('table1').cells('smoke') as QuantizeCell[], 'W2A8 ptq'), place = workFolder(bad, s.path('failing', 'work'));
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, 'a file where the run wants its folder');
    const { code, stdout, stderr } = await spawnZsaq(['reproduce', 'table1', '--only', 'W2A8 ptq', '--workers', '2', ...places('failing')]);
    assert.equal(code, 1, stderr);
    const { finished, failed } = JSON.parse(stdout.trim().split('\n').pop()!) as { finished: string[]; failed: { id: string; why: string; log: string }[] };
    assert.deepEqual([finished, failed.map(({ id }) => id)], [[idOf(good)], [idOf(bad)]]);
    assert.ok(failed[0].why.length > 10 && existsSync(failed[0].log), failed[0].why);
  }).timeout(240_000);

  it('a student measured along its run ends with its own score and divergence, and a landscape has the student in its middle', async () => {
    for (const [spec, only] of [['along', 'pocket-sentiment'], ['figure4', 'samSga']]) assert.equal((await spawnZsaq(['reproduce', spec, '--only', only, ...places('measured')])).code, 0, spec);
    const found = results('measured').map((file) => JSON.parse(readFileSync(s.path('measured', 'results', 'cells', file), 'utf8')) as QuantizeResult);
    const { along, score, bank } = found.find((r) => r.along)!, { a, b, loss } = found.find((r) => r.landscape)!.landscape!, near = (x: number | null, y: number): boolean => Math.abs(x! - y) <= 1e-4 * y;
    assert.deepEqual(along!.map(({ step }) => step), [1, 10, 20]);
    assert.ok(near(along![2].score, score!) && near(along![2].bank, bank!.mean), JSON.stringify({ along, score, bank }));
    assert.deepEqual([loss.length, loss[0].length, a[5], b[5]], [b.length, a.length, 0, 0]);
    const edge = [...loss[0], ...loss[loss.length - 1]], middle = loss[5][5];
    assert.ok(middle > 0 && edge.every((x) => x > middle), 'it rises from the middle to the edge');
  }).timeout(240_000);

  it(`killed ${KILLS} times at random moments it goes on, and ends with what an undisturbed run has`, async () => {
    const args = (name: string) => ['reproduce', 'control', '--only', ONLY, ...places(name)], random = new Stream('kills', 1);
    await spawnZsaq(args('still'));
    for (let kill = 0; kill < KILLS; kill++) {
      const before = new Map(results('killed').map((f) => [f, statSync(s.path('killed', 'results', 'cells', f)).mtimeMs]));
      await spawnZsaq(args('killed'), undefined, (child) => { setTimeout(() => child.kill('SIGKILL'), 1500 + random.int(9000)); });
      for (const [file, time] of before) assert.equal(statSync(s.path('killed', 'results', 'cells', file)).mtimeMs, time, 'a finished cell was touched');
    }
    const last = await spawnZsaq(args('killed'));
    assert.equal(last.code, 0, last.stderr);
    assert.deepEqual(results('killed'), results('still'));
    assert.ok(results('killed').length >= 2);
    for (const file of results('still')) assert.deepEqual(numbers('killed', file), numbers('still', file), file);
    assert.deepEqual(readdirSync(s.path('killed', 'work')), ['logs'], 'no unfinished run is left');
  }).timeout(1_200_000);
});
