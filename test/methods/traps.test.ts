// Each trap of zero-shot sharpness-aware quantization has a test that fails if we fall into it.
import assert from 'node:assert/strict';
import { isNative, tf } from '../../src/core/backend';
import { valueAndGrad } from '../../src/core/grad';
import { matMul2 } from '../../src/core/kernels';
import { tidy } from '../../src/core/memory';
import { Stream, Streams } from '../../src/core/random';
import { dispose, norm, pick } from '../../src/core/tree';
import { GeneratorSource } from '../../src/methods/generator';
import { drawLayout, placeIds, type Form } from '../../src/methods/layout';
import { noData } from '../../src/methods/method';
import { samSga } from '../../src/methods/samSga';
import { effective, makeStudent, quantizedNames } from '../../src/methods/student';
import { readReport, studentGradients } from '../../src/methods/studentStep';
import { opponentOf } from '../../src/methods/trainer';
import { tokenInputs } from '../../src/methods/adaptation';
import { quantizeTokens } from '../../src/quant/activations';
import { divergence, type DivergenceConfig } from '../../src/train/divergence';
import { free, tiny, tinyConfig, values, type Tiny } from './tiny';
import type { Scalar, Tensor2D } from '@tensorflow/tfjs-node-gpu';

const special = { pad: 0, cls: 1, sep: 2 };
const D: DivergenceConfig = { logits: 'kl', temperature: 1, hidden: 1 };

