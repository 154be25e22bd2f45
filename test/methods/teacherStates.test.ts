// What a layer reads and answers, layer by layer, against the whole forward pass.
import assert from 'node:assert/strict';
import { compiled, uncompiled } from '../../src/core/graph';
import { tensorCount } from '../../src/core/memory';
import { dispose } from '../../src/core/tree';
import { ready, tf } from '../../src/core/backend';
import { TeacherStates } from '../../src/methods/teacherStates';
import { loadModel } from '../../src/models/load';
import { fixture } from '../fixtures/dump';
import type { Inputs } from '../../src/models/model';
import type { Tensor2D } from '@tensorflow/tfjs-node-gpu';

const SEQ = 6;

describe('methods: states of the teacher\'s layers', () => {
  before(ready);
  for (const family of ['bert-classifier', 'roberta', 'distilbert', 'opt-pre', 'opt-post', 'gpt2']) {
    it(`${family}: the same as in the whole pass, in any order of batches, layers left out or not`, async () => {
      const teacher = await loadModel(fixture('models', family)), before = tensorCount(), { model, params } = teacher, layers = model.probabilities.length;
      const batches = [0, 1, 2].map((k): Inputs => ({ ids: tf.tensor2d([...Array(2 * SEQ).keys()].map((i) => 5 + (7 * i + 11 * k) % 20), [2, SEQ], 'int32'), mask: tf.tensor2d([...Array(2 * SEQ).keys()].map((i) => (i === 2 * SEQ - 1 ? 0 : 1)), [2, SEQ]) as Tensor2D }));
      const whole = batches.map((inputs) => tf.tidy(() => ({ ...model.forward(params, inputs).hidden })) as unknown as Record<number, ReturnType<typeof tf.tensor>>);
      for (const compile of [compiled, uncompiled]) {
        const states = new TeacherStates(teacher, batches, compile);
        // the last batch is first asked for the last layer, as by a run that goes on there
        for (let layer = 0; layer < layers; layer++) {
          for (const b of layer < layers - 1 ? [1, 0] : [2, 0, 1]) {
            const { x, y } = states.of(b, layer);
            for (const [ours, theirs] of [[x, whole[b][layer]], [y, whole[b][layer + 1]]]) {
              assert.deepEqual(ours.shape, theirs.shape);
              const want = theirs.dataSync();
              ours.dataSync().forEach((v, i) => assert.ok(Math.abs(v - want[i]) < 1e-5, `batch ${b} layer ${layer}: ${v}, ${want[i]}`));
            }
          }
        }
        states.dispose();
      }
      whole.forEach((w) => tf.dispose(w)), batches.forEach((b) => tf.dispose(b as never));
      assert.equal(tensorCount(), before);
      dispose(params);
    });
  }
});
