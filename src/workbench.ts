// The entry for notebooks and programs that take a model of their own as the commands take it: open, score, export, verify.
import { loadTeacher } from './commands/quantize';
import { modelFolder } from './commands/modelFolder';
import { ready } from './core/backend';
import { loadTokenizer, type Tokenizer } from './text/tokenizer';
import type { RunnableModel } from './export/packed';

export { exportModel } from './commands/export';
export { makeScorer, type Score, type Scorer } from './commands/score';
export { verifyExport, type Verdict, type Verification } from './commands/verify';
export type { ExportFormat } from './export/manifest';

/**
 * A full-precision model that can be quantized, with its tokenizer: a Hugging Face folder, or `org/name` on the hub, fetched with a bar if it is not in the cache.
 *
 * @throws ZsaqError in one sentence: no such folder or model, no network, an architecture that is not known, no head, quantized already
 * @example const teacher = await openTeacher('facebook/opt-125m')
 */
export async function openTeacher(nameOrDir: string): Promise<RunnableModel & { tokenizer: Tokenizer }> {
  await ready();
  const dir = await modelFolder(nameOrDir);
  return { ...await loadTeacher(dir), tokenizer: loadTokenizer(dir) };
}
