import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** What depends on the clock or on the machine's load and so may differ between equal runs. A seal covers them too. */
const TIMES = /"(seconds|peakBytes|phases|date|made|seal|since)":\s*(\{[^}]*\}|[^,}\]\n]*)/g;

/** Every file below a folder: path -> hash of its content without times. Equal runs leave equal records. */
export function madeIn(dir: string, without: RegExp = /^$/): Record<string, string> {
  const made: Record<string, string> = {};
  const walk = (folder: string): void => {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name), key = relative(dir, path).split(sep).join('/');
      if (without.test(key)) continue;
      const stat = lstatSync(path);
      if (stat.isDirectory()) walk(path);
      else made[key] = stat.isSymbolicLink() ? `-> ${readlinkSync(path)}` : hashOf(path);
    }
  };
  if (existsSync(dir)) walk(dir);
  return made;
}

function hashOf(path: string): string {
  const bytes = readFileSync(path);
  const content = /\.(json|html)$/.test(path) ? bytes.toString('utf8').replace(TIMES, '"$1":0') : bytes;
  return createHash('sha256').update(content).digest('hex');
}

/** In words, how two records differ; undefined where they are equal. */
export function difference(found: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): string | undefined {
  const lost = Object.keys(wanted).filter((k) => !(k in found)), more = Object.keys(found).filter((k) => !(k in wanted)), changed = Object.keys(wanted).filter((k) => k in found && found[k] !== wanted[k]);
  const parts = [...(lost.length ? [`lacks ${lost.join(', ')}`] : []), ...(changed.length ? [`${changed.join(', ')} differ`] : []), ...(more.length ? [`left behind ${more.join(', ')}`] : [])];
  return parts.length ? parts.join('; ') : undefined;
}
