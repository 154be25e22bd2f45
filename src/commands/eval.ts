import { ready } from '../core/backend';
import { loadRunnable } from '../export/packed';
import { toText } from '../report/table';
import { loadTokenizer } from '../text/tokenizer';
import { anyTask } from '../../datasets';
import { optional, required, type Command } from './command';
import { modelFolder } from './modelFolder';
import { makeScorer } from './score';

export const evalCommand: Command = {
  name: 'eval',
  summary: 'score a model, quantized or not, on a task',
  help: `zsaq eval --model DIR --task NAME [options]

  --model DIR   Hugging Face folder, a name on the hub (org/name), or the model/ folder of a run
  --task NAME   SST-2, MNLI, wikitext-2, ptb, pocket-sentiment, pocket-tales, ...
  --data DIR    folder of the real data sets (ZSAQ_DATA)
  --json        last line of standard output: one JSON object

Example:
  zsaq eval --model datasets/pocket/models/pocket-bert --task pocket-sentiment`,
  options: { model: { type: 'string' }, task: { type: 'string' }, data: { type: 'string' } },
  async run(values, signal) {
    const name = required(values, 'model', 'give a model folder'), task = required(values, 'task', 'name the task');
    anyTask(task);
    await ready();
    const dir = await modelFolder(name, signal);
    const { model, params, hooks } = await loadRunnable(dir), tokenizer = loadTokenizer(dir);
    const scorer = makeScorer(task, optional(values, 'data') ?? process.env.ZSAQ_DATA, model, tokenizer, signal);
    const { metric, score, examples, details } = await scorer.score('scoring', model, params, hooks);
    const table = { columns: [{ name: 'task' }, { name: 'metric' }, { name: 'score', digits: 2 }, { name: 'examples' }], rows: [[scorer.task.name, metric, score, examples]] };
    return { text: toText(table), json: { model: dir, task: scorer.task.name, metric, score, examples, details } };
  },
};
