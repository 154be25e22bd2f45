// GPTQ against its paper's algorithm in PyTorch (test/fixtures/gptq/README.md), and against rounding where it must win.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ready, tf } from '../../src/core/backend';
import { tensorCount } from '../../src/core/memory';
import { dispose } from '../../src/core/tree';
import { roundMatrix, roundSite } from '../../src/methods/gptq';
import { roundToNearest } from '../../src/methods/ptq';
import { inverseFactor } from '../../src/methods/secondOrder';
import { loadModel } from '../../src/models/load';
import { fakeQuantize } from '../../src/quant/affine';
import { fitAffine } from '../../src/quant/fit';
import { makePlan, type PlanOptions } from '../../src/quant/plan';
import { loadText } from '../../datasets';
import { perplexity } from '../../src/eval/perplexity';
import { quantize } from '../../src/quantize';
import { tokenStream } from '../../src/text/stream';
import { loadTokenizer } from '../../src/text/tokenizer';
import { fixture, readDump, relative, under } from '../fixtures/dump';
import type { Bits, Granularity, Grid, QuantSpec } from '../../src/quant/spec';
import type { Tensor2D } from '@tensorflow/tfjs-node-gpu';

const LAYER = 'model.decoder.layers.0.';
/** As in make_gptq.py. */
const VARIANTS: Record<string, [Bits, Grid, Granularity, 'natural' | 'activation', 8 | null]> = {
  natural: [4, 'symmetric', 'row', 'natural', null], activation: [2, 'stretched', 'row', 'activation', 8],
  groups: [3, 'asymmetric', { group: 8 }, 'natural', null], 'groups-activation': [4, 'symmetric', { group: 8 }, 'activation', null],
  tensor: [4, 'asymmetric', 'tensor', 'natural', null],
};

