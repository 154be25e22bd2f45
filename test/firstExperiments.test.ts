import assert from 'node:assert/strict';
import { ready, tf } from '../src/core/backend';
import { compareOutputs, meanComparison } from '../src/analysis/outputs';
import { tensorCount } from '../src/core/memory';
import { firstExperiments, firstVerdicts, type FirstExperiments } from '../src/firstExperiments';
import { loadModel } from '../src/models/load';
import { loadTokenizer } from '../src/text/tokenizer';
import { pocketModelPath } from '../datasets';
import { dispose } from '../src/core/tree';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

describe('firstExperiments', () => {
  before(() => ready());

  it('runs on the bundled models: everything finite, the student moves and comes nearer, no tensor is left', async () => {
    const teacher = await loadModel(pocketModelPath('pocket-bert')), generator = await loadModel(pocketModelPath('pocket-generator')), start = tensorCount(), seen: string[] = [];
    const { smoke, convergence, outputs: { rounded, trained } } = await firstExperiments({
      teacher, generator, tokenizer: loadTokenizer(teacher.dir), bits: 'W2A8', steps: 30, set: ['batch=4', 'seq=16'], onProgress: (experiment) => { seen.push(experiment); },
    });
    assert.deepEqual([smoke.status, smoke.steps, smoke.finite, smoke.studentMoved, smoke.teacherUnchanged], ['ok', 10, true, true, true]);
    assert.deepEqual([seen.filter((s) => s === 'smoke').length, seen.length, convergence.history.length], [10, 40, 30]);
    assert.ok(convergence.heldOut.last < convergence.heldOut.first && convergence.ascent > 0);
    assert.ok(trained.layers.at(-1)! < rounded.layers.at(-1)! && trained.agreement > 0.5 && rounded.layers.length === 5);
    assert.equal(tensorCount(), start);
    dispose(teacher.params, generator.params);
  }).timeout(120_000);

  it('says of each experiment what came out, good or bad', () => {
    const layers = { layers: [], differences: [] }, found = (over: { finite?: boolean; last?: number; ascent?: number; divergence?: number } = {}): FirstExperiments => ({
      smoke: { steps: 10, status: 'ok', finite: over.finite ?? true, studentMoved: true, teacherUnchanged: true, seconds: 1 },
      convergence: { history: [], student: { first: 2, last: 1 }, heldOut: { first: 0.5, last: over.last ?? 0.25 }, generator: { first: 1, last: 1 }, ascent: over.ascent ?? 1.5 },
      outputs: { rounded: { ...layers, agreement: 0.5, divergence: 0.4 }, trained: { ...layers, agreement: 0.75, divergence: over.divergence ?? 0.1 } },
    } as unknown as FirstExperiments);
    const good = firstVerdicts(found()), bad = firstVerdicts(found({ finite: false, last: 0.75, ascent: 0.5, divergence: 0.8 }));
    assert.match(good[0], /goes through/);
    assert.match(good[1], /falls, from 0\.5000 to 0\.2500.* harder for it than those \(1\.50 times/);
    assert.match(good[2], /nearer to full precision than rounding: 0\.25 of its divergence, 75\.0 % agreement instead of 50\.0 %/);
    assert.match(bad[0], /does not go through: a number is not finite\./);
    assert.match(bad[1], /does not fall.* not harder .*ascent has not paid/);
    assert.match(bad[2], /further from .*2\.00 of its divergence/);
  });

  it('a comparison by hand: agreement over real tokens, error of a layer, differences', async () => {
    const p = { logits: tf.tensor3d([[[2, 0], [0, 2], [5, 0]]]), hidden: [tf.ones([1, 3, 2]), tf.mul(tf.ones([1, 3, 2]), 2)] as Tensor[] };
    const q = { logits: tf.tensor3d([[[1, 0], [3, 2], [0, 5]]]), hidden: [tf.ones([1, 3, 2]), tf.ones([1, 3, 2])] as Tensor[] }, mask = tf.tensor2d([[1, 1, 0]]) as Tensor2D;
    const found = await compareOutputs(q, p, mask, { logits: 'mse', temperature: 1, hidden: 0 });
    assert.equal(found.agreement, 0.5, 'the third token is padding');
    assert.ok(Math.abs(found.divergence - ((1 + 0) / 2 + (9 + 0) / 2) / 2) < 1e-6);
    assert.deepEqual(found.layers.map((x) => Number(x.toFixed(6))), [0, 0.25]);
    assert.deepEqual([...found.differences], [-1, 0, 3, 0, -5, 5]);
    assert.deepEqual(meanComparison([found, { ...found, agreement: 1 }]).agreement, 0.75);
    tf.dispose([p, q, mask]);
  });
});
