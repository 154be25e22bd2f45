// The entry for notebooks that show results which are there already: the analysis's part of `zsaq report`.
import { ZsaqError } from './core/error';
import { ANALYSES } from './commands/reports';
import { RESULTS, type Report } from './commands/reports/report';

/**
 * A report from the committed result files, or from those of another folder.
 *
 * @throws ZsaqError 'usage' for an unknown name, 'missing' where there are no results
 * @example const { text, tables, figures } = await report('convergence');
 */
export async function report(name: string, { results = RESULTS, preset }: { results?: string; preset?: string } = {}): Promise<Report> {
  if (!Object.hasOwn(ANALYSES, name)) throw new ZsaqError('usage', `there is no report "${name}": choose ${Object.keys(ANALYSES).join(', ')}`);
  return ANALYSES[name].make({ results, preset });
}
