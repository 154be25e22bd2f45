import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ready } from '../core/backend';
import { ZsaqError } from '../core/error';
import { dispose } from '../core/tree';
import { readJson } from '../io/file';
import { FORMATS, type ExportFormat, type Manifest } from '../export/manifest';
import { loadSource, type ExportSource } from '../export/source';
import { writeExport, type ExportOptions } from '../export/write';
import { METHODS } from '../quantize';
import { toText } from '../report/table';
import { modelFolder } from './modelFolder';
import { optional, required, type Command } from './command';
import type { MethodId } from '../methods/method';

export const exportCommand: Command = {
  name: 'export',
  summary: 'write a quantized model for other runtimes',
  help: `zsaq export --model RUN/model --format NAME --out DIR [options]

  --model DIR      the model/ folder of a run; for ONNX a full-precision folder as well
  --format NAME    packed               zsaq's own: smallest, equal bit for bit
                   compressed-tensors   safetensors for Python's transformers and vLLM; of whole zero points only: quantize with --set plan.grid=symmetric
                   onnx-exact           ONNX Runtime, computes what zsaq computes
                   onnx-fast            ONNX Runtime, rounds activations in its own way
                   transformers-js      a folder for browsers, with an example page
  --out DIR        where it goes; an earlier export in its place is replaced
  --licence TEXT   licence of the base model, for the model card, if its folder does not say
  --json           last line of standard output: one JSON object

Each export holds a model card, fixed inputs with logits, and the hash of every file. Example:
  zsaq export --model runs/first/model --format onnx-fast --out exports/first && zsaq verify exports/first`,
  options: { model: { type: 'string' }, format: { type: 'string' }, out: { type: 'string' }, licence: { type: 'string' } },
  async run(values, signal) {
    const dir = await modelFolder(required(values, 'model', 'give the model/ folder of a run'), signal), format = required(values, 'format', `choose ${FORMATS.join(', ')}`) as ExportFormat;
    const out = required(values, 'out', 'give a folder for the export');
    const manifest = await exportModel(dir, { format, out, licence: optional(values, 'licence') }), { sizes } = manifest, megabytes = (bytes: number) => bytes / 2 ** 20;
    const table = {
      title: `${out}: ${format}`, columns: [{ name: '' }, { name: 'size', unit: 'MB', digits: 2 }],
      rows: [['weights on disk', megabytes(sizes.weights)], ['sum of the parts', megabytes(sizes.theory)], ['linear layers', megabytes(sizes.linear)], ['linear layers in 32 bits', megabytes(sizes.linearFull)]],
      note: `${sizes.bitsPerParameter.toFixed(2)} bits a parameter, scales, embeddings and heads included`,
    };
    return { text: `${toText(table)}Compare it with zsaq: zsaq verify ${out}\n`, json: { out, ...manifest } };
  },
};

/**
 * Exports the model of a folder; what stands around it, a run folder or its own card, is told in the model card.
 *
 * @throws ZsaqError 'usage' for an unknown format or a folder with other files, 'unsupported' for what the format cannot hold
 * @example await exportModel('runs/first/model', { format: 'onnx-fast', out: 'exports/first' })
 */
export async function exportModel(dir: string, { format, out, licence }: { format: ExportFormat; out: string; licence?: string }): Promise<Manifest> {
  if (!FORMATS.includes(format)) throw new ZsaqError('usage', `--format ${format}: choose ${FORMATS.join(', ')}`);
  await ready();
  const source = await loadSource(dir);
  try {
    return writeExport(source, { format, out, ...about(source, licence) });
  } finally {
    dispose(source.params);
  }
}

/** What the run folder around a model and the base model's folder say: from files, never guessed. */
function about(source: ExportSource, licence: string | undefined): Pick<ExportOptions, 'facts' | 'extras'> {
  const run = dirname(resolve(source.dir)), read = (name: string) => (existsSync(join(run, name)) && basename(resolve(source.dir)) === 'model' ? readJson(join(run, name)) as Record<string, unknown> : {});
  const config = read('config.json'), metrics = read('metrics.json'), card = source.card ?? {}, base = (card.base ?? {}) as Record<string, unknown> | string;
  const teacher = typeof config.model === 'string' ? config.model : undefined, scored = metrics.task != null && typeof metrics.quantized === 'number';
  const name = typeof base === 'string' ? base : typeof base.name === 'string' ? base.name : basename(teacher ?? resolve(source.dir));
  const trainedOn = Array.isArray(card.trainedOn) ? (card.trainedOn as { set?: unknown }[]).map(({ set }) => String(set ?? 'unnamed')) : [];
  return {
    facts: {
      base: name, licence: licence ?? licenceOf(teacher ?? source.dir) ?? 'unknown', trainedOn, bits: typeof card.bits === 'string' ? card.bits : source.plan ? 'quantized' : 'W32A32',
      method: Object.hasOwn(METHODS, String(card.method)) ? METHODS[card.method as MethodId].title : source.plan ? String(card.method ?? 'unknown') : 'none, full precision', seed: typeof card.seed === 'number' ? card.seed : null,
      ...(scored ? { metrics: { task: String(metrics.task), metric: String(metrics.metric), quantized: metrics.quantized as number, fullPrecision: metrics.fullPrecision as number, examples: metrics.examples as number, file: 'metrics.json' } } : {}),
    },
    extras: scored ? { 'metrics.json': join(run, 'metrics.json') } : {},
  };
}

/** The `license:` at the head of a model card. */
function licenceOf(dir: string): string | undefined {
  const path = join(dir, 'README.md');
  if (!existsSync(path)) return undefined;
  const head = /^---\r?\n([\s\S]*?)\r?\n---/.exec(readFileSync(path, 'utf8'))?.[1] ?? '';
  return /^license:\s*["']?([^"'\r\n]+)/m.exec(head)?.[1].trim();
}
