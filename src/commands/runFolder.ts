import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ZsaqError } from '../core/error';
import { loadCheckpoint, saveCheckpoint } from '../io/checkpoint';
import { makeFolder, removeQuietly } from '../io/disk';
import { canonicalJson, lockFolder, readJson, writeWhole } from '../io/file';
import type { CheckpointStore } from '../methods/method';

const CONFIG = 'config.json', METRICS = 'metrics.json', CHECKPOINTS = 'checkpoints';

/**
 * The folder of one run: `config.json` first, checkpoints while it goes on, and when it is done `history.json`,
 * `metrics.json`, `figure.svg`, `figure.html` and `model/`. A folder belongs to one configuration; a second process is
 * turned away while the first one works in it.
 */
export class RunFolder {
  private constructor(readonly dir: string, private readonly unlock: () => void) {}

  /** @throws ZsaqError 'usage' if the folder holds another run or something else, 'busy' if it is in use, 'disk' */
  static open(dir: string, config: Record<string, unknown>): RunFolder {
    makeFolder(dir);
    if (!existsSync(join(dir, CONFIG)) && readdirSync(dir).some((n) => !n.startsWith('.'))) {
      throw new ZsaqError('usage', `${dir} holds files of something else: give --out a new folder`);
    }
    const folder = new RunFolder(dir, lockFolder(dir)), wanted = canonicalJson(config, 2);
    try {
      if (!existsSync(join(dir, CONFIG))) writeWhole(join(dir, CONFIG), `${wanted}\n`);
      else if (canonicalJson(readJson(join(dir, CONFIG)), 2) !== wanted) {
        throw new ZsaqError('usage', `${dir} holds a run with other settings: give --out a new folder, or remove this one`);
      }
      return folder;
    } catch (e) {
      folder.close();
      throw e;
    }
  }

  /** The metrics of a finished run. What is left of its checkpoints goes, should it have been killed while it removed them. */
  finished(): Record<string, unknown> | undefined {
    if (!existsSync(join(this.dir, METRICS))) return undefined;
    removeQuietly(join(this.dir, CHECKPOINTS));
    return readJson(join(this.dir, METRICS)) as Record<string, unknown>;
  }

  checkpoints(): CheckpointStore {
    const dir = join(this.dir, CHECKPOINTS);
    return {
      load: () => {
        const found = loadCheckpoint(dir);
        if (!found) return null;
        if (found.warning) console.error(`zsaq: ${found.warning}`);
        return found as never;
      },
      save: ({ step, state, tensors }) => {
        this.checkPresence();
        saveCheckpoint(dir, { step, state, tensors: Object.fromEntries(Object.entries(tensors).map(([n, t]) => [n, { dtype: 'float32', ...t }])) });
      },
    };
  }

  write(name: string, value: unknown): void {
    this.checkPresence();
    writeWhole(join(this.dir, name), typeof value === 'string' ? value : `${canonicalJson(value, 2)}\n`);
  }

  /** Metrics last: a folder that has them is complete. */
  finish(metrics: Record<string, unknown>): void {
    this.write(METRICS, metrics);
    removeQuietly(join(this.dir, CHECKPOINTS));
  }

  /** A folder that was removed meanwhile must not come to life again without its settings. */
  private checkPresence(): void {
    if (!existsSync(join(this.dir, CONFIG))) throw new ZsaqError('disk', `${this.dir} was removed while the run worked in it: start it again, in a folder that stays`);
  }

  close(): void { this.unlock(); }
}
