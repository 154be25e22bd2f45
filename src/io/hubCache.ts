import { copyFileSync, existsSync, lstatSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { ZsaqError } from '../core/error';
import { diskError, makeFolder, removeQuietly } from './disk';
import { writeWhole } from './file';
import { quote } from './quote';
import { sweepBeside, temporaryBeside } from './temporary';

/** What the hub's environment variables say. */
export interface HubSettings { endpoint: string; cache: string; token: string | undefined; offline: boolean; metadataTimeout: number; stallTimeout: number }

/** A model or data set at one revision. */
export interface Repository { name: string; type: 'model' | 'dataset'; revision: string }

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE, HF_HUB_ETAG_TIMEOUT and
 * HF_HUB_DOWNLOAD_TIMEOUT (seconds), with the defaults of the Python library, so that both share one cache.
 *
 * @see huggingface_hub's constants.py
 */
export function hubSettings(env: Environment = process.env): HubSettings {
  const isTrue = (name: string): boolean => ['1', 'ON', 'YES', 'TRUE'].includes((env[name] ?? '').toUpperCase());
  const expand = (path: string): string => path
    .replace(/^~(?=\/|$)/, env.HOME ?? homedir())
    .replace(/\$(\w+)|\$\{(\w+)\}/g, (whole, plain, braced) => env[plain ?? braced] ?? whole);
  const home = expand(env.HF_HOME ?? join(env.XDG_CACHE_HOME ?? '~/.cache', 'huggingface'));
  const seconds = (name: string): number => (Number(env[name]) > 0 ? Number(env[name]) : 10) * 1000;
  return {
    endpoint: (env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, ''),
    cache: expand(env.HF_HUB_CACHE ?? env.HUGGINGFACE_HUB_CACHE ?? join(home, 'hub')),
    token: isTrue('HF_HUB_DISABLE_IMPLICIT_TOKEN') ? undefined : clean(env.HF_TOKEN ?? env.HUGGING_FACE_HUB_TOKEN) ?? clean(readText(expand(env.HF_TOKEN_PATH ?? join(home, 'token')))),
    offline: isTrue('HF_HUB_OFFLINE') || isTrue('TRANSFORMERS_OFFLINE'),
    metadataTimeout: seconds('HF_HUB_ETAG_TIMEOUT'),
    stallTimeout: seconds('HF_HUB_DOWNLOAD_TIMEOUT'),
  };
}

function clean(text: string | undefined): string | undefined {
  return text?.replace(/\s/g, '') || undefined;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Refuses names and revisions that the hub does not allow, above all those that would leave the cache folder. */
export function checkRepository({ name, type, revision }: Repository): void {
  const part = /^[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9_])?$/;
  const parts = name.split('/');
  if (parts.length > 2 || name.length > 96 || /--|\.\./.test(name) || !parts.every((p) => part.test(p))) {
    throw new ZsaqError('usage', type === 'model'
      ? `${quote(name)} is neither a folder nor a name on the hub: give a folder, or a name such as organization/model`
      : `${quote(name)} is no data set's name on the hub: give one such as organization/name`);
  }
  if (!/^[\w.-]+(?:\/[\w.-]+)*$/.test(revision) || revision.includes('..') || revision.length > 200) {
    throw new ZsaqError('usage', `${quote(revision)} is no revision: give a branch, tag or commit such as main`);
  }
}

/** Folder of a repository in the cache: `models--organization--name`. */
export function repositoryFolder(cache: string, { name, type }: Repository): string {
  return join(cache, [`${type}s`, ...name.split('/')].join('--'));
}

/** Commit that a branch, tag or commit stands for, as far as the cache knows. */
export function cachedCommit(folder: string, revision: string): string | undefined {
  if (existsSync(join(folder, 'snapshots', revision))) return revision;
  const commit = readText(join(folder, 'refs', revision))?.trim();
  return commit && isSafeName(commit) ? commit : undefined;
}

/** Whether a server's commit or entity tag may become a file name. */
export function isSafeName(text: string): boolean {
  return /^[\w.-]{1,128}$/.test(text) && !/^\.+$/.test(text);
}

/** Notes which commit a branch or tag stands for; a commit needs no note. */
export function noteCommit(folder: string, revision: string, commit: string): void {
  const path = join(folder, 'refs', revision);
  if (revision === commit || readText(path) === commit) return;
  makeFolder(dirname(path));
  writeWhole(path, commit);
}

/** Notes that a commit lacks a file, so that it need not be asked for again; a cache that cannot be written goes without. */
export function noteAbsent(path: string): void {
  try {
    makeFolder(dirname(path));
    writeFileSync(path, '');
  } catch {
    // The note only saves a request.
  }
}

/** Makes `snapshots/COMMIT/FILE` a relative link to a blob, or a copy where the system has no links. */
export function linkBlob(blob: string, pointer: string): void {
  makeFolder(dirname(pointer));
  const link = temporaryBeside(pointer, 'link');
  try {
    try {
      symlinkSync(relative(dirname(pointer), blob), link);
    } catch (error) {
      if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      copyFileSync(blob, link);
    }
    renameSync(link, pointer);
    sweepBeside(pointer);
  } catch (error) {
    removeQuietly(link);
    throw diskError(error, 'write', pointer);
  }
}

/** Size of a file behind any links; undefined where there is none. A link to nothing is removed, so that it can be made anew. */
export function sizeOf(path: string): number | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat && lstatSync(path, { throwIfNoEntry: false })) rmSync(path, { force: true });
    return stat?.isFile() ? stat.size : undefined;
  } catch (error) {
    throw diskError(error, 'read', path);
  }
}
