import { ZsaqError } from '../core/error';

/** Lets signals and output through between two batches. @throws ZsaqError 'cancelled' */
export async function turn(signal?: { readonly aborted: boolean }): Promise<void> {
  await new Promise<void>((resolve) => { setImmediate(resolve); });
  if (signal?.aborted) throw new ZsaqError('cancelled', 'the evaluation was stopped: run it again for a score');
}