describe('traps', () => {
  let t: Tiny;
  before(async () => { t = await tiny(); });
  after(() => t.dispose());

  it('softmax-KL over one logit is refused: a regression head takes mse', () => {
    const one = { logits: tf.tensor2d([[1], [2]]), hidden: [] }, mask = tf.ones([2, 3]) as Tensor2D;
    for (const logits of ['kl', 'js', 'l1'] as const) assert.throws(() => divergence(one, one, mask, { ...D, logits }), /single logit.*mse/);
    const other = { logits: tf.tensor2d([[1], [4]]), hidden: [] };
    assert.equal(divergence(other, one, mask, { logits: 'mse', temperature: 1, hidden: 0 }).dataSync()[0], 2);
  });

  it('the divergence has a hidden-state term over real tokens only, relative to the teacher', () => {
    const logits = tf.zeros([1, 2]), h = (a: number, b: number) => ({ logits, hidden: [tf.zeros([1, 2, 2]), tf.tensor3d([[[a, 0], [b, 0]]])] });
    const value = (mask: number[], scale: number) => divergence(h(3 * scale, 9 * scale), h(2 * scale, 5 * scale), tf.tensor2d([mask]), D).dataSync()[0];
    assert.ok(Math.abs(value([1, 1], 1) - (1 / 4 + 16 / 25) / 2) < 1e-6);
    assert.ok(Math.abs(value([1, 0], 1) - 1 / 4) < 1e-6, 'padding does not count');
    assert.ok(Math.abs(value([1, 0], 100) - 1 / 4) < 1e-6, 'the size of the states does not count');
  });

  it('pairs: [CLS] a [SEP] b [SEP], segments, masks, lengths; b repeats tokens of a', () => {
    const layout = drawLayout({ batch: 200, seq: 20, form: 'pair', shortest: 0.4, correlation: 1 }, special, new Stream('layout', 1));
    const tokens = Int32Array.from({ length: 4000 }, (_, i) => 1000 + i), ids = placeIds(layout, tokens), lengths = new Set<number>();
    let copies = 0, words = 0;
    for (let r = 0; r < 200; r++) {
      const row = [...ids.slice(r * 20, r * 20 + 20)], length = layout.mask.slice(r * 20, r * 20 + 20).reduce((a, b) => a + b, 0);
      const border = row.indexOf(2), types = [...layout.typeIds!.slice(r * 20, r * 20 + 20)];
      lengths.add(length);
      assert.equal(row[0], 1);
      assert.equal(row[length - 1], 2);
      assert.ok(border > 1 && border < length - 2, 'both halves have words');
      assert.deepEqual(row.slice(length), Array(20 - length).fill(0));
      assert.deepEqual(types, row.map((_, i) => (i > border && i < length ? 1 : 0)));
      const a = new Set(row.slice(1, border)), b = row.slice(border + 1, length - 1);
      copies += b.filter((x) => a.has(x)).length;
      words += b.length;
    }
    assert.ok(lengths.size >= 10, 'lengths vary');
    assert.ok(copies / words > 0.3 && copies / words < 0.7, `half of b comes from a, found ${copies / words}`);
  });

  it('a sequence without room for its special tokens is refused', () => {
    for (const [form, seq] of [['single', 3], ['pair', 4]] as [Form, number][]) {
      assert.throws(() => drawLayout({ batch: 1, seq, form, shortest: 0.5, correlation: 0 }, special, new Stream('x', 1)), /no room/);
    }
  });

  it('no gradient flows through the scale of an activation', () => {
    const x = tf.tensor2d([[1, -3, 0.2], [0, 0, 0]]);
    const { value, grads } = valueAndGrad((p) => tf.sum(tf.square(quantizeTokens(p.x))) as Scalar, { x });
    const q = tidy(() => tf.mul(quantizeTokens(x), 2).dataSync());
    assert.deepEqual([...grads.x.dataSync()], [...q], 'straight-through: d sum q^2 / dx = 2 q');
    assert.ok(Number.isFinite(value.dataSync()[0]), 'a row of zeros is no division by zero');
  });

  it('the perturbation survives: it is added after the quantizer, and only to quantized weights', async () => {
    const job = t.job(), student = makeStudent(t.teacher.model, t.teacher.params, job.plan), at = effective(student, student.initial);
    const seen: Record<string, Float32Array>[] = [];
    const spied = { ...student, model: { ...student.model, forward: ((p, i, h) => {
      seen.push(Object.fromEntries(Object.keys(at).map((n) => [n, p[n].dataSync().slice() as Float32Array])));
      return student.model.forward(p, i, h);
    }) as typeof student.model.forward } };
    const layout = drawLayout({ batch: 4, seq: 10, form: 'single', shortest: 0.5, correlation: 0 }, special, new Stream('l', 1));
    const inputs = tokenInputs(layout, Int32Array.from({ length: 40 }, (_, i) => 5 + (i % 50)));
    const step = studentGradients(spied, student.initial, t.teacher, inputs, { divergence: D, radius: { beta: 1e-3, relative: true }, clip: Infinity, precision: 'fp32' });
    assert.equal(seen.length, 2, 'two passes of the student');
    let square = 0;
    for (const name of Object.keys(at)) {
      const move = seen[1][name].map((x, i) => x - seen[0][name][i]);
      assert.deepEqual([...seen[0][name]], [...at[name].dataSync()], 'the first pass is at Q(w)');
      if (!quantizedNames(student).includes(name)) assert.ok(move.every((d) => d === 0), `${name} is not perturbed`);
      square += move.reduce((s, d) => s + d * d, 0);
    }
    const size = tidy(() => norm(pick(at, quantizedNames(student))).dataSync()[0]);
    assert.ok(Math.abs(Math.sqrt(square) / size - 1e-3) < 2e-5, 'the radius is beta ||Q(w)||');
    const { relativeRadius, sharpness } = await readReport(step.report);
    assert.ok(Math.abs(relativeRadius! - 1e-3) < 1e-6 && sharpness! > 0);
    dispose(step.grads, at, { logits: step.teacherLogits, ids: inputs.ids!, mask: inputs.mask!, types: inputs.typeIds! });
    student.dispose();
  });

  it('bf16 never touches the perturbed pass: teacher and first pass round, the second does not', function () {
    if (!isNative()) this.skip();
    const student = makeStudent(t.teacher.model, t.teacher.params, t.job().plan), rounds: boolean[] = [], one = tf.tensor2d([[1 + 2 ** -10]]);
    const forward: typeof student.model.forward = (...args) => {
      rounds.push(matMul2(one, one).dataSync()[0] === 1);
      return t.teacher.model.forward(...args);
    };
    const model = { ...t.teacher.model, forward }, inputs = { ids: tf.tensor2d([[1, 7, 8, 2]], [1, 4], 'int32') };
    const step = studentGradients({ ...student, model }, student.initial, { ...t.teacher, model }, inputs, { divergence: D, radius: { beta: 1e-3, relative: true }, clip: 1, precision: 'bf16' });
    assert.deepEqual(rounds, [true, true, false]);
    dispose(step.grads, { report: step.report, logits: step.teacherLogits, ...inputs, one });
    student.dispose();
  });

  it('one player moves at a time: an ascent changes the generator alone and raises the divergence', async () => {
    const config = { ...tinyConfig, generator: { ...tinyConfig.generator, rate: 1e-2 } }, job = t.job();
    const source = new GeneratorSource(job, t.generator, config, new Streams(1)), student = makeStudent(t.teacher.model, t.teacher.params, job.plan);
    const at = { ...student.frozen, ...effective(student, student.initial) }, before = values({ params: at });
    const opponent = opponentOf(student, t.teacher, student.initial, D);
    const theta = () => Object.fromEntries(Object.entries(source.save().held).filter(([n]) => n.startsWith('theta/')).map(([n, x]) => [n, [...x.dataSync()]]));
    const start = theta(), first: number[] = [], last: number[] = [];
    for (let i = 0; i < 60; i++) {
      const d = (await source.ascend(i, opponent, 1))!;
      if (i < 10) first.push(d);
      if (i >= 50) last.push(d);
    }
    const mean = (x: number[]) => x.reduce((a, b) => a + b, 0) / x.length;
    assert.ok(mean(last) > mean(first), `divergence rises from ${mean(first)} to ${mean(last)}`);
    assert.notDeepEqual(theta(), start);
    assert.ok(!Object.keys(start).some((n) => n.includes('embed_tokens')), 'the table of words is not part of theta');
    assert.deepEqual(values({ params: at }), before, 'the student has not moved');
    await source.next();
    const unmoved = theta();
    await source.next();
    assert.deepEqual(theta(), unmoved, 'drawing a batch does not move the generator');
    source.dispose();
    student.dispose();
  });

  it('ablations: sga off and a frozen generator never ascend, sam off takes one pass', async () => {
    for (const change of [{ sga: 'off' as const }, { generator: { ...tinyConfig.generator, mode: 'frozen' as const } }]) {
      const q = await samSga.run(t.job(), { ...tinyConfig, ...change });
      assert.ok(q.history.every((e) => e.generator === null && e.sharpness !== null));
      free(q);
    }
    const q = await samSga.run(t.job(), { ...tinyConfig, sam: 'off' });
    assert.ok(q.history.every((e) => e.generator! > 0 && e.sharpness === null));
    free(q);
  });

  it('beta 0 through both passes equals plain AdamW bit for bit', async () => {
    const [zero, off] = [await samSga.run(t.job(), { ...tinyConfig, beta: 0 }), await samSga.run(t.job(), { ...tinyConfig, sam: 'off' })];
    assert.deepEqual(values(zero), values(off));
    assert.ok(zero.history.every((e) => e.sharpness === 0), 'the second pass took place');
    free(zero);
    free(off);
  });

  it('linear adaptation serves a foreign vocabulary, within the range of embedding norms', async () => {
    const config = { ...tinyConfig, adaptation: { ...tinyConfig.adaptation, kind: 'linear' as const } };
    const foreign = { ...t.generator, model: { ...t.generator.model, vocabSize: 60 } };
    const source = new GeneratorSource(t.job({ vocabulary: Int32Array.of(5, 6, 7, 8) }), foreign, config, new Streams(2)), { inputs } = await source.next();
    const rows = tidy(() => tf.norm(inputs.embeds!, 2, -1).dataSync()), table = t.teacher.params[t.teacher.model.wordEmbedding];
    const norms = [5, 6, 7, 8].map((i) => tidy(() => tf.norm(tf.slice(table, [i, 0], [1, -1])).dataSync()[0])).sort((a, b) => a - b);
    const layout = inputs.mask!.dataSync(), words = [...rows].filter((_, i) => layout[i] && i % 10 > 0 && layout[i + 1]);
    assert.ok(words.every((n) => n >= norms[0] - 1e-4 && n <= norms[3] + 1e-4), `${words} in ${norms}`);
    source.dispose();
  });

  it('a zero-shot job cannot read data', () => {
    assert.throws(() => noData('samSga'), (e: { code: string; message: string }) => e.code === 'leak' && /zero-shot/.test(e.message));
  });
});
