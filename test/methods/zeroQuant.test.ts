import assert from 'node:assert/strict';
import { tf } from '../../src/core/backend';
import { tensorCount } from '../../src/core/memory';
import { dispose, type Params } from '../../src/core/tree';
import { calibration, type InputConfig } from '../../src/methods/inputs';
import { roundToNearest } from '../../src/methods/ptq';
import { disposeInputs } from '../../src/methods/source';
import { maskOf } from '../../src/methods/studentStep';
import { zeroQuant, type ZeroQuantConfig } from '../../src/methods/zeroQuant';
import { codeRange } from '../../src/quant/spec';
import { makePlan } from '../../src/quant/plan';
import { free, tiny, tinyPlan, tinySettings, values, type Tiny } from './tiny';
import type { Inputs } from '../../src/models/model';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

describe('methods/zeroQuant', () => {
  let t: Tiny;
  before(async () => { t = await tiny(); });
  after(() => t.dispose());
  const settings = (changes: Partial<ZeroQuantConfig> = {}) => tinySettings('zeroQuant', changes) as unknown as ZeroQuantConfig;
  const plan = (changes: Partial<typeof tinyPlan> = {}, config = settings()) => makePlan(t.teacher.model, { ...tinyPlan, ...zeroQuant.plan!(t.teacher.model, config), ...changes });

  it('groups are as long as divides every row, up to 64', () => {
    const of = (...widths: number[]) => zeroQuant.plan!({ ...t.teacher.model, linears: widths.map((n) => ({ weight: `w${n}`, site: '' })), shapes: Object.fromEntries(widths.map((n) => [`w${n}`, [8, n]])) }, settings()).granularity;
    assert.deepEqual([of(384, 1536), of(32, 64), of(48, 96), of(10), of(7)], [{ group: 64 }, { group: 32 }, { group: 16 }, { group: 2 }, 'row']);
  });

  it('zero, constant, one-sided, huge and tiny weights stay finite, on at most 2^b levels a group, within half a step', async () => {
    const { model, params } = t.teacher, names = model.linears.map((l) => l.weight), made: Record<string, Tensor> = {};
    const kinds = [(i: number) => 0 * i, () => 0.7, (i: number) => 0.1 + Math.abs(Math.sin(i)), (i: number) => 1e30 * Math.sin(i), (i: number) => 1e-20 * Math.cos(i), (i: number) => Math.sin(i * i)];
    names.forEach((n, k) => { made[n] = tf.tensor(Float32Array.from({ length: params[n].size }, (_, i) => kinds[k % kinds.length](i)), params[n].shape); });
    for (const bits of [2, 8] as const) for (const grid of ['symmetric', 'stretched', 'asymmetric'] as const) for (const scale of ['absmax', 'mse'] as const) {
      const p = plan({ weights: bits, grid, scale }), q = await zeroQuant.run(t.job({ plan: p, teacher: { model, params: { ...params, ...made } } }), settings());
      const { low, high } = codeRange({ bits, grid });
      for (const n of names) {
        const { group } = p.weights[n].granularity as { group: number }, own = q.params[n].dataSync(), w = made[n].dataSync(), scales = q.affines[n].scale.dataSync();
        assert.ok(own.every(Number.isFinite), n);
        for (let g = 0; g < own.length / group; g++) {
          const part = own.slice(g * group, (g + 1) * group);
          assert.ok(new Set(part).size <= high - low + 1);
          if (scale === 'absmax') part.forEach((x, i) => assert.ok(Math.abs(x - w[g * group + i]) <= scales[g] * 0.5001 + 1e-30, `${n} ${bits} ${grid}: ${w[g * group + i]} became ${x}, step ${scales[g]}`));
        }
      }
      free(q);
    }
    dispose(made);
  });

  it('without distillation it is rounding on its plan', async () => {
    const job = t.job({ plan: plan() }), [q, nearest] = [await zeroQuant.run(job, settings()), roundToNearest(job)];
    assert.deepEqual(values(q), values(nearest));
    [q, nearest].forEach(free);
  });

  /** ||L_k(x) - L^_k(x)||^2 / ||L_k(x)||^2 over all batches: layer k with the given weights, everything before it the teacher's. */
  function layerError(params: Params, layer: number, batches: readonly Inputs[], hooks: (site: string, x: Tensor) => Tensor): number {
    const { model, params: own } = t.teacher, prefix = `bert.encoder.layer.${layer}.`, mixed = Object.fromEntries(model.paramNames.map((n) => [n, n.startsWith(prefix) ? params[n] : own[n]]));
    return tf.tidy(() => {
      let error = 0, size = 0;
      for (const inputs of batches) {
        const mask = tf.expandDims(maskOf(inputs), -1), target = tf.mul(model.forward(own, inputs).hidden[layer + 1], mask);
        const answer = tf.mul(model.forward(mixed, inputs, { activation: (site, x) => (site.startsWith(prefix) ? hooks(site, x) : x) }).hidden[layer + 1], mask);
        error += tf.sum(tf.squaredDifference(answer, target)).dataSync()[0];
        size += tf.sum(tf.square(target)).dataSync()[0];
      }
      return error / size;
    }) as unknown as number;
  }

  for (const inputs of ['random', 'generated'] as const) {
    it(`LKD on ${inputs} inputs lowers the error of each layer on them, scales and biases learn, other layers do not matter`, async () => {
      const config = settings({ lkd: 'on', inputs, steps: 120, rate: 3e-3, scaleRate: 3e-3, sequences: 32 }), job = t.job({ plan: { ...plan({}, config), activationBits: null } });
      const start = tensorCount(), [q, nearest] = [await zeroQuant.run(job, config), roundToNearest(job)], batches = await calibration(job, config as InputConfig);
      assert.deepEqual(q.history.map((e) => e.layer), [0, 1].flatMap((k) => Array(60).fill(`bert.encoder.layer.${k}`)));
      for (const layer of [0, 1]) {
        const [before, after] = [nearest, q].map(({ params }) => layerError(params, layer, batches, (_, x) => x));
        assert.ok(after < 0.7 * before, `layer ${layer}: ${before} became ${after}`);
        const reported = q.history[60 * layer].student;
        assert.ok(Math.abs(reported / before - 1) < 0.5, `the first reported error ${reported} is about that of rounding, ${before}`);
      }
      const name = t.teacher.model.linears[0].weight;
      assert.notDeepEqual(q.affines[name].scale.dataSync(), nearest.affines[name].scale.dataSync());
      [q, nearest].forEach(free);
      batches.forEach(disposeInputs);
      assert.equal(tensorCount(), start);
    }).timeout(60_000);
  }

  it('ends as diverged, with the layer rounded, when its error is not finite', async () => {
    const { model, params } = t.teacher, config = settings({ lkd: 'on', inputs: 'random' });
    const broken = { ...model, forward: ((p, i, h) => {
      const out = model.forward(p, i, h);
      return h ? { ...out, hidden: out.hidden.map((x) => tf.mul(x, NaN)) } : out;
    }) as typeof model.forward };
    const q = await zeroQuant.run(t.job({ plan: plan({}, config), teacher: { model: broken, params } }), config);
    assert.equal(q.status, 'diverged');
    assert.ok(Object.values(values(q)).every((v) => v.every(Number.isFinite)));
    free(q);
  });
});
