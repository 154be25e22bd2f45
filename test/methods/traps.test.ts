// Each trap of zero-shot sharpness-aware quantization has a test that fails if we fall into it. Elsewhere: the gradient of the generator against
// PyTorch and finite differences (parity.test.ts), fitted and learned scales (../quant), a generator that has read the text (leak.test.ts), numbers
// of tables rendered from result files (../readme.test.ts), pictures with the same ids each time (../report/svg.test.ts).
import assert from 'node:assert/strict';
import { isNative, nativeBackend, tf } from '../../src/core/backend';
import { valueAndGrad } from '../../src/core/grad';
import { matMul2 } from '../../src/core/kernels';
import { tidy } from '../../src/core/memory';
import { Stream, Streams } from '../../src/core/random';
import { dispose, map, norm, pick } from '../../src/core/tree';
import { meanSharpness, samWarning } from '../../src/methods/activity';
import { GeneratorSource } from '../../src/methods/generator';
import { drawLayout, jointOf, placeIds, type Form } from '../../src/methods/layout';
import { noData } from '../../src/methods/method';
import { roundToNearest } from '../../src/methods/ptq';
import { qatRandom } from '../../src/methods/qatRandom';
import { samSga } from '../../src/methods/samSga';
import { manifoldDistance } from '../../src/methods/regularizers';
import { affineOf, effective, isScale, makeStudent, quantizedNames } from '../../src/methods/student';
import { plainStep, readReport, studentGradients, type StepKind } from '../../src/methods/studentStep';
import { makeTrainer, opponentOf } from '../../src/methods/trainer';
import { adapt, tokenInputs } from '../../src/methods/adaptation';
import { adamInit } from '../../src/optim/adam';
import { configure } from '../../src/quantize';
import { makePlan } from '../../src/quant/plan';
import { quantizeTokens } from '../../src/quant/activations';
import { loadTokenizer } from '../../src/text/tokenizer';
import { divergence, type DivergenceConfig } from '../../src/train/divergence';
import { pocketModelPath } from '../../datasets';
import { free, tiny, tinyConfig, tinyPlan, values, type Tiny } from './tiny';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';

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

  it('pairs are joined as the teacher\'s tokenizer joins them: RoBERTa has two separators and one segment', () => {
    const roberta = { special: { sep: 2 }, encodePair: () => ({ ids: [1, 7, 2, 2, 8, 2], typeIds: [0, 0, 0, 0, 0, 0] }) };
    assert.deepEqual([jointOf(roberta), jointOf(loadTokenizer(pocketModelPath('pocket-bert')))], [{ separators: 2, segment: 0 }, { separators: 1, segment: 1 }]);
    const layout = drawLayout({ batch: 50, seq: 12, form: 'pair', shortest: 1, correlation: 0 }, special, new Stream('layout', 1), jointOf(roberta)), ids = placeIds(layout, new Int32Array(600).fill(9));
    for (let r = 0; r < 50; r++) assert.match([...ids.slice(12 * r, 12 * r + 12)].join(' '), /^1( 9)+ 2 2( 9)+ 2$/);
    assert.ok(layout.typeIds!.every((type) => type === 0));
  });

  it('a DistilBERT\'s two head layers stay the teacher\'s, as every head does', async () => {
    const distilbert = await tiny('distilbert'), student = makeStudent(distilbert.teacher.model, distilbert.teacher.params, distilbert.job().plan);
    assert.deepEqual(Object.keys(student.initial).filter((name) => /classifier/.test(name)), []);
    assert.equal(Object.keys(student.frozen).filter((name) => /classifier/.test(name)).length, 4);
    student.dispose();
    distilbert.dispose();
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

  it('bf16 never touches the perturbed pass: teacher and first pass round, the second does not, in every form of the step', function () {
    if (!isNative()) this.skip();
    const student = makeStudent(t.teacher.model, t.teacher.params, t.job().plan), rounds: boolean[] = [], one = tf.tensor2d([[1 + 2 ** -10]]);
    const forward: typeof student.model.forward = (...args) => {
      rounds.push(matMul2(one, one).dataSync()[0] === 1);
      return t.teacher.model.forward(...args);
    };
    const model = { ...t.teacher.model, forward }, inputs = { ids: tf.tensor2d([[1, 7, 8, 2]], [1, 4], 'int32') };
    const forms: [Partial<StepKind>, 'quantized' | 'latent', boolean[]][] = [
      [{ answers: 'keep' }, 'quantized', [true, true, false]], [{}, 'latent', [true, true, false]], [{ answers: 'given' }, 'quantized', [true, false]],
      [{ ascends: true }, 'quantized', [true, true, true, false]], // the tape of both players has the teacher once more
    ];
    tidy(() => {
      let answers: Record<string, Tensor> | undefined;
      for (const [changes, perturb, expected] of forms) {
        const radius = { beta: 1e-3, relative: true, perturb }, kind = { ...plainStep(radius), ...changes };
        const step = studentGradients({ ...student, model }, student.initial, { ...t.teacher, model }, inputs, { divergence: D, radius, clip: 1, precision: 'bf16' }, kind, { answers });
        assert.deepEqual(rounds.splice(0), expected, JSON.stringify(changes));
        answers ??= step.answers;
      }
    });
    dispose({ ...inputs, one });
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

  it('an ascent pays for no gradient of a weight of teacher or student', async function () {
    if (!isNative()) this.skip();
    const student = makeStudent(t.teacher.model, t.teacher.params, t.job().plan), source = new GeneratorSource(t.job(), t.generator, tinyConfig, new Streams(1));
    const backend = nativeBackend(), original = backend.executeSingleOutput;
    let weightGradients = 0; // dW = dyᵀ x is the only product with its first factor transposed
    backend.executeSingleOutput = function (op, attributes, inputs) {
      if (op === 'MatMul' && attributes.some(({ name, value }) => name === 'transpose_a' && value === true)) weightGradients++;
      return original.call(this, op, attributes, inputs);
    };
    try { await source.ascend(0, opponentOf(student, t.teacher, student.initial, D), 1); } finally { backend.executeSingleOutput = original; }
    assert.equal(weightGradients, t.generator.model.linears.length, 'those of the generator itself');
    source.dispose();
    student.dispose();
  });

  it("every batch's class histogram of the teacher is logged", async () => {
    const q = await samSga.run(t.job(), tinyConfig), labels = (t.teacher.model.head as { labels: string[] }).labels.length;
    assert.ok(q.history.every(({ classes }) => classes!.length === labels && Math.abs(classes!.reduce((a, b) => a + b, 0) - 1) < 1e-9));
    free(q);
  });

  it('scales have a rate of their own, stay positive at any, and never decay, like norms and biases', () => {
    const student = makeStudent(t.teacher.model, t.teacher.params, t.job().plan), zero = map(student.initial, (x) => tf.zerosLike(x)), adam = adamInit(zero);
    const make = (rates: object) => makeTrainer(student, t.teacher, { ...tinyConfig, ...rates }, { divergence: D, radius: null, clip: 1, precision: 'fp32' });
    const decaying = make({ rate: 0.1, weightDecay: 0.5 }), still = decaying.update(student.initial, zero, adam, 1);
    for (const [name, x] of Object.entries(still.trained)) {
      const share = tidy(() => norm({ x }).dataSync()[0] / norm({ x: student.initial[name] }).dataSync()[0]);
      if (x.rank >= 2 && !isScale(name)) assert.ok(Math.abs(share - 0.95) < 1e-4, `${name} decays`);
      else assert.deepEqual([...x.dataSync()], [...student.initial[name].dataSync()], `${name} does not decay`);
    }
    const one = map(student.initial, (x) => tf.onesLike(x)), fast = make({ rate: 1e-6, scaleRate: 50 }), after = fast.update(student.initial, one, adam, 1), name = quantizedNames(student)[0];
    const before = student.initial[`${name}#logScale`].dataSync();
    assert.ok(after.trained[`${name}#logScale`].dataSync().every((v, i) => Math.abs(v - before[i] + 50) < 1e-2), 'its own rate');
    assert.ok(tidy(() => affineOf(student, after.trained, name).scale.dataSync()).every((s) => s > 0), 'positive after fifty factors of e');
    // Adam does not see LSQ's gradient factor
    const scaled = map(one, (x) => tf.mul(x, 1e-2)), other = fast.update(student.initial, scaled, adam, 1);
    other.trained[`${name}#logScale`].dataSync().forEach((v, i) => assert.ok(Math.abs(v - after.trained[`${name}#logScale`].dataSync()[i]) < 1e-3));
    for (const r of [zero, adam.m, adam.v, one, scaled, ...[still, after, other].flatMap(({ trained, adam: a }) => [trained, a.m, a.v])]) dispose(r);
    decaying.dispose(), fast.dispose(), student.dispose();
  });

  it('a bounded divergence is there for the generator: js at most log 2, l1 at most 2, however far the answers', () => tidy(() => {
    const answers = (z: number[]) => ({ logits: tf.tensor2d([z]), hidden: [] }), mask = tf.ones([1, 1]) as Tensor2D;
    const of = (logits: DivergenceConfig['logits'], far: number) => divergence(answers([far, -far]), answers([-far, far]), mask, { logits, temperature: 1, hidden: 0 }).dataSync()[0];
    for (const far of [1, 10, 1000]) assert.ok(of('js', far) <= Math.LN2 + 1e-6 && of('l1', far) <= 2 + 1e-6, `${far}`);
    assert.ok(of('kl', 1000) > 1000, 'kl is not');
    const source = new GeneratorSource(t.job(), t.generator, { ...tinyConfig, generator: { ...tinyConfig.generator, divergence: 'js' } }, new Streams(1));
    assert.deepEqual(source.divergence, { ...tinyConfig.divergence, logits: 'js' });
    source.dispose();
  }));

  it('soft mixtures shrink towards the mean embedding and leave the manifold; sampled tokens do not', () => tidy(() => {
    const table = t.teacher.params[t.teacher.model.wordEmbedding] as Tensor2D, candidates = tf.range(0, 60, 1, 'int32') as Tensor1D, words = tf.ones([1, 4]) as Tensor2D;
    const out = { logits: tf.zeros([1, 4, 60]), hidden: [] }, place = { batch: 1, seq: 4, rows: tf.range(0, 4, 1, 'int32') as Tensor1D, mask: words };
    const speak = (kind: 'soft' | 'straightThrough') => adapt({ kind, temperature: 1, teacher: t.teacher.model, table, norms: [0, Infinity] }, out, candidates, place, {}, tf.tensor1d([5, 6, 7, 8], 'int32')).embeds!;
    const size = (x: Tensor) => tf.norm(x, 2, -1).dataSync(), rows = size(table);
    assert.ok(Math.max(...size(speak('soft'))) < 0.5 * Math.min(...rows), 'a mixture is shorter than any row');
    assert.ok(manifoldDistance({ embeds: speak('soft'), words, table }).dataSync()[0] > 0.5);
    assert.equal(manifoldDistance({ embeds: speak('straightThrough'), words, table }).dataSync()[0], 0);
  }));

  it('a generator that collapses shows: the share of different tokens falls', async () => {
    const stuck = { ...t.generator, model: { ...t.generator.model, forward: ((p, i, h) => {
      const o = t.generator.model.forward(p, i, h);
      return { ...o, logits: tf.add(tf.mul(o.logits, 0), tf.mul(tf.oneHot(tf.scalar(3, 'int32'), o.logits.shape[2]!), 100)) };
    }) as typeof t.generator.model.forward } };
    const [free1, collapsed] = [await samSga.run(t.job(), { ...tinyConfig, sga: 'off' }), await samSga.run(t.job({ generator: stuck }), { ...tinyConfig, sga: 'off' })];
    assert.ok(collapsed.history.every((e) => e.distinct === 1 / 40) && free1.history.every((e) => e.distinct! > 0.25));
    [free1, collapsed].forEach(free);
  });

  it('a beta too small to matter is said: below 1% the run counts as SAM inactive', async () => {
    const small = await samSga.run(t.job(), { ...tinyConfig, beta: 1e-6 }), off = await samSga.run(t.job(), { ...tinyConfig, sam: 'off' }), large = await samSga.run(t.job(), { ...tinyConfig, beta: 0.05 });
    assert.match(samWarning(meanSharpness(small.history)), /^SAM inactive: .* less than 1%; try a larger --set beta=\n$/);
    assert.equal(samWarning(meanSharpness(large.history)), '');
    assert.equal(meanSharpness(off.history), null);
    assert.equal(samWarning(null), '');
    [small, off, large].forEach(free);
  });

  it('methods are compared at equal steps: a preset gives each of them the same batch, length and number of steps', () => {
    const sizes = ['samSga', 'qatRandom'].map((method) => { const { steps, batch, seq } = configure({ teacher: t.teacher, bits: 'W2A8', method, preset: 'smoke' }).settings; return { steps, batch, seq }; });
    assert.deepEqual(sizes[0], sizes[1]);
    assert.ok((sizes[0].steps as number) > 0);
  });

  it('after a roll-back the rate is half of what it was', async () => {
    const name = 'bert.encoder.layer.0.attention.self.query.bias', { model } = t.teacher;
    let calls = 0; // NaN in the teacher's first answer only
    const once: typeof model = { ...model, forward(params, inputs, hooks) {
      const out = model.forward(params, inputs, hooks);
      return hooks === undefined && inputs.ids && ++calls === 1 ? { ...out, logits: tf.mul(out.logits, NaN) } : out;
    } };
    const moved = async (m: typeof model): Promise<number> => {
      const q = await qatRandom.run(t.job({ teacher: { ...t.teacher, model: m } }), { ...tinyConfig, steps: 1 });
      const from = [...t.teacher.params[name].dataSync()], found = values(q)[name].map((x, i) => Math.abs(x - from[i]));
      assert.deepEqual([q.status, q.history.length], ['ok', 1]);
      free(q);
      return Math.max(...found);
    };
    const whole = await moved(model);
    assert.ok(Math.abs(await moved(once) / whole - 0.5) < 0.01 && calls > 1);
  });

  it('a student that is its teacher has a loss of 0, which is no divergence', async () => {
    const plan = makePlan(t.teacher.model, { ...tinyPlan, grid: 'symmetric', scale: 'absmax', learned: false, activations: null, embeddings: 'none' }), { params, affines } = roundToNearest(t.job({ plan }));
    const q = await samSga.run(t.job({ plan, teacher: { ...t.teacher, params } }), { ...tinyConfig, steps: 3 });
    assert.deepEqual([q.status, q.history.map((e) => [e.student, e.sharpness])], ['ok', Array(3).fill([0, 0])]);
    free(q);
    dispose(params, ...Object.values(affines).map(({ scale, zero }) => ({ scale, zero })));
  });

  it('a temperature T divides the logits and multiplies the term by T^2', () => tf.tidy(() => {
    const p = tf.tensor2d([[1, -2, 0.5], [3, 0, 1]]), q = tf.tensor2d([[0, 1, 0.5], [1, 2, -1]]), mask = tf.ones([2, 4]) as Tensor2D;
    const of = (logits: DivergenceConfig['logits'], temperature: number, share: number) => divergence({ logits: tf.mul(q, share), hidden: [] }, { logits: tf.mul(p, share), hidden: [] }, mask, { logits, temperature, hidden: 0 }).dataSync()[0];
    for (const l of ['kl', 'js', 'l1'] as const) assert.ok(Math.abs(of(l, 2, 1) / (4 * of(l, 1, 0.5)) - 1) < 1e-5, l);
  }));
});
