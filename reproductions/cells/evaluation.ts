// What a cell is scored on.
import { createHash } from 'node:crypto';
import { canonicalJson, METRICS, type Example, type TaskSpec } from '../../src/index';
import type { Evaluation } from '../../datasets';

/** SHA-256 of an evaluation set, by which results know that their examples are the same, one by one. */
export function dataHash(evaluation: Evaluation): string {
  return createHash('sha256').update(canonicalJson('examples' in evaluation ? evaluation.examples : evaluation.lines)).digest('hex');
}

/** Score times 100 of always giving the most frequent answer: accuracy its share; correlations, which a constant has none of, 0. */
export function majorityScore({ kind, metric, labelNames }: TaskSpec, examples: readonly Example[]): number | null {
  if (kind === 'languageModel' || metric === 'perplexity') return null;
  if (kind === 'regression') return 0;
  const labels = examples.map((e) => e.label);
  return Math.max(...labelNames.map((_, k) => 100 * METRICS[metric](labels.map(() => k), labels)));
}
