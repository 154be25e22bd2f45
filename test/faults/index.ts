// `npm run test:faults`: kills, faults and inputs, with what they cost; see SECURITY.md.
import { parseArgs } from 'node:util';
import { injectAll } from './faults/faults';
import { fuzzAll } from './fuzz/fuzz';
import { killAll } from './kills/kills';
import { closingLine, Tally } from './tally';

const HELP = `npm run test:faults [-- --short] [--only kills|faults|fuzz] [--seed N] [--kills N] [--job NAME] [--inputs N] [--json]

  --short      the form of the ordinary tests: without TensorFlow, some seconds
  --only PART  kills, faults or fuzz
  --seed N     seed of every kill and input (0)
  --kills N    (300)
  --job NAME   kill this job only: run folder, model folder, download, set-up, quantize, finetune, pretrain, export, reproduce
  --inputs N   (100000)
  --json       last line of standard output: one JSON object`;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { short: { type: 'boolean' }, only: { type: 'string' }, seed: { type: 'string' }, kills: { type: 'string' }, job: { type: 'string' }, inputs: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } } });
  if (values.help) { console.log(HELP); return 0; }
  const number = (text: string | undefined, otherwise: number): number => (text === undefined ? otherwise : Number(text)), seed = number(values.seed, 0), short = values.short === true;
  const tally = new Tally((text) => process.stderr.write(`${text}\n`)), does = (part: string): boolean => values.only === undefined || values.only === part;
  if (does('kills')) await killAll(tally, { seed, kills: number(values.kills, short ? 12 : 300), heavy: !short, only: values.job });
  if (does('faults')) await injectAll(tally, { heavy: !short });
  if (does('fuzz')) await fuzzAll(tally, { seed, inputs: number(values.inputs, short ? 3000 : 100_000), keep: !short });
  const closing = tally.closing();
  for (const what of [...tally.lost, ...tally.failures]) console.error(`  ${what}`);
  (values.json ? process.stderr : process.stdout).write(`${closingLine(closing)}\n`);
  if (values.json) console.log(JSON.stringify(closing));
  return closing.lost || closing.failures ? 1 : 0;
}

main().then((code) => { process.exitCode = code; });
