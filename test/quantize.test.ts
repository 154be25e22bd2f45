import assert from 'node:assert/strict';
import { configure, METHODS, needsData, quantize } from '../src/quantize';
import { applySettings } from '../src/methods/settings';
import { checkConfig } from '../src/methods/check';
import { loadTokenizer } from '../src/text/tokenizer';
import { loadModel } from '../src/models/load';
import { dispose } from '../src/core/tree';
import { pocketModelPath } from '../datasets';
import { free, tiny, type Tiny } from './methods/tiny';
import type { MethodId } from '../src/methods/method';

const ids = Object.keys(METHODS) as MethodId[];

describe('quantize: configuration of every method', () => {
  let t: Tiny;
  before(async () => { t = await tiny(); });
  after(() => t.dispose());
  const of = (method: string, set: string[] = [], bits = 'W2A8') => configure({ teacher: t.teacher, bits, method, set, preset: 'smoke' });

  it('the methods have the ids of the paper\'s tables, in the order of tables', () => {
    assert.deepEqual(ids, ['full', 'ptq', 'zeroQuant', 'gptq', 'qatReal', 'qatRandom', 'llmQat', 'adversarial', 'samSga']);
    for (const id of ids) assert.equal(METHODS[id].id, id);
    assert.throws(() => of('awq'), /choose full, ptq, zeroQuant/);
  });

  it('defaults pass their own check, and each rule of the new settings can fail', () => {
    for (const id of ids) checkConfig(METHODS[id].defaults as object);
    for (const [id, path, value] of [['gptq', 'inputs', 'real-ish'], ['gptq', 'damp', 0], ['gptq', 'order', 'x'], ['gptq', 'sequences', 0], ['llmQat', 'writing.greedy', -1], ['llmQat', 'writing.temperature', 0], ['zeroQuant', 'lkd', 'maybe']] as const) {
      assert.throws(() => checkConfig(applySettings(METHODS[id].defaults as object, [`${path}=${JSON.stringify(value)}`])), new RegExp(`${path.replace('.', '\\.')}=.*must be`));
    }
    assert.throws(() => of('gptq', ['seq=17']), /seq=17: the model has 16 positions/);
    assert.throws(() => of('adversarial', ['beta=0.1']), /there is no "beta"/);
  });

  it('a preset sizes what a method has, and nothing else', () => {
    for (const id of ids) assert.deepEqual(Object.keys(of(id).settings), Object.keys(METHODS[id].defaults as object));
    assert.deepEqual([of('qatReal').settings.steps, of('gptq').settings.sequences, of('gptq').settings.steps], [20, 64, undefined]);
  });

  it('plans: full precision quantizes nothing, ZeroQuant in groups, trained methods learn their scales, all on one grid; settings have the last word', () => {
    const full = of('full');
    assert.deepEqual([full.plan, full.bits], [{ weights: {}, sites: [], activationBits: null }, 'W32A32']);
    const weight = t.teacher.model.linears[0].weight;
    for (const id of ids.filter((i) => i !== 'full')) {
      const { plan } = of(id), { granularity, learned, grid, scale } = plan.weights[weight];
      assert.deepEqual([grid, scale], ['stretched', 'mse'], id);
      assert.deepEqual(granularity, id === 'zeroQuant' ? { group: 32 } : 'row', id);
      assert.equal(learned, ['qatReal', 'qatRandom', 'llmQat', 'adversarial', 'samSga'].includes(id), id);
      assert.deepEqual(plan.sites, of('ptq').plan.sites, 'the same layers');
    }
    assert.equal(of('zeroQuant', ['lkd=on']).plan.weights[weight].learned, true);
    assert.deepEqual(of('zeroQuant', ['plan.granularity={"group":8}', 'plan.grid=symmetric']).plan.weights[weight], { bits: 2, granularity: { group: 8 }, grid: 'symmetric', scale: 'mse', learned: false });
  });

  it('needs data: QAT on real data, and GPTQ and LKD on real inputs; nothing else', () => {
    assert.deepEqual(ids.filter((id) => needsData(of(id))), ['qatReal']);
    assert.ok(needsData(of('gptq', ['inputs=real'])) && needsData(of('zeroQuant', ['inputs=real', 'lkd=on'])));
    assert.ok(!needsData(of('zeroQuant', ['inputs=real'])), 'rounding has no inputs');
  });
});

describe('quantize: real data through one door', () => {
  it('is asked for, tokenized, and named in the result; a zero-shot run has read nothing', async () => {
    const dir = pocketModelPath('pocket-bert'), teacher = await loadModel(dir), tokenizer = loadTokenizer(dir), options = { teacher, tokenizer, bits: 'W4A8', preset: 'smoke', set: ['steps=2'] };
    const source = { set: 'mine', split: 'train', rows: 2, sha256: 'x' }, data = { source, examples: [{ text: 'the weather is bad' }, { text: 'good news' }] };
    await assert.rejects(quantize({ ...options, method: 'qatReal' }), (e: { code: string; message: string }) => e.code === 'missing' && /--task NAME/.test(e.message));
    await assert.rejects(quantize({ ...options, method: 'qatReal', data: { ...data, source: { ...source, split: 'dev' } } }), (e: { code: string }) => e.code === 'leak');
    const real = await quantize({ ...options, method: 'qatReal', data }), random = await quantize({ ...options, method: 'qatRandom', data });
    assert.deepEqual([real.read, random.read], [source, null]);
    assert.ok(real.history[0].distinct! < random.history[0].distinct!, 'a handful of words');
    [real, random].forEach(free);
    dispose(teacher.params);
  });
});
