// The generator's options, the cheaper forms and the calibration, in whole runs on tiny models.
import assert from 'node:assert/strict';
import { tf } from '../../src/core/backend';
import { valueAndGrad } from '../../src/core/grad';
import { tensorCount, tidy } from '../../src/core/memory';
import { Stream, Streams } from '../../src/core/random';
import { part } from '../../src/core/tree';
import { adapt, gumbelNoise, sampleTokens, type Adaptation, type AdaptationKind } from '../../src/methods/adaptation';
import { calibrate } from '../../src/methods/calibrate';
import { checkConfig } from '../../src/methods/check';
import { GeneratorSource } from '../../src/methods/generator';
import { generate } from '../../src/models/generate';
import { qatRandom } from '../../src/methods/qatRandom';
import { diversityOf, entropyOf, manifoldDistance } from '../../src/methods/regularizers';
import { samSga } from '../../src/methods/samSga';
import { disposeInputs, randomSource } from '../../src/methods/source';
import { makeStudent } from '../../src/methods/student';
import { plainStep, studentGradients } from '../../src/methods/studentStep';
import { opponentOf } from '../../src/methods/trainer';
import { activationDefaults, makePlan } from '../../src/quant/plan';
import { relative } from '../fixtures/dump';
import { free, memoryStore, tiny, tinyConfig, tinyPlan, values, type Tiny } from './tiny';
import type { SamSgaConfig } from '../../src/methods/config';
import type { Inputs } from '../../src/models/model';
import type { Scalar, Tensor2D, Tensor3D } from '@tensorflow/tfjs-node-gpu';

const mean = (x: number[]): number => x.reduce((a, b) => a + b, 0) / x.length;