describe('methods/gptq', () => {
  before(() => ready());

  for (const [name, [weights, grid, granularity, order, activations]] of Object.entries(VARIANTS)) {
    it(`the first layer of an OPT equals PyTorch: ${name}`, async () => {
      const dump = under(readDump('gptq', 'layer.safetensors'), `${name}.`), { ids, ...expected } = dump, teacher = await loadModel(fixture('models', 'opt-pre'));
      const options: PlanOptions = { weights, activations, grid, scale: 'absmax', granularity, learned: false, embeddings: 'none', rules: { '*.layers.1.*': 'full' } };
      const plan = makePlan(teacher.model, options), model = roundToNearest({ teacher, plan }), batches = [{ ids: tf.tensor2d(ids.data, ids.shape as [number, number], 'int32') }];
      for (const site of plan.sites) roundSite({ teacher, plan }, { damp: 0.01, order }, batches, site, model);
      assert.ok(Object.keys(expected).every((n) => n.startsWith(LAYER)) && Object.keys(expected).length >= 2);
      for (const [weight, { data, shape }] of Object.entries(expected)) {
        assert.deepEqual(model.params[weight].shape, shape);
        assert.ok(relative(model.params[weight].dataSync(), data) < 1e-5, `${weight} differs by ${relative(model.params[weight].dataSync(), data)}`);
      }
      dispose(teacher.params, model.params, ...Object.values(model.affines).map(({ scale, zero }) => ({ scale, zero })), { ids: batches[0].ids });
    });
  }

  it('U is upper triangular and Uᵀ U H = I of the damped H', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 12 }), fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 36, maxLength: 36 }), (n, numbers) => {
      const x = Array.from({ length: 3 }, (_, r) => numbers.slice(r * 12, r * 12 + n)), damp = 0.1;
      const h = Float64Array.from({ length: n * n }, (_, k) => x.reduce((s, row) => s + row[Math.floor(k / n)] * row[k % n], 0));
      const trace = h.reduce((s, v, k) => s + (k % (n + 1) === 0 ? v : 0), 0), u = inverseFactor(h.slice(), n, damp);
      for (let i = 0; i < n; i++) h[i * n + i] += trace > 0 ? (damp * trace) / n : 1;
      const at = (m: Float64Array, i: number, j: number) => m[i * n + j];
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < i; j++) assert.equal(at(u, i, j), 0);
        for (let j = 0; j < n; j++) {
          let sum = 0;
          for (let k = 0; k < n; k++) for (let l = 0; l < n; l++) sum += at(u, k, i) * at(u, k, l) * at(h, l, j);
          assert.ok(Math.abs(sum - (i === j ? 1 : 0)) < 1e-8, `${i}, ${j}: ${sum}`);
        }
      }
    }), { seed: 3, numRuns: 60 });
  });

  const matrix = (rows: number, n: number, f: (i: number) => number): Tensor2D => tf.tensor2d(Float32Array.from({ length: rows * n }, (_, i) => f(i)), [rows, n]);
  const natural = (n: number) => Int32Array.from({ length: n }, (_, i) => i);
  const spec: QuantSpec = { bits: 2, grid: 'stretched', scale: 'mse', granularity: 'row', learned: false };

  it('inputs that have nothing to do with each other, or none at all: every column is rounded to nearest', () => {
    const w = matrix(3, 8, (i) => Math.sin(7 * i + 1)), diagonal = Float64Array.from({ length: 64 }, (_, k) => (k % 9 === 0 ? 1 + k : 0));
    const nearest = tf.tidy(() => fakeQuantize(w, fitAffine(w, spec), spec).dataSync());
    for (const h of [diagonal, new Float64Array(64)]) {
      const found = roundMatrix(w, spec, inverseFactor(h.slice(), 8, 0.01), natural(8), true);
      assert.deepEqual(found.w.dataSync(), nearest);
      tf.dispose([found.w, found.affine.scale, found.affine.zero]);
    }
    w.dispose();
  });

  it('the output error falls below that of rounding on the same grid, for every grid, granularity and order', () => {
    const [rows, n, tokens] = [16, 32, 96], w = matrix(rows, n, (i) => Math.sin(i * i + 0.3)), start = tensorCount();
    const x = matrix(tokens, n, (i) => Math.cos(1.7 * i) + 2 * Math.sin(Math.floor(i / n))); // a common part: the inputs hang together
    const moment = tf.tidy(() => tf.matMul(x, x, true, false).dataSync());
    const error = (q: Parameters<typeof tf.sub>[0]) => tf.tidy(() => tf.sum(tf.square(tf.matMul(x, tf.sub(q, w), false, true))).dataSync()[0]);
    for (const bits of [2, 4] as const) for (const grid of ['symmetric', 'stretched', 'asymmetric'] as const) {
      for (const granularity of ['row', 'tensor', { group: 8 }] as const) for (const reversed of [false, true]) {
        const s: QuantSpec = { bits, grid, granularity, scale: 'mse', learned: false }, columns = reversed ? natural(n).reverse() : natural(n);
        const h = Float64Array.from({ length: n * n }, (_, k) => moment[columns[Math.floor(k / n)] * n + columns[k % n]]);
        const found = roundMatrix(w, s, inverseFactor(h, n, 0.01), columns, !reversed), fitted = fitAffine(w, s), nearest = fakeQuantize(w, fitted, s);
        assert.ok(error(found.w) < error(nearest), `${JSON.stringify(s)}: ${error(found.w)} for ${error(nearest)}`);
        const again = tf.tidy(() => fakeQuantize(found.w, found.affine, s).dataSync());
        assert.ok(relative(found.w.dataSync(), again) < 1e-6, 'the weights lie on the grid');
        tf.dispose([found.w, found.affine.scale, found.affine.zero, fitted.scale, fitted.zero, nearest]);
      }
    }
    x.dispose();
    assert.equal(tensorCount(), start);
    w.dispose();
  });

  it('on a real OPT at 4 and 3 bits the perplexity falls below that of rounding on the same grid', async function () {
    const data = process.env.ZSAQ_DATA, models = process.env.ZSAQ_MODELS;
    if (!data || !models) { console.log('      skipped: set ZSAQ_DATA and ZSAQ_MODELS'); this.skip(); }
    const dir = `${models}/opt-wikitext`, teacher = await loadModel(dir), tokenizer = loadTokenizer(dir), ids = tokenStream(loadText('wikitext-2', 'test', data), tokenizer).slice(0, 60 * 128 + 1);
    const score = async (bits: string, method: string, set: string[]) => {
      const q = await quantize({ teacher, tokenizer, bits, method, set }), { score: found } = await perplexity(teacher.model, q.params, ids, { window: 128 });
      dispose(q.params, ...Object.values(q.affines).map(({ scale, zero }) => ({ scale, zero })));
      return found;
    };
    for (const bits of ['W4A16', 'W3A16']) {
      const [second, nearest] = [await score(bits, 'gptq', ['seq=64', 'sequences=96']), await score(bits, 'ptq', [])];
      console.log(`      ${bits}: ${second.toFixed(2)} for ${nearest.toFixed(2)}`);
      assert.ok(second < nearest);
    }
    dispose(teacher.params);
  }).timeout(600_000);

  it('refuses inputs that are not finite', () => {
    assert.throws(() => inverseFactor(Float64Array.of(NaN), 1, 0.01), /not finite/);
  });

  it('what stands at padding does not matter', async () => {
    const teacher = await loadModel(fixture('models', 'opt-pre')), plan = makePlan(teacher.model, { weights: 2, activations: 8, grid: 'stretched', scale: 'absmax', granularity: 'row', learned: false, embeddings: 'none', rules: {} });
    const rounded = (padding: number): number[][] => {
      const ids = Array.from({ length: 3 }, (_, r) => Array.from({ length: 10 }, (_, i) => (i < 6 ? 5 + ((7 * r + 3 * i) % 20) : padding))), mask = ids.map((row) => row.map((_, i) => Number(i < 6)));
      const batch = { ids: tf.tensor2d(ids, [3, 10], 'int32'), mask: tf.tensor2d(mask, [3, 10]) }, model = roundToNearest({ teacher, plan }), sites = plan.sites.slice(0, 2);
      for (const site of sites) roundSite({ teacher, plan }, { damp: 0.01, order: 'natural' }, [batch], site, model);
      const found = teacher.model.linears.filter(({ site }) => sites.includes(site)).map(({ weight }) => [...model.params[weight].dataSync()]);
      dispose(model.params, ...Object.values(model.affines).map(({ scale, zero }) => ({ scale, zero })), batch);
      return found;
    };
    assert.deepEqual(rounded(7), rounded(30));
    dispose(teacher.params);
  });
});
