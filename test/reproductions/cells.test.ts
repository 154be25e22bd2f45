// Cells as data: one name for equal content, sealed results, an order that says most first.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { METHODS } from '../../src/index';
import { contentOf, idOf, PRESETS, quantizeCell, type QuantizeCell } from '../../reproductions/cells/cell';
import { dataHash, majorityScore } from '../../reproductions/cells/evaluation';
import { allResults, changedSetting, packed, readResult, resultOf, settingsOf, thinned, unpacked, writeResult, type ModelResult, type QuantizeResult } from '../../reproductions/cells/result';
import { allCells, SPECS } from '../../reproductions/registry';
import { ordered } from '../../reproductions/runner/order';
import { prepare } from '../../reproductions/runner/prepare';
import { measured, secondsOf } from '../../reproductions/runner/estimate';
import { isDone } from '../../reproductions/models';
import { matching, reasonIn } from '../../reproductions/runner/runner';
import { RECIPE } from '../../reproductions/recipe';
import { cellsAt, variant } from '../../reproductions/specs/matrix';
import { encoders } from '../../reproductions/setups';
import { findIn } from '../../reproductions/report/report';
import { loadEvaluation, POCKET_TASKS } from '../../datasets';
import type { Entry } from '../../src/index';

/** A result as a run would leave it. */
export function made(cell: QuantizeCell, score: number, values = [1, 0, 1, 1], more: Partial<QuantizeResult> = {}): QuantizeResult {
  return {
    recipe: RECIPE, id: idOf(cell), cell, status: 'ok', task: cell.task, metric: 'accuracy', score, examples: values.length, majority: 50, each: packed({ kind: 'correct', values: Float32Array.from(values) }), transfer: [],
    steps: 20, seconds: 2, peakBytes: 1e9, sizeBytes: 1e6, phases: {}, settings: settingsOf(cell), planOptions: {}, sharpness: null, history: [], read: null,
    hashes: { model: 'a', generator: null, data: 'b' }, date: '2026-01-01', commit: 'c', backend: 'tensorflow', device: 'd', ...more,
  };
}

const cell = cellsAt('smoke', encoders('smoke')[0], variant('smoke', 'samSga'), 'W2A8')[0];

