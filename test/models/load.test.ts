// Model folders: names with and without prefixes, and everything that can be wrong with one.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ready, tf } from '../../src/core/backend';
import { ZsaqError } from '../../src/core/error';
import { tensorCount } from '../../src/core/memory';
import { dispose } from '../../src/core/tree';
import { readJson, writeWhole } from '../../src/io/file';
import { writeSafetensors } from '../../src/io/safetensors';
import { loadModel } from '../../src/models/load';
import { assertClose, fixture, readDump, type Dumped } from '../fixtures/dump';
import type { Tensor3D } from '@tensorflow/tfjs-node-gpu';

type Weights = Record<string, Dumped>;
type Config = Record<string, unknown>;

describe('models/load', () => {
  let scratch: string;
  before(ready);
  beforeEach(() => { scratch = mkdtempSync(join(tmpdir(), 'zsaq-load-')); });
  afterEach(() => rmSync(scratch, { recursive: true, force: true }));

  /** A copy of a fixture with changed weights and configuration. */
  function changed(name: string, { weights, config }: { weights?: (w: Weights) => Weights | void; config?: (c: Config) => void }): string {
    const dir = join(scratch, 'model');
    cpSync(fixture('models', name), dir, { recursive: true });
    if (weights) {
      const w = readDump('models', name, 'model.safetensors'), next = weights(w) ?? w;
      writeSafetensors(join(dir, 'model.safetensors'), Object.entries(next).map(([n, { shape, data }]) => [n, { dtype: 'F32', shape, data: data as Float32Array }]));
    }
    if (config) {
      const c = readJson(join(dir, 'config.json')) as Config;
      config(c);
      writeWhole(join(dir, 'config.json'), JSON.stringify(c));
    }
    return dir;
  }

  async function refused(dir: string, code: string, ...words: (string | RegExp)[]): Promise<void> {
    const before = tensorCount();
    await assert.rejects(loadModel(dir), (e: unknown) => {
      assert.ok(e instanceof ZsaqError, `a plain ${String(e)}`);
      assert.equal(e.code, code, e.message);
      for (const w of words) assert.match(e.message, w instanceof RegExp ? w : new RegExp(w.replace(/[.[\]]/g, '\\$&')));
      assert.ok(!e.message.includes('\n'));
      return true;
    });
    assert.equal(tensorCount(), before, 'tensors of a refused model');
  }

  it('finds weights without the prefix, with the shorter one, and under the older layer-norm names', async () => {
    const names: [string, (n: string) => string][] = [
      ['bert-classifier', (n) => n.replace(/^bert\./, '')],
      ['bert-classifier', (n) => n.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta')],
      ['opt-post', (n) => n.replace(/^model\./, '')],
      ['roberta', (n) => n.replace(/^roberta\./, '')],
      ['distilbert', (n) => n.replace(/^distilbert\./, '')],
      ['gpt2', (n) => n.replace(/^transformer\./, '')],
      ['bert-masked', (n) => n.replace('cls.predictions.bias', 'cls.predictions.decoder.bias').replace('LayerNorm.weight', 'LayerNorm.gamma')],
      ['roberta-masked', (n) => n.replace('lm_head.bias', 'lm_head.decoder.bias')],
    ];
    for (const [name, rename] of names) {
      const dir = changed(name, { weights: (w) => Object.fromEntries(Object.entries(w).map(([n, x]) => [rename(n), x])) });
      const { model, params } = await loadModel(dir), d = readDump('models', name, 'model.safetensors');
      for (const [n, x] of Object.entries(d)) tf.tidy(() => assertClose(model.storedTransposed?.has(n) ? tf.transpose(params[n]) : params[n], x, 0, n));
      dispose(params);
      rmSync(dir, { recursive: true });
    }
  });

  it('ignores tensors that are not the model\'s', async () => {
    const dir = changed('opt-pre', { weights: (w) => ({ ...w, 'lm_head.weight': w['model.decoder.embed_tokens.weight'], 'position_ids': { shape: [1], data: new Float32Array(1) } }) });
    const { params, model } = await loadModel(dir);
    assert.deepEqual(Object.keys(params), [...model.paramNames]);
    dispose(params);
    const buffer = { shape: [1, 1, 4, 4], data: new Float32Array(16) }; // as older GPT-2 and BERT files have them
    for (const [name, others] of [['gpt2', ['transformer.h.0.attn.bias', 'h.1.attn.masked_bias', 'lm_head.weight']], ['roberta', ['roberta.embeddings.position_ids', 'lm_head.bias']]] as const) {
      const found = await loadModel(changed(name, { weights: (w) => ({ ...w, ...Object.fromEntries(others.map((n) => [n, buffer])) }) }));
      assert.deepEqual(Object.keys(found.params), [...found.model.paramNames]);
      dispose(found.params);
    }
  });

  it('names the tensor that is missing, of another shape, or not finite', async () => {
    const name = 'bert.encoder.layer.1.output.dense.bias';
    await refused(changed('bert-classifier', { weights: (w) => { delete w[name]; } }), 'missing', name);
    await refused(changed('bert-classifier', { weights: (w) => { w[name] = { shape: [31], data: new Float32Array(31) }; } }), 'mismatch', name, '[31]', '[32]');
    for (const bad of [NaN, Infinity, -Infinity]) {
      await refused(changed('bert-classifier', { weights: (w) => { w[name].data[7] = bad; } }), 'nonFinite', name, String(bad), /\b7\b/);
    }
  });

  it('refuses a configuration that describes another model, or none', async () => {
    const cases: [string, (c: Config) => void, string, string][] = [
      ['bert-classifier', (c) => { c.model_type = 'mamba'; }, 'unsupported', 'mamba'],
      ['bert-classifier', (c) => { delete c.model_type; }, 'unsupported', 'model_type'],
      ['bert-classifier', (c) => { c.model_type = 'constructor'; }, 'unsupported', 'constructor'],
      ['bert-classifier', (c) => { c.architectures = ['BertForQuestionAnswering']; }, 'unsupported', 'BertForQuestionAnswering'],
      ['bert-classifier', (c) => { c.hidden_size = 31; }, 'format', '31'],
      ['bert-classifier', (c) => { c.hidden_size = -32; }, 'format', 'hidden_size'],
      ['bert-classifier', (c) => { c.num_hidden_layers = '2'; }, 'format', 'num_hidden_layers'],
      ['bert-classifier', (c) => { c.num_hidden_layers = 3; }, 'missing', 'encoder.layer.2'],
      ['bert-classifier', (c) => { c.hidden_act = 'swish9'; }, 'unsupported', 'swish9'],
      ['bert-classifier', (c) => { c.layer_norm_eps = null; c.vocab_size = 1e12; }, 'format', 'vocab_size'],
      ['bert-classifier', (c) => { c.id2label = { 1: 'a', 2: 'b' }; }, 'format', 'id2label'],
      ['opt-pre', (c) => { c.do_layer_norm_before = 'yes'; }, 'format', 'do_layer_norm_before'],
      ['opt-pre', (c) => { c.word_embed_proj_dim = 16; }, 'mismatch', 'embed_tokens'],
      ['opt-pre', (c) => { c.num_attention_heads = 5; }, 'format', '5'],
      ['opt-pre', (c) => { c.architectures = ['OPTForSequenceClassification']; }, 'unsupported', 'OPTForSequenceClassification'],
      ['opt-pre', (c) => { c.layer_norm_elementwise_affine = false; }, 'unsupported', 'layer_norm_elementwise_affine'],
      ['bert-classifier', (c) => { c.is_decoder = true; }, 'unsupported', 'is_decoder'],
      ['bert-classifier', (c) => { c.position_embedding_type = 'relative_key'; }, 'unsupported', 'relative_key'],
      ['bert-classifier', (c) => { c.hidden_act = 'constructor'; }, 'unsupported', 'constructor'],
      ['bert-masked', (c) => { c.tie_word_embeddings = false; }, 'unsupported', 'tie_word_embeddings'],
      ['roberta', (c) => { c.architectures = ['RobertaForTokenClassification']; }, 'unsupported', 'RobertaForSequenceClassification'],
      ['roberta', (c) => { c.max_position_embeddings = 2; }, 'format', 'max_position_embeddings'],
      ['distilbert', (c) => { c.n_layers = 0; }, 'format', 'n_layers'],
      ['distilbert', (c) => { c.n_layers = 3; }, 'missing', 'transformer.layer.2'],
      ['distilbert', (c) => { c.architectures = ['DistilBertModel', 5]; c.n_heads = 3; }, 'format', '3'],
      ['gpt2', (c) => { c.architectures = ['GPT2ForSequenceClassification']; }, 'unsupported', 'GPT2LMHeadModel'],
      ['gpt2', (c) => { c.add_cross_attention = true; }, 'unsupported', 'add_cross_attention'],
      ['gpt2', (c) => { c.n_inner = 48; }, 'mismatch', 'mlp.c_fc.weight" has shape [16,32], config.json asks for [16,48]'],
      ['gpt2', (c) => { c.tie_word_embeddings = false; }, 'missing', 'lm_head.weight'],
    ];
    for (const [name, config, code, word] of cases) {
      const dir = changed(name, { config });
      await refused(dir, code, word);
      rmSync(dir, { recursive: true });
    }
  });

  it('refuses huge sizes in the configuration without reserving memory for them', async () => {
    await refused(changed('bert-classifier', { config: (c) => { c.vocab_size = 2 ** 31 - 1; } }), 'mismatch', 'word_embeddings');
    await refused(changed('bert-classifier', { config: (c) => { c.max_position_embeddings = 2 ** 30; } }), 'mismatch', 'position_embeddings');
  });

  it('refuses inputs that the model cannot read', async () => {
    const { model, params } = await loadModel(fixture('models', 'bert-classifier'));
    const ids = tf.zeros([1, 17], 'int32') as never, embeds = tf.zeros([1, 4, 32]) as Tensor3D;
    assert.throws(() => model.forward(params, { ids }), /17.*16/);
    assert.throws(() => model.forward(params, {}), /exactly one/);
    assert.throws(() => model.forward(params, { ids, embeds }), /exactly one/);
    tf.dispose([ids, embeds]);
    dispose(params);
  });

  /** A classifier cut down to its first output. */
  function oneOutput(w: Weights): void {
    for (const [n, { shape, data }] of Object.entries(w)) if (shape[0] === 3) w[n] = { shape: [1, ...shape.slice(1)], data: data.slice(0, data.length / 3) };
  }

  it('knows the head of each folder', async () => {
    const head = async (dir: string) => {
      const { model, params } = await loadModel(dir);
      dispose(params);
      return model.head;
    };
    assert.deepEqual(await head(fixture('models', 'bert-classifier')), { kind: 'classification', labels: ['negative', 'neutral', 'positive'] });
    assert.deepEqual(await head(fixture('models', 'bert-regression')), { kind: 'regression' });
    assert.deepEqual(await head(fixture('models', 'opt-post')), { kind: 'languageModel' });
    assert.deepEqual(await head(fixture('models', 'gpt2')), { kind: 'languageModel' });
    for (const name of ['bert', 'roberta', 'distilbert']) assert.deepEqual(await head(fixture('models', `${name}-masked`)), { kind: 'maskedLanguageModel' });
    for (const name of ['roberta', 'distilbert']) {
      assert.deepEqual(await head(fixture('models', name)), { kind: 'classification', labels: ['negative', 'neutral', 'positive'] });
      assert.deepEqual(await head(changed(name, { config: (c) => { c.problem_type = 'regression'; delete c.id2label; }, weights: oneOutput })), { kind: 'regression' });
    }
    assert.deepEqual(await head(changed('bert-classifier', { config: (c) => { c.architectures = ['BertModel']; } })), { kind: 'none' });
    for (const [config, words] of [
      [(c: Config) => { c.problem_type = 'multi_label_classification'; }, /multi_label_classification with 3 outputs/], [(c: Config) => { c.problem_type = 'regression'; }, /regression with 3 outputs/],
      [(c: Config) => { delete c.architectures; }, /there is a head \("classifier\.\w+"\), but config\.json does not say which/], [(c: Config) => { c.quantization_config = { quant_method: 'zsaq' }; }, /is quantized: read it with loadRunnable/],
    ] as const) await assert.rejects(head(changed('bert-classifier', { config })), words);
  });
});
