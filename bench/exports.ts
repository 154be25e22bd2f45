// What becomes of a model on its way out: size beside the sum of its parts, agreement of logits in every runtime, and the score of a task in
// ONNX Runtime beside our own, at W8A8, W4A8 and W2A8 by rounding to nearest.
//   npx tsx bench/exports.ts --model DIR --task NAME [--name NAME] [--windows 200] [--save reproductions/results/exports]
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { provenance } from '../src/commands/provenance';
import { exportCommand } from '../src/commands/export';
import { quantizeCommand } from '../src/commands/quantize';
import { verifyCommand } from '../src/commands/verify';
import { outputOrder, scored } from '../src/eval/glue';
import { tokenLosses } from '../src/eval/perplexity';
import { loadRunnable, type RunnableModel } from '../src/export/packed';
import { lengthBatches, windows } from '../src/text/batches';
import { tokenStream } from '../src/text/stream';
import { loadTokenizer, ready, tf, writeWhole, ZsaqError, type Tokenizer } from '../src/index';
import { canonicalJson } from '../src/io/file';
import { toText } from '../src/report/table';
import { loadEvaluation, type Evaluation } from '../datasets';
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';

const BITS = ['W8A8', 'W4A8', 'W2A8'] as const, FORMATS = ['packed', 'compressed-tensors', 'onnx-exact', 'onnx-fast'] as const;
const CONTEXT = 128;

/** Token ids in, logits out: a model in some runtime. */
type Answer = (inputs: { ids: Int32Array; mask: Int32Array; typeIds: Int32Array; shape: [number, number] }) => Promise<Float32Array>;

interface Line {
  bits: string; format: string; bytes: number; theory: number; linear: number; linearFull: number;
  /** largest difference of a logit from ours on the fixed inputs, by runtime, and what the format promises */
  differences: Record<string, number>; agrees: boolean;
  /** score in ONNX Runtime, and ours; null for formats that no runtime here scores */
  score: number | null; ours: number;
}

/** Our own forward pass of a packed model. */
function ours({ model, params, hooks }: RunnableModel): Answer {
  return async ({ ids, mask, typeIds, shape }) => {
    const out = tf.tidy(() => { const tensor = (x: Int32Array) => tf.tensor2d(x, shape, 'int32') as Tensor2D; return model.forward(params, { ids: tensor(ids), mask: tensor(mask), typeIds: tensor(typeIds) }, hooks).logits; });
    try { return await out.data() as Float32Array; } finally { out.dispose(); }
  };
}

/** An ONNX export in onnxruntime-node, of `npm run setup:export`. */
async function inOnnxRuntime(file: string): Promise<Answer> {
  const ort = createRequire(join(__dirname, '../.cache/export/package.json'))('onnxruntime-node');
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 2, logSeverityLevel: 3 });
  return async ({ ids, mask, typeIds, shape }) => {
    const given: Record<string, Int32Array> = { input_ids: ids, attention_mask: mask, token_type_ids: typeIds };
    const feeds = Object.fromEntries((session.inputMetadata as { name: string; shape: number[] }[]).map(({ name, shape: own }) => [name,
      given[name] ? new ort.Tensor('int64', BigInt64Array.from(given[name], BigInt), shape) : new ort.Tensor('float32', new Float32Array(0), [shape[0], own[1], 0, own[3]])]));
    return (await session.run(feeds)).logits.data as Float32Array;
  };
}

/** The task's score from logits alone. Of running text the first windows, for logits over a vocabulary take long to carry. */
async function scoreOf(answer: Answer, model: RunnableModel['model'], tokenizer: Tokenizer, data: Evaluation, most: number): Promise<number> {
  if ('lines' in data) {
    const all = windows(tokenStream(data.lines, tokenizer, { separator: data.separator }), CONTEXT + 1, CONTEXT).slice(0, most);
    let sum = 0;
    for (const w of all) {
      const logits = await answer({ ids: w.slice(0, CONTEXT), mask: new Int32Array(CONTEXT).fill(1), typeIds: new Int32Array(CONTEXT), shape: [1, CONTEXT] });
      sum += tf.tidy(() => tf.sum(tokenLosses(tf.tensor2d(logits, [CONTEXT, model.vocabSize]), tf.tensor1d(w.slice(1), 'int32') as Tensor1D)).dataSync()[0]);
    }
    return Math.exp(sum / (all.length * CONTEXT));
  }
  const { task, examples } = data, order = outputOrder(model, task), predictions = new Float32Array(examples.length);
  const encoded = examples.map((e) => tokenizer.encodePair(e.text, e.pair, Math.min(128, model.maxLength)));
  for (const b of lengthBatches(encoded, { batchSize: 1, padId: tokenizer.special.pad ?? model.padId })) {
    const logits = await answer({ ...b, shape: [b.batch, b.seq] }), width = logits.length / b.batch;
    b.index.forEach((i, row) => { const own = [...logits.subarray(row * width, (row + 1) * width)]; predictions[i] = order ? order[own.indexOf(Math.max(...own))] : own[0]; });
  }
  return scored(task, predictions, examples).score;
}

