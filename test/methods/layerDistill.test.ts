// Layer-wise distillation: its rates, schedule, order of batches and clipping, by how far a layer moves.
import assert from 'node:assert/strict';
import { tf } from '../../src/core/backend';
import { dispose } from '../../src/core/tree';
import { calibration, inputDefaults } from '../../src/methods/inputs';
import { distillLayer, layersOf, statesFor, type LayerTraining } from '../../src/methods/layerDistill';
import { disposeInputs } from '../../src/methods/source';
import { isScale, makeStudent, type Student } from '../../src/methods/student';
import { tiny, type Tiny } from './tiny';
import type { Inputs } from '../../src/models/model';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

describe('methods/layerDistill', () => {
  let t: Tiny, student: Student, batches: Inputs[], layer: string;
  before(async () => {
    t = await tiny();
    student = makeStudent(t.teacher.model, t.teacher.params, t.job().plan);
    batches = await calibration(t.job(), { ...inputDefaults, inputs: 'random', sequences: 16, batch: 4, seq: 10 });
    [layer] = layersOf(t.job());
  });
  after(() => { student.dispose(); batches.forEach(disposeInputs); t.dispose(); });

  /** How far each tensor of the layer has moved at most, and the batches that it has asked for. */
  const moved = (changes: Partial<LayerTraining>) => {
    const states = statesFor(t.job(), batches, 4), asked: number[] = [], of = states.of.bind(states), most: Record<string, number> = {};
    states.of = (batch, number) => { asked.push(batch); return of(batch, number); };
    let trained: Record<string, Tensor> = {};
    for (const _ of distillLayer(t.job(), { steps: 2, rate: 1e-3, scaleRate: 1e-3, clip: 1, schedule: { kind: 'constant', warmup: 0, floor: 0 }, ...changes }, student, states, layer, (found) => { trained = found; }));
    for (const [name, x] of Object.entries(trained)) most[name] = tf.tidy(() => tf.max(tf.abs(tf.sub(x, student.initial[name]))).dataSync()[0]);
    dispose(trained);
    states.dispose();
    return { most, asked };
  };

  it('scales have a rate of their own', () => {
    for (const [name, x] of Object.entries(moved({ scaleRate: 0 }).most)) assert.equal(x === 0, isScale(name), `${name} moved by ${x}`);
  });

  it('the rate follows its schedule: the whole of it, then half', () => {
    assert.ok(Math.max(...Object.values(moved({ schedule: { kind: 'linear', warmup: 0, floor: 0 } }).most)) < 1.51e-3);
    assert.ok(Math.max(...Object.values(moved({}).most)) > 1.9e-3);
  });

  it('every batch is asked for once a pass', () => {
    const { asked } = moved({ steps: 8 });
    assert.deepEqual(asked.slice(0, 4).sort(), [0, 1, 2, 3]);
    assert.deepEqual(asked.slice(4).sort(), [0, 1, 2, 3]);
  });

  it('gradients are clipped', () => assert.ok(Math.max(...Object.values(moved({ clip: 1e-12 }).most)) < 1e-5));
});
