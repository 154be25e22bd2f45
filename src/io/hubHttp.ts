import { setTimeout as sleep } from 'node:timers/promises';
import { ZsaqError } from '../core/error';
import type { HubSettings } from './hubCache';

/** Attempts without any progress before a request is given up. */
export const ATTEMPTS = 5;

const MAX_REDIRECTS = 5;

/** Longest pause that a server may ask for before the user is told instead. */
const MAX_WAIT_SECONDS = 120;

/** A failure that may pass: the request is worth repeating, after `wait` milliseconds where the server says so. */
export class Transient extends Error { constructor(message: string, readonly wait?: number) { super(message); } }

/**
 * Repeats `action` while it throws `Transient`, with growing pauses. `progressed` tells whether the last attempt got
 * anywhere, in which case the count begins again.
 *
 * @param pause milliseconds before the second attempt; doubled for each further one
 * @throws ZsaqError 'network' when the attempts are used up
 */
export async function retry<T>(
  what: string, { pause = 1000, signal }: { pause?: number; signal?: AbortSignal }, action: () => Promise<T>, progressed: () => boolean = () => false,
): Promise<T> {
  for (let failed = 0; ;) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      failed = progressed() ? 1 : failed + 1;
      const wait = error.wait ?? pause * 2 ** (failed - 1);
      if (wait > MAX_WAIT_SECONDS * 1000) {
        throw new ZsaqError('network',
          `cannot fetch ${what}: the server asks to wait ${Math.ceil(wait / 1000)} seconds; run the command again after that`);
      }
      if (failed >= ATTEMPTS) {
        throw new ZsaqError('network',
          `cannot fetch ${what}: ${error.message} in ${ATTEMPTS} attempts; check the connection and run the command again, it goes on where it stopped`);
      }
      await sleep(wait, undefined, { signal }).catch(() => { throw cancelled(); });
    }
  }
}

/**
 * Runs `action` with a signal that fires when `ms` pass without a call of `alive`, or when the user cancels.
 *
 * @throws ZsaqError 'cancelled' where the user did, whatever the action made of it
 */
export async function withDeadline<T>(ms: number, user: AbortSignal | undefined, action: (signal: AbortSignal, alive: () => void) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const timer = setTimeout(stop, ms);
  user?.addEventListener('abort', stop);
  try {
    if (user?.aborted) throw cancelled();
    return await action(controller.signal, () => timer.refresh());
  } catch (error) {
    throw user?.aborted ? cancelled() : error;
  } finally {
    clearTimeout(timer);
    user?.removeEventListener('abort', stop);
  }
}

/** The error of a download that the user stopped. */
export function cancelled(): ZsaqError {
  return new ZsaqError('cancelled', 'the download was cancelled: run the command again, it goes on where it stopped');
}

/**
 * One request to the hub. Redirects are followed while `follow` agrees; the token goes to the hub's own host only.
 *
 * @param what the file, for errors
 * @throws Transient for broken connections, time-outs, 408, 429 and 5xx
 */
export async function request(
  url: string, settings: HubSettings, method: 'HEAD' | 'GET', headers: Record<string, string>, what: string, signal: AbortSignal,
  follow: (response: Response) => boolean = () => true,
): Promise<{ response: Response; url: string }> {
  const home = new URL(settings.endpoint).host;
  for (let hops = 0; ; hops++) {
    const sent: Record<string, string> = { 'user-agent': 'zsaq', 'accept-encoding': 'identity', ...headers };
    if (settings.token && new URL(url).host === home) sent.authorization = `Bearer ${settings.token}`;
    let response: Response;
    try {
      response = await fetch(url, { method, headers: sent, redirect: 'manual', signal });
    } catch (error) {
      throw broken(error, url);
    }
    const { status } = response;
    if (status === 408 || status === 429 || status >= 500) {
      await response.body?.cancel();
      throw new Transient(`${new URL(url).host} answers ${status}${status === 429 ? ' (too many requests; a token in HF_TOKEN raises the limit)' : ''}`, waitOf(response));
    }
    const location = response.headers.get('location');
    if (status < 300 || status >= 400 || !location || !follow(response)) return { response, url };
    await response.body?.cancel();
    if (hops >= MAX_REDIRECTS) throw new ZsaqError('network', `cannot fetch ${what}: the server redirects in circles; check HF_ENDPOINT`);
    const next = new URL(location, url);
    if (next.protocol !== 'http:' && next.protocol !== 'https:') {
      throw new ZsaqError('network',
        `cannot fetch ${what}: the server redirects to ${next.protocol}; check HF_ENDPOINT`);
    }
    if (new URL(url).protocol === 'https:' && next.protocol === 'http:') {
      throw new ZsaqError('network',
        `cannot fetch ${what}: the server redirects from https to http; check HF_ENDPOINT`);
    }
    url = next.href;
  }
}

/** What fetch throws, as a failure that may pass; the cause tells more than fetch's own "fetch failed". */
export function broken(error: unknown, url: string): Transient {
  const { host } = new URL(url);
  const cause = (error as { cause?: { code?: string; message?: string } }).cause;
  const name = (error as Error).name;
  if (name === 'TimeoutError' || name === 'AbortError') return new Transient(`${host} did not answer in time`);
  if (cause?.code === 'ENOTFOUND' || cause?.code === 'EAI_AGAIN') return new Transient(`the host ${host} is not found`);
  if (cause?.code === 'ECONNREFUSED') return new Transient(`${host} refuses the connection`);
  return new Transient(`the connection to ${host} broke (${cause?.code ?? cause?.message ?? (error as Error).message})`);
}

/** Pause asked for by Retry-After (seconds or a date) or by the hub's RateLimit header (`t=SECONDS`), in milliseconds. */
function waitOf(response: Response): number | undefined {
  const after = response.headers.get('retry-after');
  if (after !== null) {
    const seconds = /^\d+$/.test(after.trim()) ? Number(after) : (Date.parse(after) - Date.now()) / 1000;
    if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  }
  const limit = /\bt=(\d+)/.exec(response.headers.get('ratelimit') ?? '');
  return limit && response.status === 429 ? Number(limit[1]) * 1000 : undefined;
}