describe('methods: variants of SAM-SGA', () => {
  let t: Tiny;
  before(async () => { t = await tiny(); });
  after(() => t.dispose());

  const g = tinyConfig.generator, a = tinyConfig.adaptation;
  /** Every option that is off by default, in two runs that can have them together. */
  const all: Record<string, Partial<SamSgaConfig>> = {
    'LookSAM, half of the layers, two steps a batch, falling beta, Gaussian noise, soft mixtures, all regularizers': {
      look: { every: 3, reuse: 0.7 }, perturbLayers: 0.5, stepsPerBatch: 2, betaSchedule: { kind: 'linear', warmup: 0.1, floor: 0.1 },
      generator: { ...g, noise: 'gaussian', entropy: 0.1, diversity: 0.1, manifold: 0.1, divergence: 'js' }, adaptation: { ...a, kind: 'soft' },
    },
    'latent adaptive perturbation, rounded weights stored, one tape for both players, written noise, Gumbel': {
      adaptive: true, perturb: 'latent', store: 'quantized', stepsPerBatch: 3, generator: { ...g, pass: 'shared', every: 6, noise: 'written' }, sequences: 12, adaptation: { ...a, kind: 'gumbel', temperature: 0.5 },
    },
  };
  for (const [name, changes] of Object.entries(all)) {
    it(`${name}: the same after a kill at any step, every number finite`, async () => {
      const config = { ...tinyConfig, ...changes, steps: 45, seq: 6 }, whole = await samSga.run(t.job(), checkConfig(config));
      assert.equal(whole.status, 'ok');
      assert.ok(whole.history.every((e) => Number.isFinite(e.student) && (e.generator === null || Number.isFinite(e.generator))));
      assert.deepEqual(whole.history.map((e) => e.generator !== null), whole.history.map((_, i) => i % config.generator.every === 0), 'the generator has its turns');
      assert.deepEqual(whole.history.map((e) => e.sharpness !== null), whole.history.map((_, i) => i % config.look.every === 0), 'and SAM its own');
      for (const killed of [23, 44]) {
        const store = memoryStore();
        await assert.rejects(samSga.run(t.job({ checkpoints: store, onProgress: ({ step }) => { if (step === killed) throw new Error('killed'); } }), config), /killed/);
        const continued = await samSga.run(t.job({ checkpoints: store }), config);
        assert.deepEqual(values(continued), values(whole), `killed at step ${killed}`);
        assert.deepEqual(continued.history, whole.history);
        free(continued);
      }
      free(whole);
    }).timeout(120_000);

    it(`${name}: keeps no tensor`, async () => {
      const start = tensorCount(), counts: number[] = [], config = { ...tinyConfig, ...changes, steps: 80, seq: 6, checkpointSeconds: 600 };
      free(await samSga.run(t.job({ onProgress: ({ step }) => { if (step > 24 && step % 12 === 1) counts.push(tensorCount()); } }), config));
      assert.equal(new Set(counts).size, 1, `${counts}`);
      assert.equal(tensorCount(), start);
    }).timeout(120_000);
  }

  it('beta falls along its schedule', async () => {
    const q = await samSga.run(t.job(), { ...tinyConfig, steps: 5, betaSchedule: { kind: 'linear', warmup: 0, floor: 0.5 } });
    q.history.forEach((e, i) => assert.ok(Math.abs(e.relativeRadius! / tinyConfig.beta - (1 - 0.5 * (i / 5))) < 1e-3, `step ${i}: ${e.relativeRadius}`));
    free(q);
  });

  it('several steps on a batch: the same tokens, as many batches fewer, in every training method', async () => {
    for (const run of [samSga.run, qatRandom.run] as typeof samSga.run[]) {
      const q = await run(t.job(), { ...tinyConfig, stepsPerBatch: 3, generator: { ...g, every: 100 } }), shares = q.history.map((e) => `${e.distinct} ${e.classes}`);
      assert.equal(new Set(shares.slice(0, 3)).size, 1);
      assert.equal(new Set(shares.slice(3)).size, 1);
      assert.ok(q.history[2].student < q.history[0].student, 'what it has just seen it knows');
      free(q);
    }
  });

  describe('the generator on one tape with the student', () => {
    const ascents = async (kind: AdaptationKind): Promise<{ own: Record<string, Float32Array>; shared: Record<string, Float32Array>; start: Record<string, Float32Array> }> => {
      // without activation quantization and with full-precision word embeddings both passes see the same student
      const plan = makePlan(t.teacher.model, { ...tinyPlan, weights: 4, grid: 'symmetric', activations: null, embeddings: 'none' }), student = makeStudent(t.teacher.model, t.teacher.params, plan);
      const sources = (['own', 'shared'] as const).map((pass) => new GeneratorSource(t.job(), t.generator, { ...tinyConfig, generator: { ...g, pass, rate: 1e-3 }, adaptation: { ...a, kind } }, new Streams(5)));
      const D = tinyConfig.divergence;
      const theta = (s: GeneratorSource) => Object.fromEntries(Object.entries(part(s.save().held, 'm/')).map(([n, x]) => [n, x.dataSync() as Float32Array]));
      const start = theta(sources[0]);
      await sources[0].ascend(0, opponentOf(student, t.teacher, student.initial, D), 1);
      assert.equal(await sources[1].ascend(0, opponentOf(student, t.teacher, student.initial, D), 1), null, 'no pass of its own');
      assert.ok(sources[1].sharesPass(0));
      const { inputs } = await sources[1].next();
      const step = studentGradients(student, student.initial, t.teacher, inputs, { divergence: D, radius: null, clip: 1, precision: 'fp32' }, { ...plainStep(null), ascends: true });
      assert.ok(await sources[1].follow(step.inputGradient!, 1));
      const [own, shared] = sources.map(theta);
      sources.forEach((s) => s.dispose());
      student.dispose();
      return { own, shared, start };
    };
    for (const kind of ['soft', 'straightThrough', 'gumbel'] as const) {
      it(`${kind}: on the same batch its gradient is that of a pass of its own`, async () => {
        const { own, shared, start } = await ascents(kind), names = Object.keys(own).filter((n) => !n.endsWith('k_proj.bias')); // softmax does not see a key's bias
        for (const n of names) assert.ok(relative(shared[n], own[n]) < 2e-3, `${n}: off by ${relative(shared[n], own[n])}`);
        assert.ok(names.every((n) => String(own[n]) !== String(start[n])), "Adam's first moments have the gradient");
      });
    }

    it('what it cannot share is refused', () => {
      const shared = { ...g, pass: 'shared' as const };
      assert.throws(() => checkConfig({ ...tinyConfig, stepsPerBatch: 2, generator: { ...shared, every: 3 } }), /generator\.every \(3\) must be a multiple of stepsPerBatch \(2\)/);
      assert.throws(() => checkConfig({ ...tinyConfig, generator: { ...shared, divergence: 'js' } }), /one tape has one divergence/);
      assert.throws(() => checkConfig({ ...tinyConfig, generator: { ...g, entropy: 1 }, adaptation: { ...a, kind: 'linear' } }), /linear map has no output distribution/);
      assert.throws(() => checkConfig({ ...tinyConfig, generator: { ...g, manifold: 1 } }), /straightThrough speaks in real tokens/);
    });
  });

  describe('straight-through Gumbel', () => {
    const table = tf.tensor2d([[1, 0], [0, 1], [-1, 0.5]]), logits = tf.tensor3d([[[1, 0.2, -0.5]]]), candidates = tf.tensor1d([0, 1, 2], 'int32');
    const adaptation = (temperature: number): Adaptation => ({ kind: 'gumbel', temperature, teacher: { embeddingSize: 2 } as never, table, norms: [0, 9] });

    it('samples softmax(z), whatever the temperature', () => {
      const counts = [0, 0, 0], n = 4000, p = tidy(() => tf.softmax(logits).dataSync()), many = tidy(() => tf.keep(tf.tile(logits, [1, n, 1])));
      const gumbel = gumbelNoise(n, 3, new Stream('g', 1));
      for (const k of tidy(() => sampleTokens(adaptation(0.1), { logits: many, hidden: [] }, candidates, { gumbel }).dataSync())) counts[k]++;
      counts.forEach((c, k) => assert.ok(Math.abs(c / n - p[k]) < 0.03, `${counts} for ${[...p].map((x) => x * n)}`));
      tf.dispose([many, gumbel]);
    });

    it('speaks the row of argmax(z + g), with the gradient of softmax((z + g) / tau) E', () => tf.tidy(() => {
      const gumbel = tf.tensor2d([[0.1, 1.4, 0.3]]), place = { batch: 1, seq: 1, rows: tf.tensor1d([0], 'int32'), mask: tf.ones([1, 1]) as Tensor2D }, dy = tf.tensor1d([0.7, -1.3]);
      const tokens = sampleTokens(adaptation(0.5), { logits, hidden: [] }, candidates, { gumbel });
      assert.deepEqual([...tokens.dataSync()], [1]);
      const ours = valueAndGrad((p) => tf.sum(tf.mul(adapt(adaptation(0.5), { logits: p.z, hidden: [] }, candidates, place, {}, tokens, gumbel).embeds!, dy)) as Scalar, { z: logits });
      assert.ok(Math.abs(ours.value.dataSync()[0] + 1.3) < 1e-6, 'forward the real row');
      const soft = valueAndGrad((p) => tf.sum(tf.mul(tf.matMul(tf.softmax(tf.div(tf.add(tf.reshape(p.z, [1, 3]), gumbel), 0.5)), table), dy)) as Scalar, { z: logits });
      assert.ok(relative(ours.grads.z.dataSync(), soft.grads.z.dataSync()) < 1e-5);
    }));
  });

  describe('regularizers', () => {
    const words = tf.tensor2d([[1, 1, 0], [1, 1, 1]]), table = tf.tensor2d([[2, 0], [0, 1]]);

    it('entropy: 0 for one sure token, 1 for all alike; ascending it evens the distribution', () => tf.tidy(() => {
      assert.ok(entropyOf(tf.tensor2d([[50, 0, 0, 0]])).dataSync()[0] < 1e-6);
      assert.ok(Math.abs(entropyOf(tf.zeros([3, 4]) as Tensor2D).dataSync()[0] - 1) < 1e-6);
      const z = tf.tensor2d([[2, 0, -1, 0.5]]), { value, grads } = valueAndGrad((p) => entropyOf(p.z as Tensor2D), { z });
      assert.ok(entropyOf(tf.add(z, tf.mul(grads.z, 0.1)) as Tensor2D).dataSync()[0] > value.dataSync()[0]);
    }));

    it('diversity: 0 for equal examples, 2 for two opposite ones, without special tokens; ascending it drives examples apart', () => tf.tidy(() => {
      const batch = (x: number[][]) => tf.tensor(x.map(([u, v]) => [[u, v], [u, v], [7, 7]]), [2, 3, 2]), two = tf.tensor2d([[1, 1, 0], [1, 1, 0]]);
      const of = (x: number[][]) => diversityOf({ embeds: batch(x), words: two }).dataSync()[0];
      assert.ok(Math.abs(of([[1, 2], [2, 4]])) < 1e-5);
      assert.ok(Math.abs(of([[1, 2], [-1, -2]]) - 2) < 1e-5);
      assert.ok(Math.abs(of([[1, 0], [0, 3]]) - 1) < 1e-5);
      const x = batch([[1, 2], [1.5, 2]]), { value, grads } = valueAndGrad((p) => diversityOf({ embeds: p.x, words: two }), { x });
      assert.ok(diversityOf({ embeds: tf.add(x, grads.x), words: two }).dataSync()[0] > value.dataSync()[0]);
    }));

    it('manifold: 0 at the rows of the table, ||e - E||^2 / ||E||^2 elsewhere; descending it leads back', () => tf.tidy(() => {
      const at = (x: number[][][]) => manifoldDistance({ embeds: tf.tensor3d(x), words, table }).dataSync()[0];
      assert.equal(at([[[2, 0], [0, 1], [9, 9]], [[2, 0], [2, 0], [0, 1]]]), 0, 'padding does not count');
      assert.ok(Math.abs(at([[[1.5, 0], [0, 1], [9, 9]], [[2, 0], [2, 0], [0, 3]]]) - (0.25 / 4 + 4) / 5) < 1e-6);
      const x = tf.tensor3d([[[1.5, 0.2], [0, 1], [9, 9]], [[2, 0], [2, 0], [0, 3]]]), { value, grads } = valueAndGrad((p) => manifoldDistance({ embeds: p.x, words, table }), { x });
      assert.ok(manifoldDistance({ embeds: tf.sub(x, grads.x), words, table }).dataSync()[0] < value.dataSync()[0]);
      const h = 1e-2, numeric = ['+', '-'].map((sign) => at((x.arraySync() as number[][][]).map((r, i) => r.map((v, k) => (i === 0 && k === 0 ? [v[0] + (sign === '+' ? h : -h), v[1]] : v)))));
      assert.ok(Math.abs((numeric[0] - numeric[1]) / (2 * h) - grads.x.arraySync()[0 as never][0][0]) < 1e-3);
    }));

    it('the history tells how far from the manifold a source stands that speaks in embeddings', async () => {
      const { history } = await samSga.run(t.job(), { ...tinyConfig, steps: 11, adaptation: { ...a, kind: 'soft' } }), told = history.map((e) => e.manifold);
      assert.ok(told.every((m, i) => (m === null) === (i % 10 !== 0)), JSON.stringify(told));
      assert.ok(told[0]!.norm > 0 && told[0]!.norm < 1 && told[0]!.distance > 0.1, `mixtures shrink: ${JSON.stringify(told[0])}`);
      assert.ok((await samSga.run(t.job(), { ...tinyConfig, steps: 1 })).history.every((e) => e.manifold === null), 'tokens stand on it');
    });

    it('in the game each moves its quantity the right way', async () => {
      const nobody = { trained: {}, held: {}, divergence: () => tf.scalar(0) }; // no divergence: the regularizer alone
      const measure = async (weights: Partial<SamSgaConfig['generator']>, kind: AdaptationKind, of: (inputs: Inputs) => number): Promise<[number, number]> => {
        const source = new GeneratorSource(t.job(), t.generator, { ...tinyConfig, generator: { ...g, rate: 5e-3, ...weights }, adaptation: { ...a, kind, candidates: 0 } }, new Streams(7));
        const found = async (n: number): Promise<number> => {
          const seen: number[] = [];
          for (let i = 0; i < n; i++) {
            const { inputs } = await source.next();
            seen.push(of(inputs));
            disposeInputs(inputs);
          }
          return mean(seen);
        };
        const before = await found(4);
        for (let i = 0; i < 25; i++) await source.ascend(i, nobody, 1);
        const after = await found(4);
        source.dispose();
        return [before, after];
      };
      const embedding = t.teacher.params[t.teacher.model.wordEmbedding] as Tensor2D;
      const wordsOf = (inputs: Inputs) => inputs.mask!;
      const away = (inputs: Inputs) => tidy(() => manifoldDistance({ embeds: inputs.embeds!, words: wordsOf(inputs), table: embedding }).dataSync()[0]);
      const differ = (inputs: Inputs) => tidy(() => diversityOf({ embeds: inputs.embeds!, words: wordsOf(inputs) }).dataSync()[0]);
      const [far, near] = await measure({ manifold: 1 }, 'soft', away);
      assert.ok(near < far, `distance from the manifold ${far} to ${near}`);
      const [alike, apart] = await measure({ diversity: 1 }, 'soft', differ);
      assert.ok(apart > alike, `diversity ${alike} to ${apart}`);
      // an even distribution gives mixtures near the mean of the table: they lie close together and far from any row
      const [sure, even] = await measure({ entropy: 1 }, 'soft', away);
      assert.ok(even > sure, `distance of the mixtures ${sure} to ${even}`);
    });
  });

  it('Gaussian noise is as large as the embeddings, and drawn anew for each batch', async () => {
    const seen: Float32Array[] = [], spied = { ...t.generator, model: { ...t.generator.model, forward: ((p, i, h) => {
      seen.push(i.embeds!.dataSync().slice() as Float32Array);
      return t.generator.model.forward(p, i, h);
    }) as typeof t.generator.model.forward } };
    const source = new GeneratorSource(t.job(), spied, { ...tinyConfig, generator: { ...g, noise: 'gaussian' } }, new Streams(3));
    for (let i = 0; i < 2; i++) disposeInputs((await source.next()).inputs);
    const rms = (x: ArrayLike<number>) => Math.sqrt(Array.from(x).reduce((s, v) => s + v * v, 0) / x.length), table = t.generator.params[t.generator.model.wordEmbedding].dataSync();
    assert.ok(Math.abs(rms(seen[0]) / rms(table) - 1) < 0.1);
    assert.notDeepEqual([...seen[0]], [...seen[1]]);
    source.dispose();
  });

  it('written noise is what the generator said before it ascended: its own text, also after ascents, each sequence once before any again', async () => {
    const { generator } = t, seen: number[][] = [], rows = generator.params[generator.model.wordEmbedding].arraySync() as number[][];
    const spied = { ...generator, model: { ...generator.model, forward: ((p, i, h) => {
      const heard = i.embeds?.arraySync();
      if (heard?.length === 4 && heard[0].length === 6) seen.push(...heard.map((text) => text.map((e) => rows.findIndex((row) => row.every((x, k) => x === e[k])))));
      return generator.model.forward(p, i, h);
    }) as typeof generator.model.forward } };
    const config = { ...tinyConfig, seq: 6, sequences: 8, writing: { greedy: 5, temperature: 1 }, generator: { ...g, noise: 'written' as const, rate: 0.1 } };
    const source = new GeneratorSource(t.job(), spied, config, new Streams(3)), student = makeStudent(t.teacher.model, t.teacher.params, makePlan(t.teacher.model, tinyPlan));
    disposeInputs((await source.next()).inputs);
    await source.ascend(0, opponentOf(student, t.teacher, student.initial, tinyConfig.divergence), 1);
    disposeInputs((await source.next()).inputs);
    const texts = seen.filter((ids) => ids.every((id) => id >= 0)), own = generate(generator, texts.map(([first]) => [first]), { maxTokens: 5, temperature: 0, candidates: t.job().vocabulary });
    assert.ok(texts.length >= 12);
    assert.deepEqual(texts.map((ids) => ids.slice(1)), own);
    assert.equal(new Set(texts.slice(0, 8).map(String)).size, 8);
    source.dispose(), student.dispose();
  });

  it('static activations: calibrated once on inputs of the job, the same for the same seed; training and result obey them', async () => {
    const plan = makePlan(t.teacher.model, { ...tinyPlan, activation: { ...activationDefaults, range: 'static', oneSided: 'asymmetric', probabilities: true } });
    await assert.rejects(samSga.run(t.job({ plan }), tinyConfig), /static activations at .* are not calibrated/);
    const source = (seed: number) => randomSource(t.job(), { ...tinyConfig, form: 'single' }, new Stream('calibration', seed)), start = tensorCount();
    const of = (seed: number) => { const s = source(seed); return calibrate(t.teacher, plan, () => s.next(), 3); }, fixed = of(1);
    assert.deepEqual(of(1), fixed);
    assert.notDeepEqual(of(2), fixed);
    assert.equal(tensorCount(), start);
    const narrow = fixed.activations!['bert.encoder.layer.0.output.dense'], probabilities = fixed.activations!['bert.encoder.layer.0.attention.self.probabilities'];
    assert.ok(narrow.fixed!.zero > 0 && narrow.fixed!.zero < 128, `GELU goes a little below zero: ${JSON.stringify(narrow)}`);
    assert.ok(probabilities.fixed!.zero === 0 && Math.abs(probabilities.fixed!.scale * 255 - 1) < 0.9);
    const plain = makePlan(t.teacher.model, tinyPlan);
    assert.equal(calibrate(t.teacher, plain, () => assert.fail('nothing is drawn'), 3), plain);
    const q = await samSga.run(t.job({ plan: fixed }), tinyConfig);
    assert.deepEqual([q.status, q.plan], ['ok', fixed]);
    free(q);
  });
});
