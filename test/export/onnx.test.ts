// ONNX exports in onnxruntime: every family, every width, both forms; the exact one gives our logits.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadEvaluation, pocketModelPath } from '../../datasets';
import { ready, tf } from '../../src/core/backend';
import { scored, outputOrder, evaluateTask } from '../../src/eval/glue';
import { onnxModel } from '../../src/export/onnx/model';
import { loadSource, type ExportSource } from '../../src/export/source';
import { lengthBatches } from '../../src/text/batches';
import { loadTokenizer } from '../../src/text/tokenizer';
import type { PlanOptions } from '../../src/quant/plan';
import { hasNode, onnxSession, rowsFor, saveRounded, SKIPPED, type Rows } from './helpers';

const fixture = (name: string) => join(__dirname, '../fixtures/models', name);

/** What the graph computes but for the last bits of its sums. */
const TOLERANCE = 1e-4;

function ours({ model, params, hooks }: ExportSource, { ids, mask, typeIds, batch, seq }: Rows): Float32Array {
  return tf.tidy(() => {
    const input = (x: Int32Array) => tf.tensor2d(x, [batch, seq], 'int32');
    return model.forward(params, { ids: input(ids), mask: input(mask), typeIds: input(typeIds) }, hooks).logits.dataSync() as Float32Array;
  });
}

/** max |a - b| over the rows' real tokens: what stands at padding is nobody's. */
function difference(a: Float32Array, b: Float32Array, { mask, batch, seq }: Rows): number {
  const tokens = a.length % (batch * seq) === 0 && a.length / batch > seq, width = a.length / (tokens ? batch * seq : batch);
  let most = 0;
  for (let i = 0; i < a.length; i++) if (!tokens || mask[Math.floor(i / width)]) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
}

describe('export: ONNX', () => {
  const work = mkdtempSync(join(tmpdir(), 'zsaq-onnx-'));
  before(ready);
  after(() => rmSync(work, { recursive: true, force: true }));

  it('every family in full precision gives our logits', async () => {
    if (!hasNode) return void console.log(SKIPPED);
    for (const name of ['bert-classifier', 'bert-masked', 'bert-regression', 'distilbert', 'roberta', 'opt-fp16', 'opt-post', 'gpt2', 'gpt2-scaled']) {
      const source = await loadSource(fixture(name)), rows = rowsFor(source.model), run = await onnxSession(onnxModel(source, 'exact'));
      const found = difference(ours(source, rows), await run(rows), rows);
      assert.ok(found <= TOLERANCE, `${name} differs by ${found}`);
    }
  });

  const plans: [string, 2 | 4 | 8, Partial<PlanOptions>][] = [
    ['2 bits, stretched', 2, {}], ['2 bits, symmetric', 2, { grid: 'symmetric' }], ['4 bits', 4, {}], ['4 bits, stretched', 4, { grid: 'stretched' }], ['4 bits, asymmetric', 4, { grid: 'asymmetric' }],
    ['4 bits, groups of 32, embeddings too', 4, { granularity: { group: 32 }, embeddings: 'weights' }], ['2 bits, asymmetric, groups of 64, embeddings too', 2, { grid: 'asymmetric', granularity: { group: 64 }, embeddings: 'weights' }],
    ['8 bits', 8, {}], ['8 bits, one scale', 8, { granularity: 'tensor' }],
  ];
  for (const model of ['pocket-bert', 'pocket-opt'] as const) {
    it(`${model} at every width and grid gives our logits, and with rounded activations what rounding allows`, async () => {
      if (!hasNode) return void console.log(SKIPPED);
      for (const [name, bits, options] of plans) {
        const dir = join(work, `${model}-${name}`);
        await saveRounded(dir, pocketModelPath(model), bits, { ...options, activations: null });
        const source = await loadSource(dir), rows = rowsFor(source.model), expected = ours(source, rows);
        const exact = difference(expected, await (await onnxSession(onnxModel(source, 'exact')))(rows), rows);
        assert.ok(exact <= TOLERANCE, `${name} differs by ${exact}`);
        const fast = difference(expected, await (await onnxSession(onnxModel(source, 'fast')))(rows), rows);
        assert.ok(fast > 0 && fast < 0.8, `fast ${name} differs by ${fast}`);
      }
    });
  }

  it('rounded activations: equal but where a last bit decides a rounding', async () => {
    if (!hasNode) return void console.log(SKIPPED);
    const differences: number[] = [];
    await saveRounded(join(work, 'a8'), pocketModelPath('pocket-bert'), 4);
    const source = await loadSource(join(work, 'a8')), run = await onnxSession(onnxModel(source, 'exact'));
    for (let i = 0; i < 20; i++) {
      const rows = rowsFor(source.model, 1, 5 + (i % 4));
      rows.ids.forEach((id, at) => { rows.ids[at] = 3 + ((id * (i + 1)) % (source.model.vocabSize - 3)); });
      differences.push(difference(ours(source, rows), await run(rows), rows));
    }
    differences.sort((a, b) => a - b);
    assert.ok(differences[10] <= TOLERANCE && differences[19] < 0.05, differences.join(' '));
  });

  it('3 bits and half a zero point at 8 bits are refused with the reason', async () => {
    await saveRounded(join(work, 'three'), pocketModelPath('pocket-bert'), 3);
    const three = await loadSource(join(work, 'three'));
    assert.throws(() => onnxModel(three, 'exact'), /has 3 bits, and ONNX Runtime's MatMulNBits takes 2, 4 and 8/);
    await saveRounded(join(work, 'half'), pocketModelPath('pocket-bert'), 8, { grid: 'stretched', embeddings: 'none' });
    const half = await loadSource(join(work, 'half'));
    assert.throws(() => onnxModel(half, 'exact'), /zero point of the stretched grid at 8 bits is 127\.5/);
  });

  it('SST-2: the exact export scores as before, the fast one within half a point', async function () {
    const { ZSAQ_MODELS: models, ZSAQ_DATA: data } = process.env;
    if (!hasNode || !models || !data) return void console.log('      skipped: set ZSAQ_MODELS and ZSAQ_DATA, and run npm run setup:export');
    this.timeout(300_000);
    const teacher = join(models, 'minilm-sst2'), tokenizer = loadTokenizer(teacher), { task, examples } = loadEvaluation('SST-2', data) as never as { task: never; examples: { text: string; label: number }[] };
    await saveRounded(join(work, 'sst2'), teacher, 4, { scale: 'mse' });
    const source = await loadSource(join(work, 'sst2')), toTask = outputOrder(source.model, task)!;
    const before = (await evaluateTask(source.model, source.params, tokenizer, task, examples as never, { hooks: source.hooks })).score, scores: Record<string, number> = {};
    for (const form of ['exact', 'fast'] as const) {
      const run = await onnxSession(onnxModel(source, form)), predictions = new Float32Array(examples.length);
      for (const batch of lengthBatches(examples.map((e) => tokenizer.encodePair(e.text, undefined, 128)), { tokensPerBatch: 2048, padId: source.model.padId })) {
        const logits = await run(batch);
        batch.index.forEach((i, row) => { predictions[i] = toTask[logits[2 * row + 1] > logits[2 * row] ? 1 : 0]; });
      }
      scores[form] = scored(task, predictions, examples as never).score;
    }
    console.log(`      SST-2: zsaq ${before.toFixed(2)}, exact ${scores.exact.toFixed(2)}, fast ${scores.fast.toFixed(2)}`);
    assert.ok(Math.abs(scores.exact - before) < 0.24 && Math.abs(scores.fast - before) <= 0.5, JSON.stringify({ before, ...scores }));
  });
});
