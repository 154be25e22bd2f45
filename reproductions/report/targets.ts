// What this project set out to reach at W2A8 and W4A8, and how far it is: each target with what was measured and a verdict.
import { average } from './bootstrap';
import { bestBaseline, comparable, compare, type Comparison } from './comparison';
import { publishedGain } from './published';
import { summarize } from './summary';
import { gapText, signed } from './words';
import type { MatrixOf } from './matrixView';
import { cellsAt } from '../specs/matrix';
import type { Table } from '../../src/report';

const SHARE = 0.5, WITHIN = 1, LONGER = 'qatRandomLong', WEAKEST = 'qatRandom';

/** One target: what was measured, in words, and by how much it is above the target. */
interface Target { name: string; bits: string; found?: Comparison; measured(c: Comparison): string; above(c: Comparison): number; digits: number; unit?: string; beside?(c: Comparison): string }

/**
 * The targets of a table of encoders. Verdicts are of the averages; their intervals stand beside them. Equal updates: without the baseline that trains longer.
 * A share of a gap is told only where full precision is ahead of the baseline at all.
 */
export function targets(of: MatrixOf): Table {
  const { find, preset, setups, rows } = of, row = (key: string) => rows.find((r) => r.key === key);
  const over = (key: string, bits: string): Comparison | undefined => {
    const theirs = row(key), tasks = comparable(find, preset, setups, rows, bits);
    return theirs && tasks.length ? compare({ find, preset, setups, rows, bits }, tasks, theirs, null) : undefined;
  };
  const best = bestBaseline(find, preset, setups, rows.filter((r) => r.key !== LONGER), 'W2A8', null);
  // a target that the weakest method that trains reaches as well says nothing of SAM-SGA
  const weakest = (c: Comparison): string => {
    const means = setups.filter(({ task }) => c.tasks.includes(task)).map((s) => summarize(find, cellsAt(preset, s, row(WEAKEST)!, c.bits)).mean);
    return means.every((m) => m !== null) ? `; ${row(WEAKEST)!.title} has ${signed(average(means as number[]) - c.theirs)}` : '';
  };
  const published = publishedGain('table1', 'W2A8')!, gain = (least: number) => ({ measured: gapText, above: (c: Comparison) => c.gain - least, digits: 2 });
  const list: Target[] = [
    { name: `at least +${published} over ZeroQuant without LKD (groups of 64)`, bits: 'W2A8', found: over('zeroQuantPlain', 'W2A8'), ...gain(published), beside: weakest },
    { name: `at least +${published} over ZeroQuant (groups of 64, LKD)`, bits: 'W2A8', found: over('zeroQuant', 'W2A8'), ...gain(published) },
    {
      name: `at least half of the gap from the best zero-shot baseline${best ? ` (${best.over})` : ''} to full precision, at equal updates`, bits: 'W2A8', found: best && best.room! > 0 ? best : undefined,
      measured: (c) => `${(100 * c.gain / c.room!).toFixed(0)} % (${gapText(c)} of ${c.room!.toFixed(2)})`, above: (c) => 100 * (c.gain / c.room! - SHARE), digits: 0, unit: ' percentage points',
    },
    { name: `within ${WITHIN} point of QAT on real data`, bits: 'W2A8', found: over('qatReal', 'W2A8'), ...gain(-WITHIN) },
    { name: `within ${WITHIN} point of full precision`, bits: 'W4A8', found: over('full', 'W4A8'), ...gain(-WITHIN) },
  ];
  return {
    title: 'What this project set out to reach', columns: [{ name: 'target' }, { name: 'bits' }, { name: 'SAM-SGA has' }, { name: 'tasks' }, { name: 'verdict' }],
    rows: list.map(({ name, bits, found, measured, above, digits, unit = '', beside }) => (found ? [name, bits, measured(found), found.tasks.join(', '), `${above(found) >= 0 ? 'met' : `missed by ${(-above(found)).toFixed(digits)}${unit}`}${beside?.(found) ?? ''}`] : [name, bits, 'not run', null, null])),
    note: 'targets that this project was given; they came into its history after the first results, which therefore cannot show that they are older; verdicts are of averages over the tasks of the row that have been run, with 95 % intervals of a paired bootstrap; the seeds, and what † marks, are those of the tables below',
  };
}
