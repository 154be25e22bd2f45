import { resolveModel, type HubOptions } from '../io/hub';
import { Progress } from '../report/progress';
import { existsSync } from 'node:fs';

/** A folder as given, or the folder of a hub model `org/name`, fetched with progress if it is not in the cache. */
export async function modelFolder(nameOrDir: string, signal?: AbortSignal): Promise<string> {
  // what looks like a path is one: its own error says more than the hub's
  if (existsSync(nameOrDir) || !/^[\w.-]+\/[\w.-]+$/.test(nameOrDir) || nameOrDir.startsWith('.')) return nameOrDir;
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
