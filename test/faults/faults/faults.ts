import type { Tally } from '../tally';
import { DISK } from './disk';
import { NETWORK } from './network';
import { PROCESS } from './process';

/** Injects every kind of fault once: each ends with one sentence and a code, and nothing that was there is lost. */
export async function injectAll(tally: Tally, o: { heavy: boolean }): Promise<void> {
  const cases = [...DISK, ...NETWORK, ...PROCESS].filter((one) => o.heavy || !one.heavy), began = Date.now();
  for (const [i, { kind, inject }] of cases.entries()) {
    tally.step('faults', i, cases.length, began);
    const wrong = await inject();
    if (wrong) (/undisturbed run|in the cache|checkpoint is of/.test(wrong) ? tally.lose : tally.fail).call(tally, `${kind}: ${wrong}`);
    else tally.kinds.add(kind);
  }
  tally.step('faults', cases.length, cases.length, began);
}
