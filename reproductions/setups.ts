// Which models stand for the paper's at each preset, and the generator that goes with each. Those of `smoke` and `mini` have read nothing of their teacher's text; the OPTs of `paper` share the text they were pretrained on.
import type { Preset } from './cells/cell';

/** A teacher, the task it is scored on and what writes for it. `set`: what the pair of models needs. `foreign`: the generator has another vocabulary, so that no text of its can be read as it stands. */
export interface Setup { task: string; model: string; generator: string; set: readonly string[]; foreign?: true }

const GLUE = ['CoLA', 'SST-2', 'MRPC', 'STS-B', 'QQP', 'MNLI', 'QNLI', 'RTE'] as const;
const plain = (task: string): string => task.toLowerCase().replace('-', '');

/** OPT speaks with another vocabulary than BERT: its hidden states reach BERT's embeddings through a linear map. */
const FOREIGN = ['adaptation.kind=linear'];

/** The encoders that stand for BERT-base (`base`) or BERT-large. Fine-tuned BERTs of the hub by Matsubara (torchdistill). */
export function encoders(preset: Preset, size: 'base' | 'large' = 'base'): Setup[] {
  if (preset === 'paper') return GLUE.map((task) => ({ task, model: `yoshitomo-matsubara/bert-${size}-uncased-${plain(task)}`, generator: 'facebook/opt-350m', set: FOREIGN, foreign: true }));
  if (size === 'large') return [];
  if (preset === 'smoke') return [{ task: 'pocket-sentiment', model: 'pocket-bert', generator: 'pocket-generator', set: [] }];
  return GLUE.map((task) => ({ task, model: `minilm-${plain(task)}`, generator: 'opt-ptb', set: [] }));
}

/** The language models that stand for OPT-350m or OPT-1.3b. */
export function languageModels(preset: Preset, size: '350m' | '1.3b' = '350m'): Setup[] {
  if (preset === 'paper') return ['wikitext-2', 'ptb', 'wikitext-103'].map((task) => ({ task, model: `facebook/opt-${size}`, generator: size === '350m' ? 'facebook/opt-125m' : 'facebook/opt-350m', set: [] }));
  if (size === '1.3b') return [];
  if (preset === 'smoke') return [{ task: 'pocket-tales', model: 'pocket-opt', generator: 'pocket-generator', set: [] }];
  return [{ task: 'wikitext-2', model: 'opt-wikitext', generator: 'opt-ptb', set: [] }, { task: 'ptb', model: 'opt-ptb', generator: 'opt-wikitext', set: [] }];
}

/** What stands for the paper's models at a preset, for titles. */
export function standIn(preset: Preset, kind: 'encoder' | 'languageModel'): string {
  if (preset === 'paper') return '';
  return `, here ${{ smoke: { encoder: 'pocket-bert', languageModel: 'pocket-opt' }, mini: { encoder: 'MiniLM of 6 layers', languageModel: 'OPT of 11M' } }[preset][kind]}`;
}

/** The tasks of the sweeps: one of single sentences, one of pairs. */
export function sweepSetups(preset: Preset): Setup[] {
  return encoders(preset).filter(({ task }) => preset === 'smoke' || task === 'SST-2' || task === 'QNLI');
}

/** Student steps of a sweep: half of a full run. */
export const SWEEP_STEPS: Readonly<Record<Preset, number>> = { smoke: 10, mini: 300, paper: 5000 };
