import { loadEvaluation } from '../../datasets';
import { evaluateTask, outputOrder } from '../eval/glue';
import { perplexity } from '../eval/perplexity';
import { ZsaqError } from '../core/error';
import { Progress } from '../report/progress';
import { tokenStream } from '../text/stream';
import type { Params } from '../core/tree';
import type { TaskSpec } from '../eval/task';
import type { Model } from '../models/model';
import type { Hooks } from '../nn/hooks';
import type { Tokenizer } from '../text/tokenizer';

export interface Score { task: string; metric: string; score: number; examples: number; details?: Record<string, number | undefined> }

/** A task made ready to score models of one tokenizer. */
export interface Scorer { task: TaskSpec; score(label: string, model: Model, params: Params, hooks: Hooks): Promise<Score> }

/** Loads and checks everything first, so that a mistake is told before anything long begins. */
export function makeScorer(name: string, dataDir: string | undefined, model: Model, tokenizer: Tokenizer, signal?: { readonly aborted: boolean }): Scorer {
  const data = loadEvaluation(name, dataDir), { task } = data;
  if ('lines' in data) {
    if (model.head.kind !== 'languageModel') throw new ZsaqError('mismatch', `${task.name} is text for a language model, but the model has a ${model.head.kind} head: choose a task that fits the model`);
    const ids = tokenStream(data.lines, tokenizer);
    return { task, async score(label, m, params, hooks) {
      const window = Math.min(128, m.maxLength);
      const { metric, score, examples } = await watched(label, (onProgress) => perplexity(m, params, ids, { window, hooks, onProgress, signal }));
      return { task: task.name, metric, score, examples };
    } };
  }
  outputOrder(model, task);
  return { task, async score(label, m, params, hooks) {
    const { metric, score, examples, details } = await watched(label, (onProgress) => evaluateTask(m, params, tokenizer, task, data.examples, { hooks, onProgress, signal }));
    return { task: task.name, metric, score, examples, details };
  } };
}

async function watched<T>(label: string, run: (onProgress: (p: { done: number; total: number }) => void) => Promise<T>): Promise<T> {
  let bar: Progress | undefined;
  try {
    return await run(({ done, total }) => { (bar ??= new Progress(label, total)).update(done); });
  } finally {
    bar?.end();
  }
}
