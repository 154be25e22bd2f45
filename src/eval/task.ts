import type { MetricName } from './metrics';

/** What a task is and how it is scored. */
export interface TaskSpec {
  name: string;
  kind: 'classification' | 'regression' | 'languageModel';
  metric: MetricName;
  /** reported beside the metric */
  secondary: readonly MetricName[];
  /** two texts an example */
  pair: boolean;
  /** in the order of the task's label indices; empty for regression and language models */
  labelNames: readonly string[];
  note: string;
}

/** One example: the index of its label in the task's `labelNames`, or the score of a regression. */
export interface Example { text: string; pair?: string; label: number }

/** How far an evaluation is. */
export interface EvaluationProgress { done: number; total: number }

export interface EvaluationCallbacks {
  onProgress?(progress: EvaluationProgress): void;
  /** the evaluation ends with a `cancelled` error at the next batch */
  signal?: { readonly aborted: boolean };
}