async function linesOf(modelDir: string, bits: string, data: Evaluation, most: number, work: string): Promise<Line[]> {
  const signal = new AbortController().signal, run = join(work, bits), lines: Line[] = [];
  await quantizeCommand.run({ model: modelDir, method: 'ptq', bits, out: run }, signal);
  const model = await loadRunnable(join(run, 'model')), tokenizer = loadTokenizer(model.dir), own = await scoreOf(ours(model), model.model, tokenizer, data, most);
  for (const format of FORMATS) {
    const out = join(work, `${bits}-${format}`);
    try {
      await exportCommand.run({ model: join(run, 'model'), format, out }, signal);
    } catch (e) {
      if (!(e instanceof ZsaqError)) throw e;
      console.log(`${bits} ${format}: ${e.message}`); // a grid that the format has no word for
      continue;
    }
    const { json } = await verifyCommand.run({ operand: out }, signal), { sizes, verdicts, ok } = json as { sizes: Line & { weights: number }; ok: boolean; verdicts: { runtime: string; difference: number }[] };
    lines.push({
      bits, format, bytes: sizes.weights, theory: sizes.theory, linear: sizes.linear, linearFull: sizes.linearFull, differences: Object.fromEntries(verdicts.map((v) => [v.runtime, v.difference])), agrees: ok,
      score: format.startsWith('onnx') ? await scoreOf(await inOnnxRuntime(join(out, 'model.onnx')), model.model, tokenizer, data, most) : null, ours: own,
    });
  }
  tf.dispose(model.params);
  return lines;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { model: { type: 'string' }, task: { type: 'string' }, name: { type: 'string' }, windows: { type: 'string', default: '200' }, save: { type: 'string' } } });
  if (!values.model || !values.task) throw new ZsaqError('usage', 'give --model, a full-precision folder, and --task');
  await ready();
  const data = loadEvaluation(values.task, process.env.ZSAQ_DATA), work = mkdtempSync(join(tmpdir(), 'zsaq-exports-')), name = values.name ?? basename(resolve(values.model)), lines: Line[] = [];
  try {
    for (const bits of BITS) lines.push(...await linesOf(resolve(values.model), bits, data, Number(values.windows), work));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const running = 'lines' in data, scoredOn = running ? `perplexity of the first ${values.windows} windows of ${CONTEXT} of ${values.task}` : `${values.task}, ${data.examples.length} examples`;
  console.log(toText({
    title: `Exports of ${name}`, columns: [{ name: 'bits' }, { name: 'format' }, { name: 'file', unit: 'MB', digits: 2 }, { name: 'over its parts', unit: '%', digits: 1 }, { name: 'linear of fp32', digits: 2 }, { name: 'largest difference of a logit' }, { name: 'as promised' }, { name: 'our score', digits: 2 }, { name: 'in ONNX Runtime', digits: 2 }],
    rows: lines.map((l) => [l.bits, l.format, l.bytes / 2 ** 20, 100 * (l.bytes / l.theory - 1), l.linear / l.linearFull, Object.values(l.differences).length ? Math.max(...Object.values(l.differences)).toExponential(1) : 'no runtime', l.agrees ? 'yes' : 'NO', l.ours, l.score]),
    note: `rounding to nearest; scored on ${scoredOn}`,
  }));
  if (!values.save) return;
  mkdirSync(values.save, { recursive: true });
  writeWhole(join(values.save, `${name}.json`), `${canonicalJson({ model: name, task: values.task, scoredOn, lines, date: new Date().toISOString(), ...provenance() }, 1)}\n`);
}

if (require.main === module) main().catch((error) => { console.error(error instanceof ZsaqError ? `exports: ${error.message}` : error); process.exitCode = 1; });
