import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pocketModelPath } from '../../datasets';
import { ZsaqError } from '../core/error';
import { quote } from '../io/quote';
import { resolveModel, type HubOptions } from '../io/hub';
import { Progress } from '../report/progress';

/** The folder of models that `zsaq finetune` and `zsaq pretrain` have made: `NAME/model` of each. */
export function madeFolder(): string { return process.env.ZSAQ_MADE ?? join(__dirname, '..', '..', 'runs', 'models'); }

/** A folder with one of these is meant, be it a model or a tokenizer alone; what it lacks is told where it is read. */
const MARKS = ['config.json', 'tokenizer.json', 'vocab.json', 'vocab.txt'];

/** Folder of a model that is called by its name alone: bundled, in ZSAQ_MODELS, or made here; undefined where it is not. A hub's name is its own answer. */
export function findModel(name: string): string | undefined {
  if (name.includes('/')) return name; // on the hub: fetched where it is used
  const bundled = name.startsWith('pocket-') ? [pocketModelPath(name as 'pocket-bert')] : [], shared = process.env.ZSAQ_MODELS ? [join(process.env.ZSAQ_MODELS, name)] : [];
  return [...bundled, ...shared, join(madeFolder(), name, 'model')].find((dir) => MARKS.some((file) => existsSync(join(dir, file))));
}

/**
 * A folder as given, that of a model called by its name alone (see `findModel`), or that of a hub model `org/name`, fetched with progress if it is not in the cache.
 *
 * @throws ZsaqError 'missing' for a name that stands nowhere, 'usage' for the folder of a run, in which the model has its own; as `resolveModel`
 */
export async function modelFolder(nameOrDir: string, signal?: AbortSignal): Promise<string> {
  if (existsSync(join(nameOrDir, 'metrics.json')) && existsSync(join(nameOrDir, 'model'))) throw new ZsaqError('usage', `${nameOrDir} is the folder of a run: give ${join(nameOrDir, 'model')}`);
  if (existsSync(nameOrDir) || nameOrDir.startsWith('.')) return nameOrDir;
  if (/^[\w.-]+$/.test(nameOrDir)) {
    const found = findModel(nameOrDir), shared = process.env.ZSAQ_MODELS;
    if (!found) throw new ZsaqError('missing', `there is no model ${quote(nameOrDir)}: no folder of that name here, none that is bundled or made here, none in ZSAQ_MODELS (${shared ?? 'not set'}): give a folder, or a name on the hub as org/name`);
    return found;
  }
  // what looks like a path is one: its own error says more than the hub's
  if (!/^[\w.-]+\/[\w.-]+$/.test(nameOrDir)) return nameOrDir;
  const { onProgress, end } = downloadBars();
  try {
    return await resolveModel(nameOrDir, { signal, onNote: (note) => console.error(note), onProgress });
  } finally {
    end();
  }
}

/** A bar for each file that is fetched. */
export function downloadBars(): { onProgress: NonNullable<HubOptions['onProgress']>; end(): void } {
  const bars = new Map<string, Progress>();
  return {
    onProgress({ file, done, total }) {
      if (!bars.has(file)) bars.set(file, new Progress(file, total ?? 0));
      bars.get(file)!.update(done);
      if (done === total) bars.get(file)!.end();
    },
    end: () => { for (const bar of bars.values()) bar.end(); },
  };
}
