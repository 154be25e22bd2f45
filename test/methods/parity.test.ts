// The gradient that the generator ascends and the one that the student descends, against PyTorch (test/fixtures/adversarial/README.md).
import assert from 'node:assert/strict';
import { ready, tf } from '../../src/core/backend';
import { valueAndGrad } from '../../src/core/grad';
import { tensorCount } from '../../src/core/memory';
import { axpy, dispose, map, type Params } from '../../src/core/tree';
import { adapt, placementOf, placementTensors, type Adaptation } from '../../src/methods/adaptation';
import { effective, makeStudent, type Student } from '../../src/methods/student';
import { asReport, studentGradients } from '../../src/methods/studentStep';
import { loadModel, type LoadedModel } from '../../src/models/load';
import { makePlan } from '../../src/quant/plan';
import { divergence } from '../../src/train/divergence';
import { assertClose, fixture, readDump, relative, under, type Dumped } from '../fixtures/dump';
import type { Layout } from '../../src/methods/layout';
import type { Inputs, Output } from '../../src/models/model';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-node-gpu';

const TOLERANCE = 1e-4;
/** D has the sum over both layers, `hidden` weighs their mean. */
const D = { logits: 'kl', temperature: 1, hidden: 2 } as const;
/** `train/divergence` differentiates the teacher's norm too, so that the generator ascends D itself. */
const GENERATOR_GRADIENT = 'flowing.grad.';

const everyToken = Int32Array.from({ length: 60 }, (_, i) => i);
const isKeyBias = (name: string): boolean => /\.(key|k_proj)\.bias$/.test(name);

