// The cache of keys and values against the forward pass without one, and greedy generation against transformers'.
import assert from 'node:assert/strict';
import { ready, tf } from '../../src/core/backend';
import { ZsaqError } from '../../src/core/error';
import { tensorCount } from '../../src/core/memory';
import { Stream } from '../../src/core/random';
import { dispose } from '../../src/core/tree';
import { generate, type GenerateOptions } from '../../src/models/generate';
import { loadModel, type LoadedModel } from '../../src/models/load';
import { activationHooks } from '../../src/quant/activations';
import { fixture, readDump, relative } from '../fixtures/dump';
import type { Past } from '../../src/models/model';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-node-gpu';

const NEW = 10;

for (const folder of ['opt-pre', 'opt-post', 'gpt2']) {
  describe(`models/generate: ${folder}`, () => {
    let loaded: LoadedModel, prompts: number[][], greedy: number[][];

    before(async () => {
      await ready();
      loaded = await loadModel(fixture('models', folder));
      const d = readDump('models', folder, 'generation.safetensors'), width = d.prompts.shape[1];
      const rows = (x: ArrayLike<number>, n: number) => Array.from({ length: x.length / n }, (_, r) => Array.from(x).slice(r * n, (r + 1) * n));
      const masks = rows(d.attention_mask.data, width);
      prompts = rows(d.prompts.data, width).map((p, r) => p.filter((_, i) => masks[r][i] === 1));
      greedy = rows(d.greedy.data, NEW);
    });
    after(() => { if (loaded) dispose(loaded.params); });

    const sampled = (options: Partial<GenerateOptions> = {}, seed = 4) => generate(loaded, prompts, { maxTokens: NEW, random: new Stream('generate', seed), ...options });

    it('greedy generation of three prompts of different lengths is that of transformers', () => {
      assert.deepEqual(prompts.map((p) => p.length), [4, 2, 1]);
      assert.deepEqual(generate(loaded, prompts, { maxTokens: NEW, temperature: 0 }), greedy);
    });

    it('a row alone goes on as it does among others, and a longer run begins as a shorter one', () => {
      prompts.forEach((p, r) => assert.deepEqual(generate(loaded, [p], { maxTokens: NEW - r, temperature: 0 }), [greedy[r].slice(0, NEW - r)]));
      assert.deepEqual(generate(loaded, prompts, { maxTokens: 0, temperature: 0 }), [[], [], []]);
      assert.deepEqual(generate(loaded, [], { maxTokens: 3, temperature: 0 }), []);
    });

    for (const padding of ['none', 'left', 'right'] as const) {
      it(`in pieces over the cache the logits and hidden states are those of the whole, padding: ${padding}`, () => tf.tidy(() => {
        const { model, params } = loaded, random = new Stream(folder, 1), [batch, seq] = [3, 11];
        const ids = tf.tensor2d(Array.from({ length: batch * seq }, () => 3 + random.int(57)), [batch, seq], 'int32');
        const real = (r: number, t: number) => (padding === 'left' ? t >= 3 * r : padding === 'right' ? t < seq - 3 * r : true);
        const values = Array.from({ length: batch }, (_, r) => Array.from({ length: seq }, (_, t) => (real(r, t) ? 1 : 0)));
        const mask = padding === 'none' ? undefined : tf.tensor2d(values) as Tensor2D, whole = model.forward(params, { ids, mask });
        assert.equal(whole.past, undefined, 'no past unless asked for');
        const [vocabulary, hidden] = [whole.logits.shape[2]!, whole.hidden.at(-1)!.shape[2]!];
        let past: Past = [], at = 0;
        for (const [k, piece] of [4, 1, 1, 3, 2].entries()) {
          const part = tf.slice(ids, [0, at], [batch, piece]), seen = mask && tf.slice(mask, [0, 0], [batch, at + piece]) as Tensor2D;
          const out = model.forward(params, { ids: part, mask: seen, past, lastOnly: k === 3 }), first = k === 3 ? at + piece - 1 : at;
          const read = k === 3 ? 1 : piece, only = (n: number) => (i: number) => real(Math.floor(i / (read * n)), first + Math.floor(i / n) % read);
          const close = (a: ArrayLike<number>, b: ArrayLike<number>, n: number, what: string) => assert.ok(relative(a, b, { only: only(n) }) < 1e-5, `${what} at ${at}`);
          assert.deepEqual(out.logits.shape, [batch, read, vocabulary]);
          close(out.logits.dataSync(), tf.slice(whole.logits, [0, first, 0], [batch, read, vocabulary]).dataSync(), vocabulary, 'logits');
          if (k !== 3) close(out.hidden.at(-1)!.dataSync(), tf.slice(whole.hidden.at(-1)! as Tensor3D, [0, at, 0], [batch, piece, hidden]).dataSync(), hidden, 'hidden states');
          at += piece;
          past = out.past!;
          assert.ok(past.length === model.linears.filter(({ weight }) => /(fc1|c_fc)\.weight$/.test(weight)).length && past.every(({ keys, values: v }) => keys.shape[2] === at && v.shape[2] === at));
        }
        assert.equal(at, seq);
        const more = tf.zeros([batch, model.maxLength - seq + 1], 'int32') as Tensor2D;
        assert.throws(() => model.forward(params, { ids: more, past }), new RegExp(`${model.maxLength + 1} tokens is longer`));
      }));
    }

    it('sampling follows the stream: the same again, another with another seed', () => {
      const first = sampled();
      assert.deepEqual(first.map((r) => r.length), [NEW, NEW, NEW]);
      assert.deepEqual(sampled(), first);
      assert.notDeepEqual(sampled({}, 5), first);
      assert.deepEqual(sampled({ topK: 1 }), greedy);
      assert.deepEqual(sampled({ temperature: 1e-6 }), greedy);
    });

    it('a stop token ends its row, and changes no other', () => {
      const free = sampled(), stop = [free[1][3]], stopped = sampled({ stop });
      stopped.forEach((row, r) => {
        const end = free[r].indexOf(stop[0]);
        assert.deepEqual(row, end < 0 ? free[r] : free[r].slice(0, end + 1));
      });
      assert.ok(stopped[1].length <= 4);
      const random = new Stream('generate', 4), before = random.state;
      generate(loaded, prompts, { maxTokens: NEW, random, stop: Array.from({ length: 60 }, (_, id) => id) });
      const one = new Stream('generate', 4);
      one.state = before;
      for (let i = 0; i < prompts.length; i++) one.next();
      assert.deepEqual(random.state, one.state, 'one number a row, and no step after the last row has ended');
    });

    it('only candidates are said', () => {
      const candidates = Int32Array.of(7, 8, 9, 30), said = new Set([...sampled({ candidates, temperature: 5 }), ...generate(loaded, prompts, { maxTokens: 5, temperature: 0, candidates })].flat());
      assert.ok([...said].every((id) => candidates.includes(id)) && said.size > 1);
    });

    it('hooks are those of every step', () => {
      const hooks = activationHooks({ sites: loaded.model.linears.map(({ site }) => site), activationBits: 8 }), sites: string[] = [];
      const [rows] = [generate({ ...loaded, hooks: { activation: (site, x) => { sites.push(site); return hooks.activation!(site, x); } } }, prompts.slice(0, 1), { maxTokens: 4, temperature: 0 })];
      const each = new Set([...loaded.model.linears.map(({ site }) => site), ...loaded.model.probabilities]).size;
      assert.equal(sites.length, 4 * each);
      const again = [...prompts[0]];
      for (let i = 0; i < 4; i++) {
        const logits = tf.tidy(() => loaded.model.forward(loaded.params, { ids: tf.tensor2d([again], undefined, 'int32') as Tensor2D, lastOnly: true }, hooks).logits);
        const values = Array.from(logits.dataSync());
        logits.dispose();
        again.push(values.indexOf(Math.max(...values)));
      }
      assert.deepEqual(rows[0], again.slice(prompts[0].length));
    });

    it('leaves no tensor behind, also where it fails', () => {
      const before = tensorCount();
      sampled({ stop: [greedy[0][0]] });
      assert.equal(tensorCount(), before);
      let step = 0;
      const hooks = { activation(_: string, x: never): never { if (++step > 20) throw new Error('interrupted'); return x; } };
      assert.throws(() => generate({ ...loaded, hooks }, prompts, { maxTokens: NEW, temperature: 0 }), /interrupted/);
      assert.equal(tensorCount(), before);
      const name = loaded.model.wordEmbedding, broken = { ...loaded.params, [name]: tf.fill(loaded.model.shapes[name] as number[], NaN) };
      assert.throws(() => generate({ model: loaded.model, params: broken }, prompts, { maxTokens: 2, temperature: 0 }), /logit of token \d+ is NaN/);
      broken[name].dispose();
      assert.equal(tensorCount(), before);
    });

    it('refuses what it cannot do, in one sentence', () => {
      const refused = (rows: number[][], options: Partial<GenerateOptions>, code: string, message: RegExp) => assert.throws(
        () => generate(loaded, rows, { maxTokens: 2, temperature: 0, ...options }),
        (e) => e instanceof ZsaqError && e.code === code && message.test(e.message) && !e.message.includes('\n'));
      refused([[3], []], {}, 'range', /prompt 1 is empty/);
      refused([[3], [60]], {}, 'range', /prompt 1 has the token id 60.*60/);
      refused([[3.5]], {}, 'range', /3\.5/);
      refused([[3, 4]], { maxTokens: 15 }, 'range', /prompt of 2 tokens and 15 new ones.*16/);
      refused([[3]], { maxTokens: -1 }, 'range', /maxTokens -1/);
      refused([[3]], { temperature: 1 }, 'usage', /random/);
      refused([[3]], { topP: 2 }, 'range', /topP 2/);
    });
  });
}

describe('models/generate', () => {
  it('refuses a model that is not causal', async () => {
    await ready();
    for (const folder of ['bert-classifier', 'roberta-masked']) {
      const loaded = await loadModel(fixture('models', folder));
      assert.throws(() => generate(loaded, [[3]], { maxTokens: 1, temperature: 0 }), (e) => e instanceof ZsaqError && e.code === 'mismatch');
      dispose(loaded.params);
    }
  });
});
