import { copyFileSync, existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ZsaqError } from '../core/error';
import { makeFolder } from '../io/disk';
import { canonicalJson, writeWhole } from '../io/file';
import { copyTokenizer, savePretrained, writeFolder } from '../io/pretrained';
import { describePlan, sizeBytes } from '../quant/plan';
import { dtypeOf, modelCard, type CardFacts } from './card';
import { compressedTensors } from './compressedTensors';
import { MANIFEST, writeManifest, type Agreement, type ExportFormat, type Manifest, type Sizes } from './manifest';
import { onnxModel } from './onnx/model';
import { makeReference, REFERENCE, writeReference } from './reference';
import { completeTokenizer } from './tokenizerJson';
import type { QuantPlan } from '../quant/plan';
import type { ExportSource } from './source';

const WEIGHTS = 'model.safetensors', NOTHING: QuantPlan = { weights: {}, sites: [], activationBits: null };

export interface ExportOptions {
  format: ExportFormat;
  out: string;
  /** what the model card tells beside what the model itself says */
  facts: Pick<CardFacts, 'base' | 'licence' | 'method' | 'bits' | 'seed' | 'trainedOn' | 'metrics'>;
  /** files that go along, by name */
  extras?: Readonly<Record<string, string>>;
}

/**
 * Writes a model in a format that runs elsewhere: the weights, tokenizer and configuration, a model card, fixed inputs with
 * our logits, and a manifest with the hash of every file. An earlier export in its place is replaced; any other folder is refused.
 *
 * @throws ZsaqError 'unsupported' for what the format cannot hold, with the reason; 'usage' for a folder with other files; 'disk'
 */
export function writeExport(source: ExportSource, { format, out, facts, extras = {} }: ExportOptions): Manifest {
  checkPlace(out);
  checkActivations(source, format);
  const { reference, noise } = makeReference(source), agreement = agreementOf(format, source, noise);
  let manifest: Manifest | undefined;
  writeFolder(out, (dir) => {
    const model = WRITERS[format](source, dir), sizes = sizesOf(source, statSync(join(dir, model)).size);
    for (const [name, from] of Object.entries(extras)) {
      makeFolder(dirname(join(dir, name)));
      copyFileSync(from, join(dir, name));
    }
    writeReference(join(dir, REFERENCE), reference);
    const card: CardFacts = { ...facts, plan: source.plan ? describePlan(source.plan) : [], head: source.model.head.kind, segments: hasSegments(source.model) };
    writeWhole(join(dir, 'README.md'), modelCard(format, card, sizes, agreement, model));
    manifest = writeManifest(dir, { format, family: source.model.family, bits: facts.bits, model, agreement, sizes });
  });
  return manifest!;
}

/** Whether its graph has an input for segments: a table of one row tells nothing apart. */
function hasSegments({ shapes }: ExportSource['model']): boolean { return Object.entries(shapes).some(([name, [rows]]) => name.endsWith('token_type_embeddings.weight') && rows > 1); }

function checkPlace(out: string): void {
  if (!existsSync(out)) return;
  if (!statSync(out).isDirectory()) throw new ZsaqError('usage', `${out} is a file: give --out a folder`);
  if (readdirSync(out).length && !existsSync(join(out, MANIFEST))) throw new ZsaqError('usage', `${out} holds files of something else: give --out a new folder`);
}

/** Other formats than our own round activations per token, on the symmetric grid, or by a rule of their own. */
function checkActivations({ dir, plan }: ExportSource, format: ExportFormat): void {
  const [site] = Object.keys(plan?.activations ?? {});
  if (format !== 'packed' && site) throw new ZsaqError('unsupported', `${dir}: the activations at ${site} are static, asymmetric or attention probabilities, which ${format} does not hold: export it as packed, or quantize without --set plan.activation`);
}

/** The differences that last bits explain are no fault of an export: three times those that we saw, and 1e-4 for the sums. */
function agreementOf(format: ExportFormat, { plan }: ExportSource, noise: number): Agreement {
  const ownRule = plan !== undefined && ((format === 'compressed-tensors' && plan.activationBits !== null) || format === 'onnx-fast' || format === 'transformers-js');
  return { tolerance: ownRule ? null : 1e-4 + 3 * noise, noise };
}

function sizesOf({ model, plan = NOTHING }: ExportSource, weights: number): Sizes {
  const theory = sizeBytes(model.shapes, plan), linears = Object.fromEntries(model.linears.map(({ weight }) => [weight, model.shapes[weight]]));
  const count = Object.values(model.shapes).reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return { weights, theory, linear: sizeBytes(linears, plan), linearFull: sizeBytes(linears, NOTHING), bitsPerParameter: (8 * theory) / count };
}

/** Each writes its files into a folder and says which one holds the weights. */
const WRITERS: Readonly<Record<ExportFormat, (source: ExportSource, dir: string) => string>> = {
  packed(source, dir) {
    if (!source.plan) throw new ZsaqError('mismatch', `${source.dir} is in full precision, and packed holds quantized models: give the model/ folder of a run`);
    for (const name of [WEIGHTS, 'config.json', 'zsaq.json']) if (existsSync(join(source.dir, name))) copyFileSync(join(source.dir, name), join(dir, name));
    copyTokenizer(source.dir, dir);
    return WEIGHTS;
  },
  'compressed-tensors'(source, dir) {
    savePretrained(dir, { ...compressedTensors(source), copyFrom: source.dir });
    return WEIGHTS;
  },
  'onnx-exact': (source, dir) => onnxFolder(source, dir, 'exact', 'model.onnx'),
  'onnx-fast': (source, dir) => onnxFolder(source, dir, 'fast', 'model.onnx'),
  'transformers-js'(source, dir) {
    makeFolder(join(dir, 'onnx'));
    const bits = source.plan && Math.max(...source.model.linears.map(({ weight }) => source.plan!.weights[weight]?.bits ?? 0));
    const model = onnxFolder(source, dir, source.plan ? 'fast' : 'exact', `onnx/${bits ? { 2: 'model_q2', 3: 'model_q4', 4: 'model_q4', 8: 'model_quantized' }[bits] : 'model'}.onnx`);
    completeTokenizer(dir);
    copyFileSync(join(__dirname, 'page', 'index.html'), join(dir, 'index.html'));
    writeWhole(join(dir, 'page.json'), `${canonicalJson({ dtype: dtypeOf(model), head: source.model.head.kind, maxLength: source.model.maxLength }, 2)}\n`);
    return model;
  },
};

function onnxFolder(source: ExportSource, dir: string, form: 'exact' | 'fast', name: string): string {
  writeWhole(join(dir, name), onnxModel(source, form));
  const { quantization_config, ...config } = source.config;
  writeWhole(join(dir, 'config.json'), `${canonicalJson(config, 2)}\n`);
  copyTokenizer(source.dir, dir);
  return name;
}
