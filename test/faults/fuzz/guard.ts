// What a reader may not do, watched from outside of it: touch prototypes, leave its folder, take more memory or time than its input is worth.
import fs = require('node:fs');
import { resolve, sep } from 'node:path';
import { ZsaqError } from '../../../src/core/error';

/** Seconds of processor time for one input. */
const MOST_SECONDS = 3;
/** Of the heap, whose growth is seen only roughly: what one reader's tables and the collector's rest may take. */
const SLACK = 48 * 2 ** 20;

const own = (): string => JSON.stringify([Object.prototype, Array.prototype, Function.prototype, String.prototype].map((prototype) => Object.getOwnPropertyNames(prototype).sort()));
const PROTOTYPES = own();

/** Files that were opened or changed outside of the folders that are allowed. */
export class Fence {
  outside: string[] = [];
  watching = false;

  constructor(private readonly allowed: readonly string[]) {
    const mutable = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const name of ['openSync', 'readFileSync', 'writeFileSync', 'copyFileSync', 'renameSync', 'rmSync', 'mkdirSync', 'symlinkSync']) {
      const original = mutable[name];
      mutable[name] = (...args: unknown[]) => {
        if (this.watching) for (const path of args.slice(0, 2)) if (typeof path === 'string' && /[/\\]/.test(path)) this.check(path);
        return original.apply(fs, args);
      };
    }
  }

  private check(path: string): void {
    const whole = resolve(path);
    if (!this.allowed.some((folder) => whole === folder || whole.startsWith(folder + sep))) this.outside.push(whole);
  }
}

/** Gives an input to a reader; what it did wrong in words, undefined if it read it or refused it in one sentence. */
export async function guarded(read: () => void | Promise<void>, bytes: number, fence: Fence, seconds = MOST_SECONDS): Promise<string | undefined> {
  fence.outside = [];
  fence.watching = true;
  const before = process.memoryUsage(), began = process.cpuUsage();
  let wrong: string | undefined;
  try {
    await read();
  } catch (error) {
    if (!(error instanceof ZsaqError)) wrong = `it throws ${error instanceof Error ? error.stack : String(error)}`;
    else if (/[\n\r]/.test(error.message) || error.message.length > 1500) wrong = `its message is not one sentence: ${error.message.slice(0, 200)} (${error.message.length} characters)`;
  }
  fence.watching = false;
  const { user } = process.cpuUsage(began), after = process.memoryUsage(), taken = after.arrayBuffers - before.arrayBuffers + Math.max(0, after.heapUsed - before.heapUsed);
  if (wrong) return wrong;
  if (own() !== PROTOTYPES) return 'it changed a prototype';
  if (fence.outside.length) return `it left its folder: ${fence.outside[0]}`;
  if (taken > 2 * bytes + SLACK) return `it took ${taken} bytes for ${bytes}`;
  return user > 1e6 * seconds ? `it took ${(user / 1e6).toFixed(1)} s` : undefined;
}
