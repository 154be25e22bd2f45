// Where the adversary and SAM pay: the same four students under conditions that leave more to win back than the tables do.
import { cautionNote } from '../report/findings';
import { gapText, sideOf, told } from '../report/words';
import { difference } from '../report/comparison';
import { rowOf, summarize, summaryText } from '../report/summary';
import { sweepSetups, SWEEP_STEPS, type Setup } from '../setups';
import { sweepCell } from './sweeps';
import type { Preset, QuantizeCell } from '../cells/cell';
import type { Gap, Spec, View } from './spec';

/** What is changed of a run of half the steps. */
const conditions = (preset: Preset): readonly [string, string[]][] => [
  ['rows, word embeddings at 8 bits', []], ['a third of the steps', [`steps=${Math.round(SWEEP_STEPS[preset] / 3)}`]],
  ['one scale for a whole matrix', ['plan.granularity="tensor"']], ['word embeddings at 2 bits', ['plan.embeddings=weights']],
];

/** Random tokens, then SAM-SGA without one part, without the other and whole. */
const STUDENTS = [['qatRandom', []], ['samSga', ['sga=off']], ['samSga', ['sam=off']], ['samSga', []]] as const;
/** Which student is compared with which, by their places. */
const COMPARED = [['frozen generator with SAM - random tokens', 1, 0], ['SAM-SGA - frozen generator: the adversary', 3, 1], ['SAM-SGA - no SAM: SAM', 3, 2], ['SAM-SGA - random tokens', 3, 0]] as const;

/** Settings of a condition come last, for they may change the steps. */
function cellsOf(preset: Preset, setup: Setup, set: readonly string[]): QuantizeCell[] {
  return STUDENTS.map(([method, part]) => {
    const cell = sweepCell(preset, setup, method, [...part, ...set.filter((s) => !s.startsWith('steps='))]), steps = set.find((s) => s.startsWith('steps='));
    return steps ? { ...cell, set: cell.set.map((s) => (s.startsWith('steps=') ? steps : s)) } : cell;
  });
}

const beyond = (gap: Gap): string => (sideOf(gap) ? `, ${told(gap)}` : '');

export const CONDITIONS: Spec = {
  id: 'conditions', group: 'question', title: 'Where do the adversary and SAM pay?',
  claim: 'The paper reports gains throughout; where they are larger or smaller is not published where we could read.',
  meaning: 'A part pays under a condition where the interval of what it adds lies above 0. Every row is one run of each student. What a frozen generator has over random tokens is the worth of its text and of SAM, not of the adversary.',
  cells: (preset) => conditions(preset).flatMap(([, set]) => cellsOf(preset, sweepSetups(preset)[0], set)),
  view(find, preset): View {
    const [setup] = sweepSetups(preset), found = conditions(preset).map(([title, set]) => {
      const cells = cellsOf(preset, setup, set);
      return { title, cells, gaps: COMPARED.map(([, a, b]) => difference(find, setup.task, [cells[a]], [cells[b]])) };
    });
    const table = {
      title: `SAM-SGA and its parts on ${setup.task} under other conditions`,
      columns: [{ name: 'condition' }, { name: 'random tokens' }, { name: 'generator frozen' }, { name: 'no SAM' }, { name: 'SAM-SGA' }, ...COMPARED.map(([name]) => ({ name }))],
      rows: found.map(({ title, cells, gaps }) => [title, ...cells.map((cell) => summaryText(summarize(find, [cell]))), ...gaps.map((gap) => (gap ? gapText(gap) : 'not run'))]),
      note: `W2A8, ${SWEEP_STEPS[preset]} steps after the layer-wise start of a full run, seed 0, preset ${preset}; differences with the 95 % interval of a paired bootstrap over examples`,
    };
    const known = found.flatMap(({ gaps }) => gaps.flatMap((gap) => gap ?? []));
    const notes = found.flatMap(({ title, gaps: [frozen, adversary, sam, random] }) => (
      frozen && random && adversary && sam ? [`${title}: SAM-SGA against random tokens ${gapText(random)}, ${told(random)}; of that a frozen generator has ${gapText(frozen)}, the adversary adds ${gapText(adversary)}${beyond(adversary)}; SAM has ${gapText(sam)}${beyond(sam)}.`] : []));
    return { tables: [table], figures: [], notes: [...notes, ...cautionNote(known)], rows: found.flatMap(({ title, cells }) => cells.map((cell, i) => ({ ...rowOf(find, table.columns[i + 1].name, setup.task, [cell]), at: { condition: title } }))) };
  },
};
