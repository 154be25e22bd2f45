import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { ZsaqError } from '../core/error';
import { canonicalJson, readJson, sha256File, writeWhole } from '../io/file';
import { quote } from '../io/quote';

export const MANIFEST = 'zsaq-export.json';
const VERSION = 1;

export const FORMATS = ['packed', 'compressed-tensors', 'onnx-exact', 'onnx-fast', 'transformers-js'] as const;
export type ExportFormat = (typeof FORMATS)[number];

/** How close the logits of an export must come to ours on the fixed inputs. */
export interface Agreement {
  /** largest difference of a logit that the format promises; null where its runtime rounds activations by a rule of its own */
  tolerance: number | null;
  /** largest difference in our own logits when the last bits of the activations change before they are rounded */
  noise: number;
}

/** The sizes of an export, in bytes. */
export interface Sizes {
  /** the files with weights */
  weights: number;
  /** sum of the parts: codes at their bits, scales, zero points, everything else at 32 bits */
  theory: number;
  /** linear layers alone, and the same in 32 bits */
  linear: number; linearFull: number;
  /** theory in bits over the number of parameters: scales, embeddings and heads included */
  bitsPerParameter: number;
}

/** What `zsaq-export.json` says: which model, and the size and hash of every other file. */
export interface Manifest {
  version: typeof VERSION;
  format: ExportFormat;
  family: string;
  bits: string;
  /** the file with the weights */
  model: string;
  agreement: Agreement;
  sizes: Sizes;
  files: Record<string, { bytes: number; sha256: string }>;
}

/** Hashes every file of the folder and writes the manifest, which comes last. */
export function writeManifest(dir: string, facts: Omit<Manifest, 'version' | 'files'>): Manifest {
  const files = Object.fromEntries(filesOf(dir).map((name) => [name, { bytes: statSync(join(dir, name)).size, sha256: sha256File(join(dir, name)) }]));
  const manifest: Manifest = { version: VERSION, ...facts, files };
  writeWhole(join(dir, MANIFEST), `${canonicalJson(manifest, 2)}\n`);
  return manifest;
}

/**
 * Reads the manifest of an export and checks every file that it names, bytes first and then hashes.
 *
 * @throws ZsaqError 'missing' for a folder that is no export or lacks a file, 'format' for a manifest that is none, 'mismatch' for a changed file
 */
export function checkExport(dir: string): Manifest {
  const path = join(dir, MANIFEST);
  if (!existsSync(path)) throw new ZsaqError('missing', `there is no ${MANIFEST} in ${dir}: give a folder that zsaq export wrote`);
  const found = readJson(path) as Manifest, again = 'export the model again';
  const sound = found && typeof found === 'object' && found.files && typeof found.files === 'object' && typeof found.model === 'string' && Object.hasOwn(found.files, found.model)
    && Object.values(found.files).every((file) => typeof file?.bytes === 'number' && typeof file.sha256 === 'string') && typeof found.agreement?.noise === 'number' && typeof found.sizes?.theory === 'number' && typeof found.bits === 'string';
  if (!sound) throw new ZsaqError('format', `${path} is not what zsaq export writes: ${again}`);
  if (found.version !== VERSION || !FORMATS.includes(found.format)) throw new ZsaqError('unsupported', `${path} is of version ${quote(found.version)}, format ${quote(found.format)}, which this zsaq does not know: ${again}`);
  for (const [name, { bytes, sha256 }] of Object.entries(found.files)) {
    if (name.split(/[/\\]/).includes('..') || name.startsWith('/')) throw new ZsaqError('format', `${path} names ${quote(name)}, which is outside of the folder: ${again}`);
    const file = join(dir, name), size = existsSync(file) ? statSync(file).size : undefined; // a name that is too long is none either
    if (size === undefined) throw new ZsaqError('missing', `${quote(name)} is missing in ${dir}: ${again}`);
    if (size !== bytes) throw new ZsaqError('mismatch', `${quote(name)} in ${dir} has ${size} bytes and ${MANIFEST} says ${bytes}: it is truncated or of another export; ${again}`);
    if (sha256File(file) !== sha256) throw new ZsaqError('mismatch', `${quote(name)} in ${dir} is damaged or of another export: its hash is not the one in ${MANIFEST}; ${again}`);
  }
  return found;
}

/** Every file of a folder by its path inside, with `/`, in order; without the manifest. */
function filesOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(dir, name)).isFile()).map((name) => name.split(sep).join('/')).filter((name) => name !== MANIFEST).sort();
}
