import { existsSync, realpathSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ZsaqError } from '../core/error';
import { sha256File } from './file';
import { cachedCommit, checkRepository, hubSettings, linkBlob, noteAbsent, noteCommit, repositoryFolder, sizeOf, type Repository } from './hubCache';
import { askFor, fetchBlob, type Context, type HubOptions } from './hubFetch';
import { readShardIndex, TOKENIZER_FILES, WEIGHT_FILES } from './pretrained';
import { quote } from './quote';

export type { HubOptions } from './hubFetch';

/**
 * The folder of a model: `nameOrDir` itself if it is a folder, else the hub's model of that name, fetched into the cache
 * that the Python library uses (and found there if it is complete). Interrupted downloads go on where they stopped.
 *
 * @returns a folder for `openPretrained`
 * @throws ZsaqError 'missing' where neither a folder nor a model has this name, 'network', 'disk', 'usage', 'cancelled'
 * @example await loadModel(await resolveModel('facebook/opt-125m', { onProgress: console.log }))
 */
export async function resolveModel(nameOrDir: string, options: HubOptions = {}): Promise<string> {
  if (statSync(nameOrDir, { throwIfNoEntry: false })?.isDirectory()) return nameOrDir;
  const context = contextOf(nameOrDir, { ...options, type: 'model' });
  const cached = (): string | undefined => {
    const commit = cachedCommit(context.folder, context.repository.revision);
    const dir = commit && join(context.folder, 'snapshots', commit);
    return dir && isComplete(dir) ? dir : undefined;
  };
  if (context.settings.offline) {
    const dir = cached();
    if (dir) return dir;
    throw new ZsaqError('missing',
      `${nameOrDir} is no folder and not complete in the cache, and HF_HUB_OFFLINE forbids to fetch it: unset that or give a folder`);
  }
  try {
    return await fetchModel(context);
  } catch (error) {
    const dir = error instanceof ZsaqError && error.code === 'network' ? cached() : undefined;
    if (!dir) throw error;
    options.onNote?.(`using the cached ${nameOrDir}, because the hub could not be asked for a newer one (${(error as Error).message})`);
    return dir;
  }
}

/** A file of the hub in the cache, and the commit that it is of. */
export interface CachedFile { path: string; commit: string }

/**
 * Fetches one file of a model or data set into the hub's cache, unless it is there. Without a connection the file in the
 * cache is good enough; a large one found there is held against its SHA-256, and fetched again where it differs.
 *
 * @throws ZsaqError 'missing' | 'network' | 'disk' | 'usage' | 'cancelled', 'format' for a damaged file in the cache while offline
 * @example (await downloadFile('nyu-mll/glue', 'sst2/validation-00000-of-00001.parquet', { type: 'dataset' })).path
 */
export async function downloadFile(name: string, file: string, options: HubOptions = {}): Promise<CachedFile> {
  const context = contextOf(name, options), { folder, repository: { revision }, settings: { offline } } = context;
  const before = cachedFile(context, file);
  let found = await fetchFile(context, file).catch((error: unknown) => {
    if (!before || !(error instanceof ZsaqError) || error.code !== 'network') throw error;
    options.onNote?.(`using the cached ${file} of ${name}, because the hub could not be asked for a newer one (${error.message})`);
    return before;
  });
  if (!found) throw new ZsaqError('missing', `there is no file ${quote(file)} in ${name} at ${revision}: check the name`);
  if (found.path === before?.path && isDamaged(found.path)) {
    if (offline) throw new ZsaqError('format', `${found.path} does not have the SHA-256 under which it is stored, and HF_HUB_OFFLINE forbids to fetch it again: unset that`);
    rmSync(realpathSync(found.path), { force: true });
    found = (await fetchFile(context, file))!;
  }
  noteCommit(folder, revision, found.commit);
  return found;
}

function cachedFile({ folder, repository: { revision } }: Context, file: string): CachedFile | undefined {
  const commit = cachedCommit(folder, revision), path = commit && join(folder, 'snapshots', commit, file);
  return path && sizeOf(path) !== undefined ? { path, commit } : undefined;
}

