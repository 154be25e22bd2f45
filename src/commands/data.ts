import { checkData, formatReport, POCKET_TASKS } from '../../datasets';
import { DATA_FILES } from '../../datasets/registry';
import { toText } from '../report/table';
import { optional, required, type Command, type Outcome, type Values } from './command';

const SAME_TEXT = 'The validation and test text of WikiText-103 is that of WikiText-2, with fewer words replaced by <unk>: a score on both is no second confirmation.';

export const dataCommand: Command = {
  name: 'data',
  summary: 'which data sets there are, and whether yours are whole',
  help: `zsaq data list [--json]
zsaq data check [--data DIR] [--json]

  list         every known file: task, rows, what it is a sample of, licence
  check        bytes, rows and hash of each file; exit code 1 if one is missing or changed
  --data DIR   folder of the real data sets (ZSAQ_DATA)
  --json       last line of standard output: one JSON object

Example:
  zsaq data check --data data`,
  options: { data: { type: 'string' } },
  actions: ['list', 'check'],
  run: async (values) => (values.action === 'list' ? list() : check(values)),
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
  const report = await checkData(required({ data: folder }, 'data', 'give the folder of the data sets, or set ZSAQ_DATA'));
  const files = report.files.map(({ file, status, detail }) => ({ path: file.path, task: file.task, split: file.split, status, detail, sampleOf: file.sampleOf ?? null }));
  return {
    text: `${formatReport(report)}\n`,
    json: { folder, ok: report.ok, files, samples: report.samples.map((f) => f.path) },
    exitCode: report.ok ? 0 : 1,
  };
}