describe('cells of reproductions', () => {
  const dir = mkdtempSync(join(tmpdir(), 'zsaq-cells-'));
  after(() => rmSync(dir, { recursive: true, force: true }));

  it('a cell that makes a model is done where the model is, for results travel without it', () => {
    const results = join(dir, 'made'), cellOf = (name: string) => ({ kind: 'pretrain', preset: 'smoke', name, from: 'pocket-reports', options: {} } as const);
    for (const name of ['pocket-bert', 'generator-pocket-reports-7M']) writeResult(results, { recipe: RECIPE, id: idOf(cellOf(name)), cell: cellOf(name), status: 'ok', metrics: {}, hashes: { model: 'a' } } as unknown as ModelResult);
    assert.deepEqual([isDone(results, cellOf('pocket-bert')), isDone(results, cellOf('generator-pocket-reports-7M')), isDone(results, cell)], [true, false, false]);
    writeResult(results, made(cell, 80));
    assert.equal(isDone(results, cell), true);
  });

  it('says why a cell ended in this attempt, not in one before', () => {
    const log = join(dir, 'a.log'), before = 'zsaq: no space is left on the disk\n';
    writeFileSync(log, `${before}2026 a cell\n`);
    assert.match(reasonIn(log, before.length, 'SIGKILL'), /^it was ended by SIGKILL, as a system that runs out of memory does$/);
    assert.equal(reasonIn(log, before.length), '2026 a cell');
    assert.equal(reasonIn(log, 0), 'no space is left on the disk');
    assert.equal(reasonIn(join(dir, 'none.log'), 0), 'no reason given');
  });

  it('every spec has its words and, at some preset, cells; ids are unique and are file names', () => {
    for (const preset of PRESETS) {
      const cells = allCells(preset), ids = cells.map(idOf);
      assert.equal(new Set(ids).size, ids.length, preset);
      for (const id of ids) assert.match(id, /^[\w.-]{1,120}$/);
      for (const c of cells) assert.ok(c.method in METHODS && (c.method === 'full') === (c.bits === 'W32A32'), idOf(c));
    }
    for (const spec of SPECS) {
      assert.ok(spec.claim && spec.meaning && spec.title, spec.id);
      for (const preset of PRESETS) assert.ok(spec.cells(preset).length || spec.absent?.(preset), `${spec.id} at ${preset} has neither cells nor a reason`);
    }
  });

  it('tables share a cell by content, and any change of content is another cell', () => {
    const [table1, table5] = ['table1', 'table5'].map((id) => new Set(SPECS.find((s) => s.id === id)!.cells('mini').map(contentOf)));
    for (const content of table5) assert.ok(table1.has(content), 'Table 5 is a view of the matrix');
    const sweeps = ['figure2', 'beta', 'granularity', 'mixed'].map((id) => new Set(SPECS.find((s) => s.id === id)!.cells('mini').filter((c) => c.method === 'samSga' && c.seed === 0).map(contentOf)));
    assert.equal([...sweeps[0]].filter((content) => sweeps.every((s) => s.has(content))).length, 2, 'all sweeps hold the same plain run of each of their two tasks');
    for (const change of [{ seed: 9 }, { set: ['beta=0.5'] }, { bits: 'W4A8' }, { task: 'RTE' }, { model: 'other' }, { generator: 'other' }] as Partial<QuantizeCell>[]) assert.notEqual(contentOf({ ...cell, ...change }), contentOf(cell));
  });

  it('mini: no generator has read its teacher\'s text, three seeds for the core methods at 2 bits and one for the rest', () => {
    for (const c of allCells('mini')) if (c.model.startsWith('opt-') && c.generator) assert.notEqual(c.generator, c.model);
    const seeds = (key: string, bits: string) => cellsAt('mini', encoders('mini')[1], variant('mini', key), bits).length;
    assert.deepEqual(['samSga', 'adversarial', 'qatRandom', 'qatReal'].map((k) => [seeds(k, 'W2A8'), seeds(k, 'W4A8')]), [[3, 1], [3, 1], [3, 1], [1, 1]]);
  });

  it('paper: a generator of another vocabulary writes nothing that GPTQ, ZeroQuant or LLM-QAT would have to read', () => {
    const [bert] = encoders('paper'), of = (key: string) => cellsAt('paper', bert, variant('paper', key), 'W2A8');
    for (const key of ['gptq', 'zeroQuant', 'zeroQuantRows']) assert.ok(of(key).every((c) => c.set.includes('inputs=random') && c.generator === null), key);
    assert.deepEqual(of('llmQat'), []);
    assert.ok(of('samSga').every((c) => c.set.includes('adaptation.kind=linear') && c.generator === bert.generator));
  });

  it('a result comes back as it was written, and one changed by hand is refused', () => {
    const file = writeResult(dir, made(cell, 90));
    assert.deepEqual(readResult(file), made(cell, 90));
    assert.equal((resultOf(dir, cell) as QuantizeResult).score, 90);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"score": 90', '"score": 91'));
    assert.throws(() => readResult(file), /changed after it was written/);
    writeResult(dir, made(cell, 90));
  });

  it('examples of one set are not scored beside those of another, nor shown beside them', () => {
    const results = join(dir, 'sets'), [other] = cellsAt('smoke', encoders('smoke')[0], variant('smoke', 'qatRandom'), 'W2A8'), data = dataHash(loadEvaluation(cell.task, undefined));
    const asked = (hash: string) => prepare([other], results, { known: [made(cell, 80, [1], { hashes: { model: 'a', generator: null, data: hash } })] });
    assert.deepEqual(asked(data).todo, [other]);
    const { todo, unavailable } = asked('b');
    assert.deepEqual([todo, unavailable.length], [[], 1]);
    assert.match(unavailable[0].why, /the evaluation set of pocket-sentiment is another one than that of the results in .*sets \(1 examples\): give --results a folder of its own/);
    writeResult(results, made(cell, 80));
    assert.equal(findIn(results)(cell)?.id, idOf(cell));
    writeResult(results, made(other, 80, [1], { hashes: { model: 'a', generator: null, data } }));
    assert.throws(() => findIn(results), /were scored on different sets of pocket-sentiment \(1 and 4\)|\(4 and 1\)/);
  });

  it('a result counts as long as the settings that it was made with are those of today', () => {
    assert.equal(changedSetting(made(cell, 90)), undefined);
    const { beta: _, ...older } = settingsOf(cell);
    assert.equal(changedSetting(made(cell, 90, [1], { settings: older })), undefined, 'a setting that came later is off in it');
    assert.equal(changedSetting(made(cell, 90, [1], { settings: { ...settingsOf(cell), beta: 0.123 } })), 'beta');
    assert.match(changedSetting(made(cell, 90, [1], { recipe: RECIPE - 1 }))!, /recipe/);
  });

  it('packs contributions without loss', () => {
    fc.assert(fc.property(fc.array(fc.boolean(), { maxLength: 70 }), (bits) => {
      const values = Float32Array.from(bits, Number);
      assert.deepEqual(unpacked(packed({ kind: 'correct', values })), values);
    }));
    fc.assert(fc.property(fc.float32Array({ maxLength: 40, noNaN: true }), (values) => { assert.deepEqual(unpacked(packed({ kind: 'nll', values })), Float32Array.from(values)); }));
  });

  it('thins a history to means', () => {
    const entry = (step: number): Entry => ({ step, student: step, generator: step % 5 ? null : 2, sharpness: null, relativeRadius: null, codesMoved: null, gradientNorm: 1, distinct: 0.5, held: null, manifold: null, classes: null });
    const points = thinned(Array.from({ length: 100 }, (_, i) => entry(i + 1)), 10);
    assert.equal(points.length, 10);
    assert.deepEqual(points[0], { step: 10, student: 5.5, generator: 2, gradientNorm: 1, distinct: 0.5 });
    assert.deepEqual(thinned([]), []);
  });

  it('the best constant answer', () => {
    const [sentiment] = POCKET_TASKS, examples = [1, 1, 1, 0].map((label) => ({ text: '', label }));
    assert.equal(majorityScore(sentiment, examples), 75);
    assert.equal(majorityScore({ ...sentiment, metric: 'matthews' }, examples), 0);
    assert.equal(majorityScore({ ...sentiment, kind: 'languageModel', metric: 'perplexity' }, []), null);
  });

  it('runs what is quick first, then the core comparison of a task before other tasks, first seeds before others', () => {
    const cells = allCells('mini').filter((c) => !c.bank && !c.model.startsWith('pocket-')), seconds = (c: QuantizeCell) => secondsOf(c, new Map()), queue = ordered(cells, seconds), at = (c: QuantizeCell) => queue.findIndex((q) => contentOf(q) === contentOf(c));
    assert.equal(queue.length, cells.length);
    const [core] = queue.filter((c) => c.method === 'samSga');
    assert.deepEqual([core.task, core.bits, core.seed], ['SST-2', 'W2A8', 0]);
    assert.ok(queue.slice(0, at(core)).every((c) => seconds(c) < 150));
    for (const c of queue) if (c.seed > 0 && c.set.length === 0) assert.ok(at({ ...c, seed: 0, transfer: queue.find((q) => q.seed === 0 && q.task === c.task && q.method === c.method && q.bits === c.bits && !q.set.length)!.transfer }) < at(c), idOf(c));
  });

  it('learns the time of a step from results', () => {
    const known = measured([made(cell, 90, [1], { steps: 20, seconds: 40 })]);
    assert.ok(Math.abs(secondsOf(cell, known) - secondsOf(cell, new Map()) - 40 + 20 * 0.06 * 1.3) < 1e-9);
  });

  it('tells the time of layers distilled by themselves from that of steps, and learns it for all methods that do so', () => {
    const at = (key: string, bits: string) => cellsAt('mini', encoders('mini')[0], variant('mini', key), bits)[0], nothing = new Map<string, number>(), seconds = 600 * 1.5 + 600 * 0.25;
    const known = measured([{ ...made(at('samSga', 'W2A8'), 90, [1], { steps: 600, seconds }), phases: { layers: 600 * 0.25 } } as QuantizeResult]);
    for (const [key, bits, steps, updates] of [['samSga', 'W4A8', 150, 150], ['zeroQuant', 'W4A8', 0, 150], ['qatRandom', 'W4A8', 0, 150], ['qatRandom', 'W2A8', 0, 600]] as const) {
      const gained = secondsOf(at(key, bits), known) - secondsOf(at(key, bits), nothing);
      assert.ok(Math.abs(gained - updates * (0.25 - 0.15) - steps * (1.5 - 1.3)) < 1e-6, `${key} ${gained}`);
    }
  });

  it('every committed result is shown somewhere', () => {
    const asked = new Map(PRESETS.map((preset) => [preset, new Set(allCells(preset).map(contentOf))]));
    const orphans = [...allResults(join(__dirname, '..', '..', 'reproductions', 'results', 'cells')).values()].filter(({ cell }) => cell.kind === 'quantize' && !asked.get(cell.preset)!.has(contentOf(cell)));
    assert.deepEqual(orphans.map((r) => r.id), []);
  });

  it('--only takes a part of the description, * for anything', () => {
    const found = matching(allCells('mini'), 'SST-2 W2A8 sam*seed 0');
    assert.ok(found.length > 0 && found.every((c) => c.task === 'SST-2' && c.method === 'samSga' && c.seed === 0));
    assert.deepEqual(matching(allCells('mini'), 'no such'), []);
    assert.equal(quantizeCell({ ...cell, generator: 'g', method: 'gptq', set: ['inputs=random'] }).generator, null);
  });
});
