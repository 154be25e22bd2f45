import { loadEvaluation, type Evaluation } from '../../datasets';
import { contributions, type Contributions } from '../eval/contributions';
import { evaluateTask, outputOrder } from '../eval/glue';
import { perplexity, wordPerplexity } from '../eval/perplexity';
import { ZsaqError } from '../core/error';
import { Progress } from '../report/progress';
import { streamProtocol, tokenStream } from '../text/stream';
import type { Params } from '../core/tree';
import type { TaskSpec } from '../eval/task';
import type { Model } from '../models/model';
import type { Hooks } from '../nn/hooks';
import type { Tokenizer } from '../text/tokenizer';

export interface Score { task: string; metric: string; score: number; examples: number; details?: Record<string, number | undefined> }

/** How perplexity is taken: predictions in a window and between two windows, what joins lines, how text becomes tokens. */
export interface TextProtocol { context: number; stride: number; separator: string | null; tokenization: string; words: string | null }

/** A task made ready to score models of one tokenizer; `protocol` for running text only. */
export interface Scorer {
  task: TaskSpec;
  protocol?: TextProtocol;
  notes: readonly string[];
  score(label: string, model: Model, params: Params, hooks: Hooks): Promise<Score>;
  /** with what each example or window contributes, for paired comparisons */
  scoreEach(label: string, model: Model, params: Params, hooks: Hooks): Promise<{ score: Score; each(): Contributions }>;
}

const withScore = (scorer: Omit<Scorer, 'score'>): Scorer => ({ ...scorer, score: async (...of) => (await scorer.scoreEach(...of)).score });

/** Loads and checks everything first, so that a mistake is told before anything long begins. */
export function makeScorer(
  name: string, dataDir: string | undefined, model: Model, tokenizer: Tokenizer, signal?: { readonly aborted: boolean },
  windows: { context?: number; stride?: number } = {},
): Scorer {
  const data = loadEvaluation(name, dataDir), { task } = data;
  if ('lines' in data) {
    if (model.head.kind !== 'languageModel') throw new ZsaqError('mismatch', `${task.name} is text for a language model, but the model has a ${model.head.kind} head: choose a task that fits the model`);
    return textScorer(data, model, tokenizer, signal, windows);
  }
  outputOrder(model, task);
  return withScore({ task, notes: [], async scoreEach(label, m, params, hooks) {
    const { metric, score, examples, details, predictions } = await watched(label, (onProgress) => evaluateTask(m, params, tokenizer, task, data.examples, { hooks, onProgress, signal }));
    return { score: { task: task.name, metric, score, examples, details }, each: () => contributions(task.metric, predictions, data.examples.map((e) => e.label)) };
  } });
}

/** Predictions in a window where nothing else is asked for: the protocol of the shared scores. */
const CONTEXT = 128;

function textScorer(
  { task, lines, separator, words, notes }: Extract<Evaluation, { lines: string[] }>, model: Model, tokenizer: Tokenizer,
  signal: { readonly aborted: boolean } | undefined, { context = Math.min(CONTEXT, model.maxLength), stride = context }: { context?: number; stride?: number },
): Scorer {
  if (context < 1 || context > model.maxLength) throw new ZsaqError('range', `a context of ${context}: the model takes 1 to ${model.maxLength}`);
  if (stride < 1 || stride > context) throw new ZsaqError('range', `a stride of ${stride}: give 1 to the context, ${context}`);
  const ids = tokenStream(lines, tokenizer, { separator });
  const protocol: TextProtocol = {
    context, stride, separator: tokenizer.kind === 'bpe' ? separator : null, tokenization: streamProtocol(tokenizer, { separator }),
    words: words === undefined ? null : `${words} words, between white space, with one end of line a line`,
  };
  return withScore({ task, protocol, notes, async scoreEach(label, m, params, hooks) {
    const { metric, score, examples, nll, windows: losses } = await watched(label, (onProgress) => perplexity(m, params, ids, { window: context, stride, hooks, onProgress, signal }));
    const details = { tokens: ids.length, ...(words === undefined ? {} : { words, wordPerplexity: wordPerplexity(nll, ids.length, words) }) };
    return { score: { task: task.name, metric, score, examples, details }, each: () => ({ kind: 'nll', values: losses }) };
  } });
}

async function watched<T>(label: string, run: (onProgress: (p: { done: number; total: number }) => void) => Promise<T>): Promise<T> {
  let bar: Progress | undefined;
  try {
    return await run(({ done, total }) => { (bar ??= new Progress(label, total)).update(done); });
  } finally {
    bar?.end();
  }
}
