// Logits, hidden states, loss and every parameter gradient against transformers (test/fixtures/models/README.md).
import assert from 'node:assert/strict';
import { ready, tf } from '../../src/core/backend';
import { valueAndGrad } from '../../src/core/grad';
import { withPlainKernels } from '../../src/core/kernels';
import { tensorCount } from '../../src/core/memory';
import { dispose, type Params } from '../../src/core/tree';
import { loadModel, type LoadedModel } from '../../src/models/load';
import { assertClose, fixture, readDump, relative, type Dumped } from '../fixtures/dump';
import type { Inputs, Output } from '../../src/models/model';
import type { Scalar, Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs-node-gpu';

const TOLERANCE = 1e-4;
const FOLDERS = ['bert-classifier', 'bert-regression', 'opt-pre', 'opt-post', 'gpt2', 'gpt2-scaled', 'roberta', 'distilbert', 'bert-masked', 'roberta-masked', 'distilbert-masked'];

/** Inputs of a dump; the caller disposes of them. */
function inputsOf(d: Record<string, Dumped>): Inputs & { ids: Tensor2D } {
  const int = (x: Dumped) => tf.tensor2d(x.data, x.shape as [number, number], 'int32');
  const mask = tf.tensor2d(Float32Array.from(d.attention_mask.data), d.attention_mask.shape as [number, number]);
  return { ids: int(d.input_ids), mask, ...(d.token_type_ids ? { typeIds: int(d.token_type_ids) } : {}) };
}

/** The loss that the fixture script differentiates, from plain operations. */
function lossOf(logits: Output['logits'], labels: Dumped, causal: boolean): Scalar {
  if (labels.shape.length === 1 && labels.data instanceof Float32Array) {
    return tf.mean(tf.square(tf.sub(tf.reshape(logits, [-1]), tf.tensor1d(labels.data)))) as Scalar;
  }
  const classes = logits.shape[logits.shape.length - 1]!;
  let rows = logits, targets = Array.from(labels.data);
  if (causal) {
    const [batch, seq] = logits.shape as number[];
    rows = tf.slice(logits, [0, 0, 0], [batch, seq - 1, classes]);
    targets = targets.filter((_, i) => i % seq !== 0); // the target of position t is token t + 1
  }
  const counted = tf.tensor1d(targets.map((t) => (t >= 0 ? 1 : 0))), oneHot = tf.oneHot(tf.tensor1d(targets.map((t) => Math.max(t, 0)), 'int32'), classes);
  const terms = tf.neg(tf.sum(tf.mul(tf.logSoftmax(tf.reshape(rows, [-1, classes])), tf.cast(oneHot, 'float32')), -1));
  return tf.div(tf.sum(tf.mul(terms, counted)), tf.sum(counted)) as Scalar;
}

/** Causal language models promise nothing at padded positions. */
function comparable(d: Record<string, Dumped>, name: string, causal = true): { only?: (i: number) => boolean } {
  const x = d[name];
  return causal && x.shape.length === 3 ? { only: (i) => d.attention_mask.data[Math.floor(i / x.shape[2])] === 1 } : {};
}

/** The one kind of gradient that is zero in exact arithmetic and noise in float32: softmax ignores what all keys share. */
const isKeyBias = (name: string): boolean => /\.(key|k_proj|k_lin)\.bias$/.test(name);

for (const folder of FOLDERS) {
  describe(`models: ${folder} equals transformers`, () => {
    let loaded: LoadedModel, d: Record<string, Dumped>, inputs: ReturnType<typeof inputsOf>, causal: boolean;
    /** a gradient in the layout of the files */
    let stored: (g: Tensor, name: string) => Tensor;

    before(async () => {
      await ready();
      d = readDump('models', folder, 'reference.safetensors');
      loaded = await loadModel(fixture('models', folder));
      inputs = inputsOf(d);
      causal = loaded.model.head.kind === 'languageModel';
      stored = (g, name) => (loaded.model.storedTransposed?.has(name) ? tf.transpose(g) : g);
    });
    after(() => {
      if (loaded) dispose(loaded.params);
      if (inputs) tf.dispose(Object.values(inputs));
    });

    it('the record holds exactly the parameters that PyTorch has', () => {
      const expected = Object.keys(d).filter((n) => n.startsWith('grad.')).map((n) => n.slice(5)).sort();
      assert.deepEqual(Object.keys(loaded.params).sort(), expected);
    });

    for (const [title, run] of [['', (f: () => void) => f()], [' with plain kernels', withPlainKernels]] as const) {
      it(`logits and hidden states${title}`, () => run(() => tf.tidy(() => {
        const out = loaded.model.forward(loaded.params, inputs);
        const regression = folder === 'bert-regression' && out.logits.rank === 1 ? tf.reshape(out.logits, [-1, 1]) : out.logits;
        assertClose(regression, d.logits, TOLERANCE, 'logits', comparable(d, 'logits', causal));
        const count = Object.keys(d).filter((n) => n.startsWith('hidden.')).length;
        assert.equal(out.hidden.length, count, 'number of hidden states');
        out.hidden.forEach((h, i) => assertClose(h, d[`hidden.${i}`], TOLERANCE, `hidden state ${i}`, comparable(d, `hidden.${i}`, causal)));
      })));

      it(`loss and every gradient${title}`, () => run(() => tf.tidy(() => {
        const { value, grads } = valueAndGrad((p) => lossOf(loaded.model.forward(p, inputs).logits, d.labels, causal), loaded.params);
        assertClose(tf.reshape(value, [1]), d.loss, TOLERANCE, 'loss');
        const largest = Math.max(...Object.keys(grads).map((n) => Math.max(...d[`grad.${n}`].data.map(Math.abs))));
        for (const [name, g] of Object.entries(grads)) {
          if (isKeyBias(name)) assert.ok(relative(g.dataSync(), d[`grad.${name}`].data, { scale: largest }) < 1e-6, `gradient of ${name} is zero`);
          else assertClose(stored(g, name), d[`grad.${name}`], TOLERANCE, `gradient of ${name}`);
        }
      })));
    }

    it('word embeddings in place of ids give the same, and the gradient reaches them', () => tf.tidy(() => {
      const { ids, ...rest } = inputs, table = loaded.params[loaded.model.wordEmbedding] as Tensor2D;
      const embeds = tf.gather(table, ids) as Tensor as Tensor3D;
      const out = loaded.model.forward(loaded.params, { ...rest, embeds });
      assertClose(tf.reshape(out.logits, d.logits.shape), d.logits, TOLERANCE, 'logits', comparable(d, 'logits', causal));
      const name = loaded.model.wordEmbedding;
      // with embeddings given, a tied table is read by the head alone; both gradients together are PyTorch's
      const { grads } = valueAndGrad((p) => lossOf(loaded.model.forward({ ...loaded.params, [name]: p.table }, { ...rest, embeds: p.embeds as Tensor3D }).logits, d.labels, causal), { embeds, table });
      const gathered = tf.scatterND(tf.reshape(ids, [-1, 1]), tf.reshape(grads.embeds, [-1, table.shape[1]]), table.shape);
      assertClose(tf.add(gathered, grads.table), d[`grad.${name}`], TOLERANCE, 'gradient gathered from the embeddings and the head');
    }));

    it('a row alone and unpadded gives what it gives in the padded batch', () => tf.tidy(() => {
      const whole = loaded.model.forward(loaded.params, inputs).logits;
      for (let row = 0; row < d.input_ids.shape[0]; row++) {
        const width = d.input_ids.shape[1], length = Array.from(d.attention_mask.data).slice(row * width, (row + 1) * width).reduce((a, b) => a + b);
        const cut = (x: Dumped) => tf.tensor2d(x.data.slice(row * width, row * width + length), [1, length], 'int32');
        const alone = loaded.model.forward(loaded.params, { ids: cut(d.input_ids), ...(d.token_type_ids ? { typeIds: cut(d.token_type_ids) } : {}) }).logits;
        const start = [row, ...Array<number>(whole.rank - 1).fill(0)], size = whole.rank === 3 ? [1, length, whole.shape[2]!] : [1, ...whole.shape.slice(1)];
        assert.ok(relative(alone.dataSync(), tf.slice(whole, start, size as number[]).dataSync()) < 1e-5, `row ${row}`);
      }
    }));

    it('a forward and backward pass leaves no tensor behind', () => {
      const before = tensorCount();
      const { value, grads } = valueAndGrad((p) => lossOf(loaded.model.forward(p, inputs).logits, d.labels, causal), loaded.params);
      value.dispose();
      dispose(grads);
      assert.equal(tensorCount(), before);
    });
  });
}

describe('models: 16-bit folders', () => {
  before(ready);

  for (const folder of ['opt-fp16', 'opt-bf16-sharded']) {
    it(`${folder}: every weight is the rounded one of opt-pre, logits equal PyTorch's`, async () => {
      const d = readDump('models', folder, 'reference.safetensors'), exact = readDump('models', 'opt-pre', 'model.safetensors');
      const { model, params } = await loadModel(fixture('models', folder)), inputs = inputsOf(d);
      tf.tidy(() => {
        const bits = folder === 'opt-fp16' ? 11 : 8;
        for (const [name, x] of Object.entries(params as Params)) {
          const values = x.dataSync(), original = exact[name].data;
          // half a unit in the last place of a significand of `bits` bits; the smallest normal float16 is 2^-14
          const wrong = values.findIndex((v, i) => Math.abs(v - original[i]) > Math.max(Math.abs(original[i]) * 2 ** -bits, 2 ** -25));
          assert.equal(wrong, -1, `${name}[${wrong}]: ${values[wrong]} for ${original[wrong]}`);
        }
        assertClose(model.forward(params, inputs).logits, d.logits, TOLERANCE, 'logits', comparable(d, 'logits'));
      });
      dispose(params);
      tf.dispose(Object.values(inputs));
    });
  }
});
