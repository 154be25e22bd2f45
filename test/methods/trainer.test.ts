import { strict as assert } from 'node:assert';
import { isNative, tf } from '../../src/core/backend';
import { Stream } from '../../src/core/random';
import { clone, dispose, type Params } from '../../src/core/tree';
import { tokenInputs } from '../../src/methods/adaptation';
import { drawLayout } from '../../src/methods/layout';
import { makeStudent, type Student } from '../../src/methods/student';
import { studentGradients } from '../../src/methods/studentStep';
import { GRAPH_STEPS, makeTrainer, opponentOf, type Trainer } from '../../src/methods/trainer';
import { valueAndGrad } from '../../src/core/grad';
import { makePlan, type PlanOptions } from '../../src/quant/plan';
import { adamInit } from '../../src/optim/adam';
import type { Inputs } from '../../src/models/model';
import type { Tensor, Tensor3D } from '@tensorflow/tfjs-node-gpu';
import { tiny, tinyConfig, tinyPlan, type Tiny } from './tiny';

// Three steps of the student, operation by operation and as graphs. Eight bits without activation quantization: at few bits a
// last-digit difference moves a code by a whole step, and then the two are equally right but no longer equal.
const smooth: PlanOptions = { ...tinyPlan, weights: 8, activations: null, scale: 'absmax' };

describe('methods/trainer', () => {
  let t: Tiny, student: Student;
  before(async function () {
    t = await tiny();
    if (!isNative()) this.skip();
    student = makeStudent(t.teacher.model, t.teacher.params, makePlan(t.teacher.model, smooth));
  });
  after(() => { student?.dispose(); t.dispose(); });

  const inputsOf = (step: number) => {
    const layout = drawLayout({ batch: 4, seq: 10, form: 'single', shortest: 0.5, correlation: 0 }, { pad: 0, cls: 1, sep: 2 }, new Stream('l', step));
    return tokenInputs(layout, Int32Array.from({ length: 40 }, (_, i) => 5 + ((i * 7 + step) % 50)));
  };
  const make = (steps: number, radius: { beta: number; relative: boolean } | null): Trainer =>
    makeTrainer(student, t.teacher, { ...tinyConfig, steps, weightDecay: 0.1 }, { divergence: tinyConfig.divergence, radius, clip: 1, precision: 'fp32' });

  function threeSteps(trainer: Trainer): { values: Record<string, Float32Array>; reports: number[][] } {
    let trained: Record<string, Tensor> = clone(student.initial), adam = adamInit(trained);
    const reports: number[][] = [];
    for (let step = 0; step < 3; step++) {
      const { grads, report, teacherLogits } = trainer.gradients(trained, inputsOf(step));
      reports.push([...report.dataSync()]);
      const next = trainer.update(trained, grads, adam, 1 - step / 4);
      dispose(trained, grads, adam.m, adam.v);
      tf.dispose([report, teacherLogits]);
      ({ trained, adam } = next);
    }
    const values = Object.fromEntries(Object.entries(trained).map(([n, x]) => [n, x.dataSync() as Float32Array]));
    dispose(trained as Params, adam.m, adam.v);
    trainer.dispose();
    return { values, reports };
  }

  for (const name of ['bert-classifier', 'opt-pre', 'gpt2'] as const) {
    it(`layers computed again for their gradients give the gradients of ${name}, of the student's and of the generator's step`, async () => {
      const other = await tiny(name), plan = makePlan(other.teacher.model, smooth), inputs = other.teacher.model.head.kind === 'languageModel'
        ? { ids: tf.tensor2d([[5, 9, 7, 11], [8, 6, 5, 12]], [2, 4], 'int32') } : inputsOf(0);
      const grads = (['off', 'layers'] as const).map((recompute) => {
        const own = makeStudent(other.teacher.model, other.teacher.params, plan, recompute);
        const step = studentGradients(own, own.initial, other.teacher, inputs, { divergence: tinyConfig.divergence, radius: { beta: 1e-2, relative: true }, clip: Infinity, precision: 'fp32' });
        const opponent = opponentOf(own, other.teacher, own.initial, tinyConfig.divergence), { ids, ...rest } = inputs as Inputs;
        const embeds = tf.tidy(() => tf.gather(other.teacher.params[other.teacher.model.wordEmbedding], ids!)) as Tensor3D;
        const ascent = valueAndGrad((p) => opponent.divergence(own.initial, { ...rest, embeds: p.embeds as Tensor3D }), { embeds });
        const all = Object.fromEntries(Object.entries({ ...step.grads, ...ascent.grads }).map(([n, x]) => [n, x.dataSync() as Float32Array]));
        own.dispose();
        return all;
      });
      const largest = Math.max(...Object.values(grads[0]).map((x) => Math.max(...x.map(Math.abs))));
      for (const [key, x] of Object.entries(grads[0])) x.forEach((v, i) => assert.ok(Math.abs(v - grads[1][key][i]) <= 1e-4 * largest, `${key}: ${grads[1][key][i]} for ${v}`));
      other.dispose();
    });
  }

  for (const radius of [null, { beta: 1e-2, relative: true }]) {
    it(`graphs take the same three steps as single operations, ${radius ? 'with' : 'without'} SAM`, () => {
      const [single, graph] = [threeSteps(make(GRAPH_STEPS - 1, radius)), threeSteps(make(GRAPH_STEPS, radius))];
      graph.reports.forEach((r, i) => r.forEach((x, k) => assert.ok(Math.abs(x - single.reports[i][k]) <= 2e-3 * Math.abs(single.reports[i][k]) + 1e-6, `report ${i}: ${r} for ${single.reports[i]}`)));
      for (const [name, x] of Object.entries(single.values)) {
        const start = student.initial[name].dataSync(), moved = Math.max(...x.map((v, i) => Math.abs(v - start[i])));
        assert.ok(moved > 0, `${name} learns`);
        if (name.endsWith('key.bias')) continue; // softmax does not see it: its gradient is rounding alone
        // Adam's first steps are of one size whatever the gradient's: an entry whose gradient is zero to rounding may go either way
        const off = x.filter((v, i) => Math.abs(v - graph.values[name][i]) > 0.02 * moved).length;
        assert.ok(off <= Math.max(1, 0.02 * x.length), `${name}: ${off} of ${x.length} entries differ`);
      }
    });
  }
});
