// Readers of what people type: settings, bits, specs, patterns, whole command lines.
import { cellOf, specOf, SPECS } from '../../../reproductions/registry';
import { matching } from '../../../reproductions/runner/runner';
import { reproduceCommand } from '../../../reproductions/commands/reproduce';
import { reportCommand } from '../../../reproductions/commands/report';
import { parse, wholeNumber } from '../../../src/commands/command';
import { dataCommand } from '../../../src/commands/data';
import { evalCommand } from '../../../src/commands/eval';
import { exportCommand } from '../../../src/commands/export';
import { finetuneCommand } from '../../../src/commands/finetune';
import { pretrainCommand } from '../../../src/commands/pretrain';
import { quantizeCommand } from '../../../src/commands/quantize';
import { verifyCommand } from '../../../src/commands/verify';
import { anyTask } from '../../../datasets';
import { SETTINGS, flatten } from '../../../src/methods/check';
import { applySettings } from '../../../src/methods/settings';
import { checkSpec, parseBits, type QuantSpec } from '../../../src/quant/spec';
import { METHODS, planDefaults, settablePlan } from '../../../src/quantize';
import { zsaq } from '../../commands/helpers';
import { words, wounded } from './inputs';
import type { Reader } from './readers';

const COMMANDS = [quantizeCommand, evalCommand, exportCommand, verifyCommand, finetuneCommand, pretrainCommand, reproduceCommand, reportCommand, dataCommand];
const OPTIONS = [...new Set(COMMANDS.flatMap((command) => Object.keys(command.options).map((name) => `--${name}`))), '--json', '--', '-h', '0', '1', 'W2A8', 'smoke', 'x', 'get', 'check', 'RTE'];
const SETTING_WORDS = flatten(METHODS.samSga.defaults as object).map(([path, value]) => `${path}=${String(value)}`), PLAN_WORDS = flatten(settablePlan(planDefaults(4, 8, true)) as object).map(([path, value]) => `${path}=${String(value)}`);
const CELLS = SPECS.flatMap((spec) => spec.cells('smoke'));

/** Arguments as one input, a word a line. */
const input = (fitting: readonly string[], most: number): Reader['input'] => (random) => Buffer.from(words(random, fitting, most).map((word) => word.replace(/\n/g, ' ')).join('\n'));
const args = (bytes: Buffer): string[] => bytes.toString('utf8').split('\n');

export const ARGUMENT_READERS: readonly Reader[] = [
  { name: 'settings', share: 12, input: input([...SETTING_WORDS, ...Object.keys(SETTINGS)], 3), read: (bytes) => { applySettings(METHODS.samSga.defaults as object, args(bytes)); } },
  { name: 'settings of the plan', share: 6, input: input(PLAN_WORDS, 3), read: (bytes) => { applySettings(settablePlan(planDefaults(4, 8, true)) as object, args(bytes)); } },
  { name: 'bits and quantizers', share: 6, input: (random) => wounded(Buffer.from(random.pick(['W2A8', 'W4A16', '{"bits":4,"grid":"symmetric","granularity":"row","scale":"mse"}', '{"bits":2,"grid":"stretched","granularity":{"group":64},"scale":"absmax"}'])), random), read(bytes) {
    const text = bytes.toString('utf8');
    let spec: unknown;
    try { spec = JSON.parse(text); } catch { parseBits(text); return; }
    if (typeof spec === 'object' && spec !== null) checkSpec(spec as QuantSpec);
  } },
  { name: 'names of specs, cells, tasks', share: 4, input: input(['table1', 'figure2', 'SST-2', 'sst2', 'mnli-mm', 'SST-2_W2A8_samSga_s0_1f0c9d2e'], 1), read(bytes) {
    const [name] = args(bytes);
    for (const look of [() => specOf(name), () => cellOf(name, 'smoke'), () => anyTask(name)]) ignore(look);
  } },
  { name: 'patterns', share: 4, input: input(['SST-2 W2A8', '*', 'a*b*c', 'sam*seed 0', '(', '[a-', '\\'], 2), read: (bytes) => { matching(CELLS, args(bytes).join('*')); } },
  { name: 'command lines, parsed', share: 14, input: (random, run) => Buffer.from([String(run % COMMANDS.length), ...words(random, OPTIONS, 8).map((word) => word.replace(/\n/g, ' '))].join('\n')), read(bytes) {
    const [which, ...rest] = args(bytes), values = parse(COMMANDS[Number(which) % COMMANDS.length] ?? COMMANDS[0], rest);
    wholeNumber(values, 'seed', 0);
  } },
  // `report` draws all committed results, which are the same for every input and grow, with 10,000 resamples of every test set in a byte an example
  { name: 'command lines, run', share: 2, seconds: 30 /* report draws all results, 11 s of one core at 542 cells */, beside: 96 * 2 ** 20, input: (random, run) => Buffer.from([['verify'], ['report'], ['reproduce', '--list'], ['data', 'check', '--data'], ['frobnicate']][run % 5].concat(words(random, ['x', '--json', 'table1', '--preset', 'smoke', '--only', 'SST-2', '--results', 'nowhere', '--format', 'md', 'RTE'], 4).map((word) => word.replace(/\n/g, ' '))).join('\n')), async read(bytes) {
    const { code, stderr } = await zsaq(...args(bytes));
    if (code !== 0 && !/^zsaq: .+$/m.test(stderr) && !/missing|changed|unknown/.test(stderr)) throw new Error(`exit ${code} without a sentence: ${stderr.slice(0, 300)}`);
  } },
];

/** A refusal of one reader must not hide the next one from the input. */
function ignore(action: () => unknown): void {
  try { action(); } catch (error) { if ((error as Error).name !== 'ZsaqError') throw error; }
}
