// Preset paper as far as it can be checked without its models: shapes, plans, memory, hours.
import assert from 'node:assert/strict';
import { makePlan, planDefaults } from '../../src/index';
import { allCells } from '../../reproductions/registry';
import { secondsOf } from '../../reproductions/runner/estimate';
import { architectureOf, flopsOf, megabytesOf, parametersOf } from '../../reproductions/runner/size';
import { cellsAt, variant } from '../../reproductions/specs/matrix';
import { encoders } from '../../reproductions/setups';

describe('sizes of reproductions', () => {
  it('the paper\'s models have as many parameters as published', () => {
    const published = { 'bert-base': 109_483_778, 'bert-large': 335_143_938, 'distilbert/distilgpt2': 81_912_576, 'facebook/opt-125m': 125_239_296, 'facebook/opt-350m': 331_196_416, 'facebook/opt-1.3b': 1_315_758_080 };
    for (const [name, count] of Object.entries(published)) assert.equal(parametersOf(architectureOf(name)!), count, name);
  });

  it('each of its models takes a plan, and each of its cells has an estimate of time and memory', () => {
    for (const cell of allCells('paper')) {
      const model = architectureOf(cell.model);
      assert.ok(model, `${cell.model} has no architecture`);
      if (cell.seed > 0 || cell.bits !== 'W2A8') continue;
      assert.ok(flopsOf(cell)! >= 0 && megabytesOf(cell) > 1000 && secondsOf(cell, new Map()) >= 120, cell.model);
      assert.ok(Object.keys(makePlan(model, planDefaults(2, 8, false)).weights).length > 50);
    }
  }).timeout(60_000);

  it('the estimate of memory is above what BERT-base and MiniLM took in the benchmark, by less than half', () => {
    const [setup] = encoders('paper'), cell = cellsAt('mini', { ...setup, generator: 'facebook/opt-125m', set: [] }, variant('mini', 'samSga'), 'W2A8')[0];
    const mb = megabytesOf(cell); // 3824 MB beyond the libraries with a generator of 11M (reproductions/results/bench)
    assert.ok(mb > 3824 && mb < 1.6 * (3824 + 900 + 4 * 5 * 125), String(mb));
  });
});