/** Whether a blob that is named after its SHA-256, as large files are, has another one. */
function isDamaged(path: string): boolean {
  const name = basename(realpathSync(path));
  return /^[0-9a-f]{64}$/.test(name) && sha256File(path) !== name;
}

function contextOf(name: string, options: HubOptions): Context {
  const repository: Repository = { name, type: options.type ?? 'model', revision: options.revision ?? 'main' };
  checkRepository(repository);
  const settings = hubSettings(options.env);
  return { settings, repository, options, folder: repositoryFolder(settings.cache, repository) };
}

async function fetchModel(context: Context): Promise<string> {
  const { name, revision } = context.repository;
  const config = await fetchFile(context, 'config.json');
  if (!config) throw new ZsaqError('missing', `${name} on the hub has no config.json: it is no model that zsaq can read`);
  // All other files come from the commit of the first one, whatever happens to the branch in the meantime.
  const pinned: Context = { ...context, confirmed: true, repository: { ...context.repository, revision: config.commit } };
  let weights = false;
  for (const file of WEIGHT_FILES) {
    const found = await fetchFile(pinned, file);
    if (!found) continue;
    if (file.endsWith('.index.json')) for (const shard of new Set(readShardIndex(found.path).values())) {
      if (!(await fetchFile(pinned, shard))) {
        throw new ZsaqError('missing',
          `${name} on the hub lists the shard ${quote(shard)} and does not have it: try another revision`);
      }
    }
    weights = true;
    break;
  }
  if (!weights) throw new ZsaqError('missing', `${name} on the hub has no ${WEIGHT_FILES[0]} and no ${WEIGHT_FILES[2]}: zsaq reads no other weights`);
  for (const file of [...TOKENIZER_FILES, 'zsaq.json']) await fetchFile(pinned, file);
  noteCommit(context.folder, revision, config.commit);
  return join(context.folder, 'snapshots', config.commit);
}

function isComplete(dir: string): boolean {
  const weights = WEIGHT_FILES.find((file) => existsSync(join(dir, file)));
  if (!weights || !existsSync(join(dir, 'config.json'))) return false;
  return !weights.endsWith('.index.json') || [...readShardIndex(join(dir, weights)).values()].every((shard) => existsSync(join(dir, shard)));
}

/** A file's place in the cache and its commit; undefined where the repository does not have it. */
async function fetchFile(context: Context, file: string): Promise<CachedFile | undefined> {
  const { folder, repository: { revision }, settings: { offline } } = context;
  if (!/^[^/\\\0]+(?:\/[^/\\\0]+)*$/.test(file) || file.split('/').some((part) => /^\.+$/.test(part))) {
    throw new ZsaqError('usage',
      `${quote(file)} is no file name on the hub: check it`);
  }
  const place = (commit: string): string => join(folder, 'snapshots', commit, ...file.split('/'));
  const absent = (commit: string): string => join(folder, '.no_exist', commit, ...file.split('/'));
  const known = offline ? cachedCommit(folder, revision) : /^[0-9a-f]{40}$/.test(revision) ? revision : undefined;
  if (known && sizeOf(place(known)) !== undefined) return { path: place(known), commit: known };
  if (known && existsSync(absent(known))) return undefined;
  if (offline) {
    throw new ZsaqError('missing',
      `${quote(file)} of ${context.repository.name} is not in the cache, and HF_HUB_OFFLINE forbids to fetch it: unset that`);
  }

  const metadata = await askFor(context, file, (commit) => noteAbsent(absent(commit)));
  if (!metadata) return undefined;
  const { etag, commit, size } = metadata;
  const path = place(commit), have = sizeOf(path);
  if (have === undefined || (size !== undefined && have !== size)) {
    const blob = join(folder, 'blobs', etag);
    await fetchBlob(context, file, metadata, blob);
    linkBlob(blob, path);
  }
  return { path, commit };
}
