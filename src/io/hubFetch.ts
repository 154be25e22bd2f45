import { closeSync, fsyncSync, ftruncateSync, openSync, renameSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ZsaqError } from '../core/error';
import { diskError, makeFolder } from './disk';
import { lockFolder, sha256File } from './file';
import { isSafeName, sizeOf, type HubSettings, type Repository } from './hubCache';
import { broken, cancelled, request, retry, Transient, withDeadline } from './hubHttp';
import { quote } from './quote';

/** How files are fetched; everything has a default. */
export interface HubOptions {
  type?: 'model' | 'dataset';
  /** Branch, tag or commit; `main` if not given. */
  revision?: string;
  /** Called as the bytes of a file arrive; `total` is undefined where the server does not tell it. */
  onProgress?(progress: { file: string; done: number; total: number | undefined }): void;
  /** Called with a sentence about something that the user should know but need not act on. */
  onNote?(note: string): void;
  signal?: AbortSignal;
  /** Milliseconds before a failed request is repeated the first time; doubled each time. */
  pause?: number;
  env?: Readonly<Record<string, string | undefined>>;
}

/** One repository and how to fetch from it. */
export interface Context {
  settings: HubSettings;
  repository: Repository;
  folder: string;
  options: HubOptions;
  /** Whether another file of this repository was found: then a bare 404 means this file and not the repository. */
  confirmed?: boolean;
}

/** What the hub says of a file before it is fetched. */
export interface Metadata { etag: string; commit: string; size: number | undefined }

