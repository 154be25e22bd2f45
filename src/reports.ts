// The entry for notebooks that show results which are there already: the same reports as `zsaq report`.
import { ZsaqError } from './core/error';
import { REPORTS } from './commands/report';
import { RESULTS, type Report } from './commands/reports/report';

/**
 * A report from the committed result files, or from those of another folder.
 *
 * @throws ZsaqError 'usage' for an unknown name, 'missing' where there are no results
 * @example const { text, tables, figures } = await report('convergence');
 */
export async function report(name: string, { results = RESULTS, preset }: { results?: string; preset?: string } = {}): Promise<Report> {
  if (!Object.hasOwn(REPORTS, name)) throw new ZsaqError('usage', `there is no report "${name}": choose ${Object.keys(REPORTS).join(', ')}`);
  return REPORTS[name].make({ results, preset });
}
