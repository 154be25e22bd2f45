// Every form of the student's step: its algebra, and that a graph takes it as single operations do.
import { strict as assert } from 'node:assert';
import { isNative, tf } from '../../src/core/backend';
import { valueAndGrad } from '../../src/core/grad';
import { tensorCount, tidy } from '../../src/core/memory';
import { Stream } from '../../src/core/random';
import { dispose, map, norm, pick, type Params } from '../../src/core/tree';
import { tokenInputs } from '../../src/methods/adaptation';
import { drawLayout } from '../../src/methods/layout';
import { effective, latentGradients, makeStudent, quantizedNames, requantized, type Student } from '../../src/methods/student';
import { asReport, layersOf, plainStep, studentGradients, type Sharpness, type StepGiven, type StepKind, type StudentGradients } from '../../src/methods/studentStep';
import { GRAPH_STEPS, makeTrainer } from '../../src/methods/trainer';
import { adamInit } from '../../src/optim/adam';
import { orthogonalPart, withOrthogonalPart } from '../../src/optim/lookSam';
import { makePlan, type PlanOptions } from '../../src/quant/plan';
import { divergence } from '../../src/train/divergence';
import { relative } from '../fixtures/dump';
import { tiny, tinyConfig, tinyPlan, type Tiny } from './tiny';
import type { Inputs } from '../../src/models/model';
import type { Tensor, Tensor3D } from '@tensorflow/tfjs-node-gpu';

// Eight bits without activation quantization: at few bits a last-digit difference moves a code, and then graph and single operations are equally right but not equal.
const smooth: PlanOptions = { ...tinyPlan, weights: 8, activations: null, scale: 'absmax', embeddings: '8' };
const D = tinyConfig.divergence, BALL: Sharpness = { beta: 1e-2, relative: true };