/** Asks the hub what a file is. Undefined where the repository lacks it, after `noteAbsent` with the commit that does. */
export async function askFor(context: Context, file: string, noteAbsent: (commit: string) => void): Promise<Metadata | undefined> {
  const { settings, options } = context;
  const url = urlOf(context, file);
  // A redirect with a linked tag leads to large storage; what it links is all that is asked here.
  const follow = (answer: Response): boolean => !answer.headers.has('x-linked-etag');
  const { response } = await retry(`${file} of ${context.repository.name}`, options, () =>
    withDeadline(settings.metadataTimeout, options.signal, (signal) => request(url, settings, 'HEAD', {}, file, signal, follow)));
  const { headers, status } = response;
  const commit = headers.get('x-repo-commit');
  if (status === 404 && (headers.get('x-error-code') === 'EntryNotFound' || (!headers.has('x-error-code') && (commit || context.confirmed)))) {
    if (commit && isSafeName(commit)) noteAbsent(commit);
    return undefined;
  }
  if (status >= 400) throw refused(response, context);
  const etag = (headers.get('x-linked-etag') ?? headers.get('etag'))?.replace(/^W\//, '').replace(/"/g, '');
  if (!etag || !commit || !isSafeName(etag) || !isSafeName(commit)) {
    throw new ZsaqError('network',
      `${new URL(url).host} does not answer as a Hugging Face hub does: check HF_ENDPOINT, and whether a proxy or log-in page stands between`);
  }
  const length = headers.get('x-linked-size') ?? (status < 300 ? headers.get('content-length') : null);
  return { etag, commit, size: length !== null && /^\d+$/.test(length) ? Number(length) : undefined };
}

function urlOf({ settings, repository: { name, type, revision } }: Context, file: string): string {
  const path = file.split('/').map(encodeURIComponent).join('/');
  return `${settings.endpoint}/${type === 'dataset' ? 'datasets/' : ''}${name}/resolve/${encodeURIComponent(revision)}/${path}`;
}

function refused(response: Response, { repository: { name, type, revision }, settings }: Context): ZsaqError {
  const reason = response.headers.get('x-error-code'), { host } = new URL(settings.endpoint);
  if (reason === 'GatedRepo' || response.status === 403) {
    return new ZsaqError('missing',
      `${host} gives ${name} only to people who accepted its conditions: accept them on its page, and set HF_TOKEN to a token of that account`);
  }
  if (reason === 'RevisionNotFound') return new ZsaqError('missing', `${name} on ${host} has no revision ${quote(revision)}: check the branch, tag or commit`);
  if (response.status === 401) {
    return new ZsaqError('missing',
      `${host} does not show ${name} ${settings.token ? 'to the owner of HF_TOKEN' : 'without a token'}: check the name, or set HF_TOKEN to a token that may read it`);
  }
  if (response.status === 404) {
    return new ZsaqError('missing',
      `there is no ${type === 'model' ? `folder ${name}, and no model of that name` : `data set ${name}`} on ${host}: check the name, or set HF_TOKEN if it is private`);
  }
  return new ZsaqError('network', `${host} answers ${response.status} to a request for ${name}: check HF_ENDPOINT`);
}

/** Fetches a blob once, however many processes want it, and checks its size and, for large files, its SHA-256. */
export async function fetchBlob(context: Context, file: string, { etag, commit, size }: Metadata, blob: string): Promise<void> {
  const isWhole = (path: string): boolean => sizeOf(path) !== undefined && (size === undefined || sizeOf(path) === size);
  if (isWhole(blob)) return;
  const unlock = await lockWhenFree(context);
  try {
    if (isWhole(blob)) return; // another process has fetched it in the meantime
    makeFolder(dirname(blob));
    const partial = `${blob}.incomplete`;
    checkSpace(dirname(blob), (size ?? 0) - (sizeOf(partial) ?? 0), file);
    const pinned = { ...context, repository: { ...context.repository, revision: commit } };
    for (let again = true; ; again = false) {
      await fetchInto(partial, pinned, file, size);
      // The tag of a large file is its SHA-256; that of a small one is git's and says nothing about how it was sent.
      if (!/^[0-9a-f]{64}$/.test(etag) || sha256File(partial) === etag) break;
      rmSync(partial, { force: true });
      if (!again) {
        throw new ZsaqError('network',
          `${file} of ${context.repository.name} arrives with another SHA-256 than the hub announces: try again later, or another HF_ENDPOINT`);
      }
    }
    renameSync(partial, blob);
  } catch (error) {
    throw diskError(error, 'write', blob);
  } finally {
    unlock();
  }
}

async function lockWhenFree({ settings, folder, options }: Context): Promise<() => void> {
  const dir = join(settings.cache, '.locks', basename(folder));
  for (let told = false; ; told = true) {
    try {
      return lockFolder(dir);
    } catch (error) {
      if (!(error instanceof ZsaqError) || error.code !== 'busy') throw error;
      if (!told) options.onNote?.(`waiting for another download: ${error.message}`);
      await sleep(200);
      if (options.signal?.aborted) throw cancelled();
    }
  }
}

function checkSpace(dir: string, needed: number, file: string): void {
  const { bavail, bsize } = statfsSync(dir);
  if (bavail * bsize < needed) {
    throw new ZsaqError('disk',
      `${file} needs ${Math.ceil(needed / 1e6)} MB and ${dir} has ${Math.floor(bavail * bsize / 1e6)} MB left: free some space or set HF_HOME to another disk`);
  }
}

/** Appends to `partial` until it is whole, going on after broken connections from where they broke. */
async function fetchInto(partial: string, context: Context, file: string, size: number | undefined): Promise<void> {
  const { settings, options } = context;
  const fd = openSync(partial, 'a');
  let done = sizeOf(partial) ?? 0, before = done;
  const restart = (): void => {
    ftruncateSync(fd, 0);
    done = 0;
  };
  try {
    if (size !== undefined && done > size) restart();
    if (done > 0 && done === size) return;
    const url = urlOf(context, file);
    await retry(`${file} of ${context.repository.name}`, options, () => withDeadline(settings.stallTimeout, options.signal, async (signal, alive) => {
      before = done;
      const { response, url: from } = await request(url, settings, 'GET', done ? { range: `bytes=${done}-` } : {}, file, signal);
      if (response.status === 416) {
        restart();
        throw new Transient('the server does not go on from the part that is here');
      }
      if (response.status >= 400) {
        await response.body?.cancel();
        // Storage behind the hub answers so when the link to it has expired; the next attempt asks the hub for a new one.
        throw new URL(from).host === new URL(url).host ? refused(response, context) : new Transient(`${new URL(from).host} answers ${response.status}`);
      }
      const goesOn = response.status === 206 && Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1]) === done;
      if (done && !goesOn) restart();
      if (response.status === 206 && !goesOn) throw new Transient('the server sends another part than was asked for');
      options.onProgress?.({ file, done, total: size });
      const reader = response.body?.getReader();
      for (; reader;) {
        const part = await reader.read().catch((error: unknown) => { throw broken(error, from); });
        if (part.done) break;
        alive();
        for (let at = 0; at < part.value.length;) at += writeSync(fd, part.value, at);
        done += part.value.length;
        if (size !== undefined && done > size) {
          await reader.cancel();
          restart();
          throw new Transient('the server sends more bytes than it announced');
        }
        options.onProgress?.({ file, done, total: size });
      }
      if (size !== undefined && done < size) throw new Transient('the connection ended early');
    }), () => done > before);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
