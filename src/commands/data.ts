import { checkData, formatReport, POCKET_TASKS } from '../../datasets';
import { HUB_SETS, hubFiles } from '../../datasets/hub';
import { DATA_FILES, SAME_TEXT } from '../../datasets/registry';
import { toText } from '../report/table';
import { optional, required, type Command, type Outcome, type Values } from './command';
import { getData } from './dataGet';

export const dataCommand: Command = {
  name: 'data',
  summary: 'which data sets there are, whether yours are whole, and getting them from the hub',
  help: `zsaq data list [--json]
zsaq data check [--data DIR] [--json]
zsaq data get SET [--out DIR] [--dataset ORG/NAME] [--revision REV] [--json]

  list            every known file: task, rows, what it is a sample of, licence
  check           bytes, rows and hash of each file; exit code 1 if one is changed, or missing of those that ship with the project
  get SET         fetches a set from the Hugging Face hub, writes it in the layout that zsaq reads, and checks it
                  SET: ${HUB_SETS.slice(0, 9).join(', ')},
                  ${HUB_SETS.slice(9).join(', ')}
  --data DIR      folder of the real data sets (ZSAQ_DATA)
  --out DIR       folder that get writes into (ZSAQ_DATA, or data)
  --dataset NAME  another data set on the hub with the same Parquet files
  --revision REV  branch, tag or commit on the hub
  --json          last line of standard output: one JSON object

The hub's own variables are honoured: HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE.
What an interrupted get has fetched is kept; the same command goes on from there.

Example:
  zsaq data get RTE --out data && zsaq eval --model DIR --task RTE --data data`,
  options: { data: { type: 'string' }, out: { type: 'string' }, dataset: { type: 'string' }, revision: { type: 'string' } },
  actions: ['list', 'check', 'get'],
  operand: { action: 'get', name: 'SET' },
  run: async (values, signal) => (values.action === 'list' ? list() : values.action === 'check' ? check(values) : get(values, signal)),
};

function list(): Outcome {
  const table = {
    columns: [{ name: 'task' }, { name: 'file' }, { name: 'rows' }, { name: 'sample of' }, { name: 'licence' }],
    rows: DATA_FILES.map((f) => [f.task, f.path, f.rows, f.sampleOf ?? null, f.licence]),
  };
  const bundled = POCKET_TASKS.map((t) => t.name);
  return {
    text: `${toText(table)}\n${SAME_TEXT}\nBundled with the project, no files needed: ${bundled.join(', ')}\n`,
    json: { files: DATA_FILES, bundled, notes: [SAME_TEXT] },
  };
}

async function check(values: Values): Promise<Outcome> {
  const folder = optional(values, 'data') ?? process.env.ZSAQ_DATA;
  return report(required({ data: folder }, 'data', 'give the folder of the data sets, or set ZSAQ_DATA'), DATA_FILES);
}

async function get(values: Values, signal: AbortSignal): Promise<Outcome> {
  const files = hubFiles(required(values, 'operand', 'name the set')), out = optional(values, 'out') ?? process.env.ZSAQ_DATA ?? 'data';
  await getData(files, { out, dataset: optional(values, 'dataset'), revision: optional(values, 'revision'), signal, onNote: (note) => console.error(note) });
  return report(out, files.map(({ file }) => file));
}

async function report(folder: string, wanted: typeof DATA_FILES): Promise<Outcome> {
  const checked = await checkData(folder, wanted);
  const files = checked.files.map(({ file, status, detail, sample }) => ({ path: file.path, task: file.task, split: file.split, status, detail, sampleOf: sample ? file.sampleOf! : null }));
  const notes = wanted.some((f) => f.task.startsWith('wikitext')) ? [SAME_TEXT] : [];
  return {
    text: [formatReport(checked), ...notes, ''].join('\n'),
    json: { folder, ok: checked.ok, files, samples: checked.samples.map((f) => f.path), notes },
    exitCode: checked.ok ? 0 : 1,
  };
}
