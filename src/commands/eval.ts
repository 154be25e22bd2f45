import { ready } from '../core/backend';
import { loadRunnable } from '../export/packed';
import { toText } from '../report/table';
import { loadTokenizer } from '../text/tokenizer';
import { anyTask, companionsOf } from '../../datasets';
import { optional, required, wholeNumber, type Command, type Values } from './command';
import { modelFolder } from './modelFolder';
import { makeScorer, type Score, type Scorer } from './score';

export const evalCommand: Command = {
  name: 'eval',
  summary: 'score a model, quantized or not, on a task',
  help: `zsaq eval --model DIR --task NAME [options]

  --model DIR   Hugging Face folder, a name on the hub (org/name) or that of a model in ZSAQ_MODELS, or the model/ folder of a run
  --task NAME   SST-2, MNLI (matched and mismatched), wikitext-2, ptb, pocket-sentiment, pocket-tales, ...
  --data DIR    folder of the real data sets (ZSAQ_DATA)
  --context N   running text: predictions in a window (128, or what the model takes)
  --stride N    running text: predictions from one window to the next (the context)
  --json        last line of standard output: one JSON object

Example:
  zsaq eval --model datasets/pocket/models/pocket-bert --task pocket-sentiment`,
  options: { model: { type: 'string' }, task: { type: 'string' }, data: { type: 'string' }, context: { type: 'string' }, stride: { type: 'string' } },
  async run(values, signal) {
    const name = required(values, 'model', 'give a model folder'), asked = anyTask(required(values, 'task', 'name the task')).name;
    const windows = { context: given(values, 'context'), stride: given(values, 'stride') };
    await ready();
    const dir = await modelFolder(name, signal);
    const { model, params, hooks } = await loadRunnable(dir), tokenizer = loadTokenizer(dir);
    const tasks = [asked, ...(asked.startsWith('pocket-') ? [] : companionsOf(asked))];
    const scorers = tasks.map((task) => makeScorer(task, optional(values, 'data') ?? process.env.ZSAQ_DATA, model, tokenizer, signal, windows));
    const scores: Score[] = [];
    for (const scorer of scorers) scores.push(await scorer.score(`scoring ${scorer.task.name}`, model, params, hooks));
    const { protocol, notes } = scorers[0], [{ task, metric, score, examples, details }, ...companions] = scores;
    return {
      text: [toText(tableOf(scores)), ...protocolLines(scorers[0]), ...notes.map((note) => `${note}\n`)].join(''),
      json: { model: dir, task, metric, score, examples, details, ...(protocol && { protocol }), ...(companions.length && { companions }), notes },
    };
  },
};

function given(values: Values, name: string): number | undefined {
  return optional(values, name) === undefined ? undefined : wholeNumber(values, name, 0);
}

function tableOf(scores: readonly Score[]) {
  const rows = scores.flatMap(({ task, metric, score, examples, details }) => [
    [task, metric, score, examples],
    ...(details?.wordPerplexity === undefined ? [] : [[task, 'perplexity of a word', details.wordPerplexity, details.words!]]),
  ]);
  return { columns: [{ name: 'task' }, { name: 'metric' }, { name: 'score', digits: 2 }, { name: 'examples' }], rows };
}

function protocolLines({ protocol }: Scorer): string[] {
  if (!protocol) return [];
  const { context, stride, tokenization, words } = protocol;
  return [
    `Windows of ${context} predictions every ${stride}, nothing carried over; ${tokenization}.\n`,
    ...(words ? [`Perplexity of a word: exp(total negative log likelihood / number of words), ${words}.\n`] : []),
  ];
}
