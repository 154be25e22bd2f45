// The paper's tables.
import { targets } from '../report/targets';
import { against, eachTable, headline, matrixView, riseNote, sentence } from '../report/matrixView';
import { encoders, languageModels, type Setup } from '../setups';
import { BITS, matrixCells, standsWith, variants, type Variant } from './matrix';
import type { Preset } from '../cells/cell';
import type { Spec, View } from './spec';

const ELSEWHERE = (model: string, id: string) => (preset: Preset): string => `${model} has no stand-in at preset ${preset}: not run; \`zsaq reproduce ${id} --preset paper\` runs it on a machine with a GPU`;

/** Rows that stand in a table of methods; the ablation has its own. */
const compared = (preset: Preset, text = false): Variant[] => variants(preset).filter((v) => v.role !== 'ablation' && (text || !v.text));

/** Rows, where a table has them, that SAM-SGA is compared with one by one. */
const AGAINST = ['full', 'qatReal', 'ptqPlain', 'ptq', 'zeroQuantPlain', 'zeroQuant', 'zeroQuantRows', 'gptq', 'qatRandom', 'qatRandomLong', 'llmQat', 'llmQatGenerator', 'zeroQuantGenerator', 'adversarial', 'neither', 'frozen'];

/** A table of methods against tasks at some widths, and what SAM-SGA gains over the best baseline. */
function methodsTable(spec: Pick<Spec, 'id' | 'title' | 'claim' | 'meaning' | 'absent'>, setupsOf: (preset: Preset) => Setup[], rowsOf: (preset: Preset) => Variant[], bits: readonly string[]): Spec {
  return {
    ...spec, group: 'table',
    cells: (preset) => matrixCells(preset, setupsOf(preset), rowsOf(preset), bits),
    view(find, preset): View {
      const setups = setupsOf(preset), of = { id: spec.id, title: spec.title, find, preset, setups, rows: rowsOf(preset).filter((row) => setups.every((s) => standsWith(row, s))), bits };
      if (!of.setups.length) return { tables: [], figures: [], notes: [spec.absent!(preset)], rows: [] };
      const ablation = of.rows.some((r) => r.role === 'ablation'), view = matrixView(of), marks = against(of, AGAINST.filter((key) => !ablation || key !== 'full'));
      const each = bits.flatMap((width) => { const own = marks.filter((g) => g.bits === width); return own.length ? [eachTable(`SAM-SGA against one method each, ${width}`, own, of.setups)] : []; });
      // an ablation asks what each part is worth, not which baseline is the best
      const first = ablation ? { tables: [], gains: marks, notes: marks.map(sentence) } : headline(of);
      const aims = spec.id === 'table1' ? [targets(of)] : [];
      return { ...view, tables: [...first.tables, ...aims, ...each, ...view.tables], notes: [...first.notes, ...riseNote(of)], gains: first.gains };
    },
  };
}

const KEYS_5 = ['full', 'ptq', 'zeroQuant', 'gptq', 'llmQat', 'qatRandom', 'adversarial', 'samSga'];

export const TABLES: readonly Spec[] = [
  methodsTable({
    id: 'table1', title: 'Table 1: BERT-base on GLUE',
    claim: 'With BERT-base on GLUE SAM-SGA gains 2.32 on average at W4A8 and 6.98 at W2A8; over which baseline is not stated.',
    meaning: 'The claim holds here if the interval of the gain over the best zero-shot baseline lies above 0, at W2A8 and at W4A8; its size is not comparable, because the models are smaller and the baselines may be stronger. Where full precision is hardly ahead of rounding, nothing can be gained and the claim is not tested.',
  }, (preset) => encoders(preset), compared, BITS),
  methodsTable({
    id: 'table2', title: 'Table 2: BERT-large on GLUE',
    claim: 'The summary speaks of consistent improvements on BERT-style models; the numbers of this table are not published where we could read.',
    meaning: 'As Table 1, on a larger encoder.', absent: ELSEWHERE('BERT-large', 'table2'),
  }, (preset) => encoders(preset, 'large'), compared, BITS),
  methodsTable({
    id: 'table3', title: 'Table 3: OPT-350m, language modelling',
    claim: 'The summary speaks of consistent improvements on GPT-style models; the numbers of this table are not published where we could read.',
    meaning: 'It holds here if perplexity at W2A8 is lower than the best zero-shot baseline\'s, the interval on one side of 0. The generator of SAM-SGA and of the adversarial baseline has never seen the teacher\'s text; LLM-QAT, GPTQ and '
      + 'ZeroQuant read what the teacher itself writes, as their papers have it, which is nearer to the text that is scored. The rows with text of the generator read the text that SAM-SGA\'s generator reads as its noise; SAM-SGA\'s student sees samples of what that generator says to it at one go.',
  }, (preset) => languageModels(preset), (preset) => compared(preset, true), ['W2A8', 'W4A8']),
  methodsTable({
    id: 'table5', title: 'Table 5: zero-shot quantizers side by side',
    claim: 'SAM-SGA is the best of the zero-shot quantizers at low bits; numbers are not published where we could read.',
    meaning: 'The claim holds here if the interval of the gain over the best of the others at W2A8 lies above 0. The cells are those of Table 1.',
  }, (preset) => encoders(preset), (preset) => variants(preset).filter((v) => KEYS_5.includes(v.key)), ['W2A8', 'W4A8']),
  methodsTable({
    id: 'table6', title: 'Table 6: OPT-1.3b, language modelling',
    claim: 'With OPT-1.3b SAM-SGA lowers perplexity by 7.84 on PTB and 4.66 on WikiText-2; bits and baseline are not stated.',
    meaning: 'As Table 3, on a larger language model.', absent: ELSEWHERE('OPT-1.3b', 'table6'),
  }, (preset) => languageModels(preset, '1.3b'), (preset) => compared(preset, true), ['W2A8', 'W4A8']),
  methodsTable({
    id: 'ablation', title: 'Ablation: without SGA, without SAM',
    claim: 'A frozen generator (no SGA) is clearly worse, and AdamW in place of SAM is worse; numbers are not published where we could read.',
    meaning: 'Each part earns its place if the interval of SAM-SGA over the row without it lies above 0. "No SAM" is the adversarial baseline.',
  }, (preset) => encoders(preset), (preset) => variants(preset).filter((v) => ['full', 'neither', 'frozen', 'adversarial', 'samSga'].includes(v.key)), ['W2A8']),
];