describe('methods/studentStep: every kind of step', () => {
  let t: Tiny, student: Student, inputs: Inputs;
  before(async () => {
    t = await tiny();
    student = makeStudent(t.teacher.model, t.teacher.params, makePlan(t.teacher.model, smooth));
    const layout = drawLayout({ batch: 4, seq: 10, form: 'single', shortest: 0.5, correlation: 0 }, { pad: 0, cls: 1, sep: 2 }, new Stream('l', 1));
    inputs = tokenInputs(layout, Int32Array.from({ length: 40 }, (_, i) => 5 + ((i * 7) % 50)));
  });
  after(() => { student.dispose(); dispose(inputs as Params); t.dispose(); });

  const step = (radius: Sharpness | null, kind?: StepKind, given?: StepGiven, s = student): StudentGradients =>
    studentGradients(s, s.initial, t.teacher, inputs, { divergence: D, radius, clip: Infinity, precision: 'fp32' }, kind, given);
  const kindOf = (changes: Partial<StepKind>): StepKind => ({ ...plainStep(BALL), ...changes });
  const same = (a: Params, b: Params, tolerance: number, what: string): void => {
    assert.deepEqual(Object.keys(a).sort(), Object.keys(b).sort(), what);
    const largest = Math.max(...Object.values(b).map((x) => tidy(() => tf.max(tf.abs(x)).dataSync()[0])));
    for (const n of Object.keys(b)) {
      const found = relative(a[n].dataSync(), b[n].dataSync(), n.endsWith('key.bias') ? { scale: largest } : {}); // softmax does not see a key's bias
      assert.ok(found <= tolerance, `${what}: ${n} is off by ${found}`);
    }
  };
  /** Parameters of the student's passes, in order. */
  const passes = (run: (s: Student) => void): Record<string, Float32Array>[] => {
    const seen: Record<string, Float32Array>[] = [];
    run({ ...student, model: { ...student.model, forward(p, i, h) {
      seen.push(Object.fromEntries(quantizedNames(student).map((n) => [n, p[n].dataSync().slice() as Float32Array])));
      return student.model.forward(p, i, h);
    } } });
    return seen;
  };

  it('a share of the layers: the last ones move, by beta of their own norm, and no other', () => tf.tidy(() => {
    const half = layersOf(student, 0.5), all = quantizedNames(student), seen = passes((s) => void step({ ...BALL, layers: 0.5 }, undefined, undefined, s));
    assert.equal(half.length, all.length / 2);
    assert.deepEqual(layersOf(student, 1), all);
    assert.deepEqual(layersOf(student, 1e-6), ['bert.encoder.layer.1.output.dense.weight'], 'at least one, the one next to the output');
    assert.ok(half.every((n) => n.includes('layer.1.')), `${half}`);
    let square = 0, size = 0;
    for (const n of all) {
      const moved = seen[1][n].map((x, i) => x - seen[0][n][i]);
      if (!half.includes(n)) { assert.ok(moved.every((x) => x === 0), `${n} stays`); continue; }
      square += moved.reduce((s, x) => s + x * x, 0), size += seen[0][n].reduce((s, x) => s + x * x, 0);
    }
    assert.ok(Math.abs(Math.sqrt(square / size) / BALL.beta - 1) < 1e-3);
  }));

  it('latent: eps along the gradient of w, the second pass at Q(w + eps) on the grid of w, its gradient routed from w + eps', () => tf.tidy(() => {
    const radius = { beta: 5e-3, relative: true, perturb: 'latent' as const }, names = quantizedNames(student), { initial } = student;
    const at = effective(student, initial), target = t.teacher.model.forward(t.teacher.params, inputs);
    const loss = (a: Params) => divergence(student.model.forward({ ...student.frozen, ...a }, inputs, student.hooks), target, inputs.mask!, D);
    const g = pick(latentGradients(student, initial, valueAndGrad(loss, at).grads), names), w = pick(initial, names), factor = tf.div(tf.mul(norm(w), 5e-3), norm(g));
    const moved = map(w, (x, n) => tf.add(x, tf.mul(g[n], factor))), there = { ...at, ...requantized(student, initial, moved) };
    const result = step(radius), expected = latentGradients(student, { ...initial, ...moved }, valueAndGrad(loss, there).grads);
    same(result.grads, expected, 2e-3, 'gradient');
    const seen = passes((s) => void step(radius, undefined, undefined, s)), { relativeRadius, codesMoved } = asReport(result.report.dataSync());
    for (const n of names) assert.ok(relative(seen[1][n], there[n].dataSync()) < 1e-6, `${n} is on its grid in the second pass`);
    assert.ok(Math.abs(relativeRadius! - 5e-3) < 1e-6 && codesMoved! > 0, 'at 8 bits some codes move');
  }));

  it('LookSAM: a SAM step hands out the part of its gradient at right angles to the plain one, the steps between add it', () => tf.tidy(() => {
    const plain = step(null), kept = step({ ...BALL, reuse: 0.7 }, kindOf({ look: 'keep' })), names = Object.keys(effective(student, student.initial));
    const at = effective(student, student.initial), target = t.teacher.model.forward(t.teacher.params, inputs);
    const loss = (a: Params) => divergence(student.model.forward({ ...student.frozen, ...a }, inputs, student.hooks), target, inputs.mask!, D);
    const g = valueAndGrad(loss, at).grads;
    same(kept.grads, step(BALL).grads, 1e-6, 'the SAM step itself is SAM');
    const dot = names.reduce((s, n) => s + tf.sum(tf.mul(kept.orthogonal![n], g[n])).dataSync()[0], 0);
    assert.ok(Math.abs(dot) < 1e-4 * norm(kept.orthogonal!).dataSync()[0] * norm(g).dataSync()[0], 'at right angles');
    const mended = step({ ...BALL, reuse: 0.7 }, kindOf({ sharp: false, look: 'reuse' }), { orthogonal: kept.orthogonal });
    same(mended.grads, latentGradients(student, student.initial, withOrthogonalPart(g, kept.orthogonal!, 0.7)), 1e-5, 'mended');
    assert.equal(asReport(mended.report.dataSync()).sharpness, null, 'one pass only');
    // with all of it and on the same batch, LookSAM's direction is SAM's: g_s = c g + g_v
    const gs = valueAndGrad(loss, { ...at, ...perturbedOf(kept, at, g) }).grads, along = orthogonalPart(gs, g);
    same(along, kept.orthogonal!, 2e-2, 'orthogonal part');
    same(step(BALL, kindOf({ sharp: false })).grads, plain.grads, 0, 'reuse 0: a plain step');
  }));

  /** Q(w) + eps of the plain ball. */
  function perturbedOf(_: StudentGradients, at: Params, g: Params): Record<string, Tensor> {
    const names = quantizedNames(student), factor = tf.div(tf.mul(norm(pick(at, names)), BALL.beta), norm(pick(g, names)));
    return map(pick(at, names), (x, n) => tf.add(x, tf.mul(g[n], factor)));
  }

  it("the teacher's answers of an earlier step on the batch serve as its own would", () => tf.tidy(() => {
    const kept = step(BALL, kindOf({ answers: 'keep' }));
    let asked = 0;
    const silent = { ...t.teacher, model: { ...t.teacher.model, forward: ((...a) => { asked++; return t.teacher.model.forward(...a); }) as typeof t.teacher.model.forward } };
    const later = studentGradients(student, student.initial, silent, inputs, { divergence: D, radius: BALL, clip: Infinity, precision: 'fp32' }, kindOf({ answers: 'given' }), { answers: kept.answers });
    assert.equal(asked, 0, 'the teacher is not asked again');
    same(later.grads, step(BALL).grads, 0, 'gradient');
    assert.deepEqual([...later.teacherLogits.dataSync()], [...kept.teacherLogits.dataSync()]);
  }));

  it('one tape for both players: the same gradient of the student, and dD/de through teacher and student', () => tf.tidy(() => {
    for (const embeds of [undefined, tf.randomNormal([4, 10, student.model.embeddingSize], 0, 0.5, 'float32', 9) as Tensor3D]) {
      const { ids, ...rest } = inputs, batch = embeds ? { ...rest, embeds } : inputs;
      const both = studentGradients(student, student.initial, t.teacher, batch, { divergence: D, radius: BALL, clip: Infinity, precision: 'fp32' }, kindOf({ ascends: true }));
      const alone = studentGradients(student, student.initial, t.teacher, batch, { divergence: D, radius: BALL, clip: Infinity, precision: 'fp32' });
      same(both.grads, alone.grads, 2e-3, 'gradient of the student');
      // the teacher reads e, the student its own rounded rows, which move with e
      const e = embeds ?? tf.gather(t.teacher.params[student.model.wordEmbedding], ids!), own = embeds ? tf.mul(embeds, 1) : tf.gather(student.frozen[student.model.wordEmbedding], ids!);
      const at = { ...student.frozen, ...effective(student, student.initial) }, offset = tf.sub(own, e);
      const direct = valueAndGrad((p) => divergence(
        student.model.forward(at, { ...rest, embeds: tf.add(p.e, offset) as Tensor3D }, student.hooks), t.teacher.model.forward(t.teacher.params, { ...rest, embeds: p.e as Tensor3D }), inputs.mask!, D,
      ), { e });
      assert.ok(relative(both.inputGradient!.dataSync(), direct.grads.e.dataSync()) < 1e-5);
      const half = valueAndGrad((p) => divergence(
        student.model.forward(at, { ...rest, embeds: own as Tensor3D }, student.hooks), t.teacher.model.forward(t.teacher.params, { ...rest, embeds: p.e as Tensor3D }), inputs.mask!, D,
      ), { e });
      assert.ok(relative(half.grads.e.dataSync(), direct.grads.e.dataSync()) > 0.1, 'the student has its part in it');
    }
  }));

  it('store: quantized: the rounded weights are what the next step starts from, and a small step is lost', () => {
    for (const steps of [GRAPH_STEPS - 1, GRAPH_STEPS]) {
      const trainer = makeTrainer(student, t.teacher, { ...tinyConfig, steps, store: 'quantized' }, { divergence: D, radius: null, clip: 1, precision: 'fp32' });
      const start = tidy(() => ({ ...map(student.initial, (x) => tf.clone(x)), ...requantized(student, student.initial, pick(student.initial, quantizedNames(student))) })), adam = adamInit(start);
      const grads = map(start, (x) => tf.onesLike(x)), scales = quantizedNames(student).map((n) => tidy(() => tf.max(tf.exp(student.initial[`${n}#logScale`])).dataSync()[0]));
      const tinyStep = trainer.update(start, grads, adam, 1e-3 * Math.min(...scales)), large = trainer.update(start, grads, adam, 3 * Math.max(...scales) / tinyConfig.rate);
      for (const n of quantizedNames(student)) {
        tidy(() => assert.ok(relative(requantized(student, large.trained, { [n]: large.trained[n] })[n].dataSync(), large.trained[n].dataSync()) < 1e-6, `${n} is on its grid`));
        assert.notDeepEqual([...large.trained[n].dataSync()], [...start[n].dataSync()]);
        assert.ok(relative(tinyStep.trained[n].dataSync(), start[n].dataSync()) < 1e-3, `${n}: no code moves, only the scale does`);
      }
      for (const r of [start, adam.m, adam.v, grads, tinyStep.trained, tinyStep.adam.m, tinyStep.adam.v, large.trained, large.adam.m, large.adam.v]) dispose(r);
      trainer.dispose();
    }
  });

  describe('as graphs', () => {
    before(function () { if (!isNative()) this.skip(); });

    const kinds: [string, Sharpness | null, Partial<StepKind>][] = [
      ['adaptive', { beta: 0.05, relative: true, adaptive: true }, {}],
      ['latent', { ...BALL, perturb: 'latent' }, {}],
      ['half of the layers', { ...BALL, layers: 0.5 }, {}],
      ['LookSAM, a SAM step', { ...BALL, reuse: 0.7 }, { look: 'keep' }],
      ['LookSAM, a step between', { ...BALL, reuse: 0.7 }, { sharp: false, look: 'reuse' }],
      ['answers kept', BALL, { answers: 'keep' }],
      ['answers given', BALL, { answers: 'given' }],
      ['both players', BALL, { ascends: true }],
      ['both players, no SAM', null, { ascends: true }],
    ];
    for (const [name, radius, changes] of kinds) {
      it(`${name}: a graph gives what single operations give, at every share of beta`, () => {
        const kind: StepKind = { ...plainStep(radius), ...changes }, config = { divergence: D, radius, clip: 1, precision: 'fp32' as const };
        const [single, graph] = [GRAPH_STEPS - 1, GRAPH_STEPS].map((steps) => makeTrainer(student, t.teacher, { ...tinyConfig, steps }, config));
        const orthogonal = kind.look === 'reuse' ? tidy(() => map(effective(student, student.initial), (x, n) => tf.randomNormal(x.shape, 0, 1, 'float32', n.length))) : {};
        const asked = kind.answers === 'given' ? single.gradients(student.initial, inputs, kindOf({ answers: 'keep' })) : undefined;
        const run = (trainer: typeof single, share?: number) => {
          const given = share === undefined ? undefined : tf.scalar(share), out = trainer.gradients(student.initial, inputs, kind, { share: given, orthogonal, answers: asked?.answers ?? {} });
          given?.dispose();
          return out;
        };
        const reports: number[][] = [];
        for (const share of kind.sharp ? [1, 0.25] : [undefined]) {
          const [a, b] = [run(single, share), run(graph, share)];
          same(b.grads, a.grads, 5e-3, `gradients at ${share}`);
          for (const part of ['orthogonal', 'answers'] as const) if (a[part] && Object.keys(a[part]!).length) same(b[part]!, a[part]!, part === 'answers' ? 1e-4 : 0.1, part);
          if (kind.ascends) assert.ok(relative(b.inputGradient!.dataSync(), a.inputGradient!.dataSync()) < 5e-3, 'dD/de');
          assert.ok(relative(b.report.dataSync().slice(0, 3), a.report.dataSync().slice(0, 3)) < 1e-4, 'report');
          reports.push([...b.report.dataSync()]);
          for (const x of [a, b]) tf.dispose([x.grads, x.report, x.teacherLogits, x.orthogonal ?? {}, x.answers ?? {}, x.inputGradient ?? []] as never);
        }
        if (kind.sharp) assert.ok(Math.abs(reports[1][3] / reports[0][3] - 0.25) < 1e-3, 'the radius follows its share without a new graph');
        dispose(orthogonal);
        if (asked) tf.dispose([asked.grads, asked.report, asked.teacherLogits, asked.answers ?? {}] as never);
        single.dispose(), graph.dispose();
      });
    }
  });

  it('leaves no tensor behind, whatever the kind', () => {
    const start = tensorCount();
    for (const changes of [{}, { look: 'keep' }, { answers: 'keep' }, { ascends: true }] as Partial<StepKind>[]) {
      const x = step({ ...BALL, perturb: 'latent', adaptive: true, layers: 0.5 }, kindOf(changes));
      tf.dispose([x.grads, x.report, x.teacherLogits, x.orthogonal ?? {}, x.answers ?? {}, x.inputGradient ?? []] as never);
      assert.equal(tensorCount(), start, JSON.stringify(changes));
    }
  });
});
