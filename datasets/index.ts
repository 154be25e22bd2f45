import { ZsaqError, type Example, type TaskSpec } from '../src/index';
import { loadTask } from './glue';
import { loadRunningText, loadText, type RunningText } from './languageModel';
import { POCKET_TASKS, pocketTask, pocketText, type PocketTask, type Split } from './pocket';
import { companionsOf, findTask, TASKS } from './tasks';

export { checkData, formatReport } from './check';
export { pocketModelPath, pocketTask, pocketText } from './pocket';
export { companionsOf, loadTask, loadText, TASKS, POCKET_TASKS };

/** What a model is scored on: labelled examples, or lines of running text. */
export type Evaluation = { task: TaskSpec; examples: Example[] } | { task: TaskSpec } & RunningText;

/** A task by name, bundled or real. @throws ZsaqError 'usage' with the names that are known */
export function anyTask(name: string): TaskSpec {
  const pocket = POCKET_TASKS.find((t) => t.name === name);
  if (pocket) return pocket;
  try {
    return findTask(name);
  } catch (e) {
    throw new ZsaqError('usage', `${(e as Error).message}, ${POCKET_TASKS.map((t) => t.name).join(', ')}`, { cause: e });
  }
}

/**
 * The evaluation set of a task: GLUE's dev file, a text's test file, or the bundled data.
 *
 * @param dataDir folder of the real data sets; the bundled ones need none
 * @example loadEvaluation('SST-2', process.env.ZSAQ_DATA)
 */
export function loadEvaluation(name: string, dataDir: string | undefined): Evaluation {
  const task = anyTask(name);
  if (task.name.startsWith('pocket-')) {
    return task.kind === 'languageModel' ? { task, lines: pocketText(task.name.slice('pocket-'.length) as 'tales', 'test'), separator: '\n\n', notes: [] } : pocketTask(task.name as PocketTask, 'test' as Split);
  }
  if (!dataDir) throw new ZsaqError('missing', `${task.name} needs its data: give --data DIR, or set ZSAQ_DATA`);
  return task.kind === 'languageModel' ? { task, ...loadRunningText(task.name, dataDir) } : loadTask(task.name, 'dev', dataDir);
}
