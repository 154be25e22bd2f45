import { reproduceCommand } from '../reproductions/commands/reproduce';
import { reportCommand } from '../reproductions/commands/report';
import { convergenceCommand } from './commands/convergence';
import { costCommand } from './commands/cost';
import { dataCommand } from './commands/data';
import { diversityCommand } from './commands/diversity';
import { doctorCommand } from './commands/doctor';
import { evalCommand } from './commands/eval';
import { exportCommand } from './commands/export';
import { failuresCommand } from './commands/failures';
import { finetuneCommand } from './commands/finetune';
import { firstExperimentsCommand } from './commands/firstExperiments';
import { flatnessCommand } from './commands/flatness';
import { pretrainCommand } from './commands/pretrain';
import { quantizeCommand } from './commands/quantize';
import { startCommand } from './commands/start';
import { verifyCommand } from './commands/verify';
import { parse, type Command } from './commands/command';
import { ZsaqError } from './core/error';
import { diskError } from './io/disk';

const { version } = require('../package.json') as { version: string };

const COMMANDS: readonly Command[] = [startCommand, quantizeCommand, evalCommand, exportCommand, verifyCommand, finetuneCommand, pretrainCommand, reproduceCommand, firstExperimentsCommand, convergenceCommand, flatnessCommand, diversityCommand, failuresCommand, costCommand, reportCommand, dataCommand, doctorCommand];

const USAGE = `zsaq: zero-shot sharpness-aware quantization of language models (arXiv 2310.13315)

${COMMANDS.map((c) => `  zsaq ${c.name.padEnd(18)} ${c.summary}`).join('\n')}

  zsaq COMMAND --help explains a command; zsaq --version names the version.

Exit code: 0 done; 1 refused or failed, with one sentence; 2 a command that cannot be meant so; 3 a run that diverged, or
was ended by --on-failure, as its results say; 130 stopped, and the same command goes on.
`;

/**
 * The command line. A user's mistake is one sentence on standard error and a non-zero exit (see `USAGE`);
 * with `--json` the last line of standard output is one JSON object and everything for people goes to standard error.
 *
 * @returns the exit code
 */
export async function main(args: string[]): Promise<number> {
  const [name, ...rest] = args[0] === 'help' && args.length > 1 ? [...args.slice(1), '--help'] : args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  if (name === '--version') {
    process.stdout.write(`${version}\n`);
    return 0;
  }
  try {
    const command = COMMANDS.find((c) => c.name === name);
    if (!command) throw new ZsaqError('usage', `there is no command "${name}": choose ${COMMANDS.map((c) => c.name).join(', ')}`);
    const values = parse(command, rest);
    if (values.help) {
      process.stdout.write(`${command.help}\n`);
      return 0;
    }
    const { text, json, exitCode = 0 } = await command.run(values, stopOnInterrupt());
    (values.json ? process.stderr : process.stdout).write(text);
    if (values.json) process.stdout.write(`${JSON.stringify(json)}\n`);
    return exitCode;
  } catch (e) {
    const known = e instanceof ZsaqError ? e : diskError(e, 'use', (e as NodeJS.ErrnoException | null)?.path ?? 'a file or folder');
    if (!(known instanceof ZsaqError)) throw e;
    process.stderr.write(`zsaq: ${known.message}\n`);
    return known.code === 'usage' ? 2 : known.code === 'cancelled' ? 130 : 1;
  }
}

/** The first Ctrl-C asks the run to save and end, the second one ends the process. */
function stopOnInterrupt(): AbortSignal {
  const stop = new AbortController();
  const onInterrupt = () => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
    process.stderr.write('\nstopping after this step; press Ctrl-C again to end at once\n');
  };
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onInterrupt);
  return stop.signal;
}
