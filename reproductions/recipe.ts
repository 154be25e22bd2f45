// The recipe of all results: what the methods are set to beyond their defaults, the same for every task.
import type { MethodId } from '../src/index';

/** Raised where a method's algorithm changes, so that older results no longer count. A changed default is noticed by itself (cells/result.ts). */
export const RECIPE = 1;

/** Settings of a method over its defaults, frozen after the search on SST-2 by the fixed bank; `path=value`. */
export const FROZEN: Readonly<Partial<Record<MethodId, readonly string[]>>> = {};