describe('methods: the adversarial game equals PyTorch', () => {
  let teacher: LoadedModel, generator: LoadedModel, latent: Record<string, Tensor>, student: Student, quantized: Record<string, Tensor>, used: Record<string, Tensor>;
  let batch: Record<string, Dumped>, layout: Layout, noise: Tensor2D, adaptation: Adaptation;

  before(async () => {
    await ready();
    teacher = await loadModel(fixture('models', 'bert-classifier'));
    generator = await loadModel(fixture('adversarial', 'generator'));
    batch = readDump('adversarial', 'batch.safetensors');
    const matrices = new Set(teacher.model.linears.map(({ weight }) => weight)), [rows, seq] = batch.source.shape;
    latent = map(teacher.params, (w, name) => (matrices.has(name) ? shifted(w as Tensor2D) : tf.clone(w)));
    const plan = makePlan(teacher.model, { weights: 4, activations: 8, grid: 'symmetric', scale: 'absmax', granularity: 'row', learned: false, embeddings: 'none', rules: {} });
    student = makeStudent(teacher.model, latent, plan);
    quantized = effective(student, student.initial);
    used = { ...student.frozen, ...quantized };
    layout = {
      batch: rows, seq, source: batch.source.data as Int32Array, specials: [...batch.specials.data],
      mask: batch.attention_mask.data as Int32Array, typeIds: batch.token_type_ids.data as Int32Array,
    };
    noise = tf.tensor2d(batch.noise_ids.data, batch.noise_ids.shape as [number, number], 'int32');
    const table = teacher.params[teacher.model.wordEmbedding] as Tensor2D;
    adaptation = { kind: 'soft', temperature: 1, teacher: teacher.model, table, norms: [0, Infinity] };
  });
  after(() => {
    student.dispose();
    dispose(teacher.params, generator.params, latent, quantized);
    noise.dispose();
  });

  /** W + 0.1 W with every row one further down. */
  function shifted(w: Tensor2D): Tensor {
    const [rows, columns] = w.shape;
    return tf.tidy(() => tf.add(w, tf.mul(0.1, tf.concat([tf.slice(w, [rows - 1, 0], [1, columns]), tf.slice(w, [0, 0], [rows - 1, columns])]))));
  }

  function score(inputs: Inputs, quantized: boolean): Scalar {
    const target = teacher.model.forward(teacher.params, inputs);
    const answer = quantized ? student.model.forward(used, inputs, student.hooks) : teacher.model.forward(latent, inputs);
    return divergence(answer, target, inputs.mask!, D);
  }

  const ids = (x: Int32Array): Tensor1D => tf.tensor1d(x, 'int32'), placed = () => placementOf(placementTensors(layout), layout);
  const inputsOf = (theta: Params, kind: 'soft' | 'straightThrough'): Inputs =>
    adapt({ ...adaptation, kind }, generator.model.forward(theta, { ids: noise }), ids(everyToken), placed(), theta, ids(batch.sampled_ids.data as Int32Array));

  for (const [file, kind, quantized] of [
    ['soft', 'soft', false], ['soft-quantized', 'soft', true],
    ['straight-through', 'straightThrough', false], ['straight-through-quantized', 'straightThrough', true],
  ] as const) {
    it(`${file}: embeddings, divergence, dD/dembeds and dD/dtheta for every parameter of the generator`, () => tf.tidy(() => {
      const d = readDump('adversarial', `${file}.safetensors`), inputs = inputsOf(generator.params, kind);
      assertClose(inputs.embeds!, d.embeds, TOLERANCE, 'embeddings');
      assertClose(teacher.model.forward(teacher.params, inputs).logits, d['teacher.logits'], TOLERANCE, "teacher's logits");
      const atEmbeds = valueAndGrad((p) => score({ ...inputs, embeds: p.embeds as Tensor3D }, quantized), { embeds: inputs.embeds! });
      assertClose(tf.reshape(atEmbeds.value, [1]), d.divergence, TOLERANCE, 'divergence');
      assertClose(atEmbeds.grads.embeds, d[`${GENERATOR_GRADIENT}embeds`], TOLERANCE, 'dD/dembeds');
      const { grads } = valueAndGrad((theta) => score(inputsOf(theta, kind), quantized), generator.params);
      const expected = under(d, `${GENERATOR_GRADIENT}generator.`), largest = Math.max(...Object.values(expected).map((x) => Math.max(...x.data.map(Math.abs))));
      assert.deepEqual(Object.keys(grads).sort(), Object.keys(expected).sort());
      for (const [name, g] of Object.entries(grads)) {
        if (isKeyBias(name)) assert.ok(relative(g.dataSync(), expected[name].data, { scale: largest }) < 1e-5, `dD/d${name} is zero`);
        else assertClose(g, expected[name], TOLERANCE, `dD/d${name}`);
      }
    }));
  }

  it('dD/dtheta along its own direction equals central differences where nothing is quantized', () => tf.tidy(() => {
    const d = under(readDump('adversarial', 'soft.safetensors'), `${GENERATOR_GRADIENT}generator.`);
    const along = map(generator.params, (_, n) => tf.tensor(d[n].data as Float32Array, d[n].shape));
    const slope = Object.values(d).reduce((s, x) => s + (x.data as Float32Array).reduce((a, v) => a + v * v, 0), 0), h = 1e-2 / Math.sqrt(slope);
    const at = (step: number) => score(inputsOf(axpy(step, along, generator.params), 'soft'), false).dataSync()[0];
    const numeric = (at(h) - at(-h)) / (2 * h);
    assert.ok(Math.abs(numeric - slope) < 5e-3 * slope, `${numeric} for ${slope}`);
  }));

  it('speech over a few candidates equals speech in which all other tokens are impossible', () => tf.tidy(() => {
    const candidates = Int32Array.of(7, 11, 30, 58), out = generator.model.forward(generator.params, { ids: noise });
    const barred = tf.tensor1d(Array.from(everyToken, (id) => (candidates.includes(id) ? 0 : -1e9)));
    const tokens = batch.sampled_ids.data.map((id) => candidates[id % 4]) as Int32Array;
    for (const kind of ['soft', 'straightThrough'] as const) {
      const sum = (said: Output, among: Int32Array) => tf.sum(tf.square(adapt({ ...adaptation, kind }, said, ids(among), placed(), {}, ids(tokens)).embeds!)) as Scalar;
      const few = valueAndGrad((p) => sum({ ...out, logits: tf.stack([...candidates].map((c) => tf.squeeze(tf.slice(p.z, [0, 0, c], [-1, -1, 1]), [2])), 2) }, candidates), { z: out.logits });
      const all = valueAndGrad((p) => sum({ ...out, logits: tf.add(p.z, barred) }, everyToken), { z: out.logits });
      assert.ok(relative(few.value.dataSync(), all.value.dataSync()) < 1e-5, kind);
      assert.ok(relative(few.grads.z.dataSync(), all.grads.z.dataSync()) < 1e-5, kind);
    }
  }));

  it('the quantized student: logits, and dD/dw of its latent weights through the straight-through estimator', () => tf.tidy(() => {
    const d = readDump('adversarial', 'soft-quantized.safetensors'), inputs = inputsOf(generator.params, 'soft');
    assertClose(student.model.forward(used, inputs, student.hooks).logits, d['student.logits'], TOLERANCE, "student's logits");
    const { grads, report } = studentGradients(student, student.initial, teacher, inputs, { divergence: D, radius: null, clip: Infinity, precision: 'fp32' });
    const { loss, sharpness } = asReport(report.dataSync());
    assert.ok(Math.abs(loss - d.divergence.data[0]) < TOLERANCE * d.divergence.data[0]);
    assert.equal(sharpness, null);
    const expected = under(d, 'grad.student.'), largest = Math.max(...Object.values(expected).map((x) => Math.max(...x.data.map(Math.abs))));
    assert.ok(Object.keys(grads).length > 30);
    for (const [name, g] of Object.entries(grads)) {
      if (isKeyBias(name)) assert.ok(relative(g.dataSync(), expected[name].data, { scale: largest }) < 1e-5, `dD/d${name} is zero`);
      else assertClose(g, expected[name], TOLERANCE, `dD/d${name}`);
    }
  }));

  it('with a radius: the gradient at Q(w) + eps, eps along the gradient of the quantized matrices; sharpness positive', () => tf.tidy(() => {
    const inputs = inputsOf(generator.params, 'soft'), beta = 0.05;
    const step = studentGradients(student, student.initial, teacher, inputs, { divergence: D, radius: { beta, relative: false }, clip: Infinity, precision: 'fp32' });
    const { sharpness } = asReport(step.report.dataSync());
    const d = under(readDump('adversarial', 'soft-quantized.safetensors'), 'grad.student.'), names = teacher.model.linears.map(({ weight }) => weight);
    const size = Math.sqrt(names.reduce((s, n) => s + (d[n].data as Float32Array).reduce((a, v) => a + v * v, 0), 0));
    const moved = { ...used, ...Object.fromEntries(names.map((n) => [n, tf.add(used[n], tf.mul(tf.tensor(d[n].data as Float32Array, d[n].shape), beta / size))])) };
    const target = teacher.model.forward(teacher.params, inputs);
    const { value, grads } = valueAndGrad((p) => divergence(student.model.forward({ ...moved, ...p }, inputs, student.hooks), target, inputs.mask!, D), Object.fromEntries(names.map((n) => [n, moved[n]])));
    for (const n of names) assert.ok(relative(step.grads[n].dataSync(), grads[n].dataSync()) < 1e-3, n);
    const before = readDump('adversarial', 'soft-quantized.safetensors').divergence.data[0];
    assert.ok(sharpness! > 0 && Math.abs(sharpness! - (value.dataSync()[0] - before) / before) < 1e-3 * sharpness!);
  }));

  it('leaves no tensor behind', () => {
    const before = tensorCount(), inputs = tf.tidy(() => inputsOf(generator.params, 'soft') as never) as Inputs;
    const step = studentGradients(student, student.initial, teacher, inputs, { divergence: D, radius: { beta: 0.05, relative: true }, clip: 1, precision: 'fp32' });
    dispose(step.grads);
    tf.dispose([step.report, step.teacherLogits, ...Object.values(inputs)]);
    assert.equal(tensorCount(), before);
  });
});
