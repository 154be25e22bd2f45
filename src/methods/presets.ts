import { ZsaqError } from '../core/error';
import type { Form } from './layout';

export const PRESETS = ['smoke', 'mini', 'paper'] as const;
/** A preset changes size, never the algorithm. */
export type Preset = typeof PRESETS[number];

/** Size of a run: steps, sequences in a batch, tokens in a sequence, and sequences that are collected beforehand where a method does. */
export interface Size { steps: number; batch: number; seq: number; sequences: number }

/**
 * Steps and batch of a preset, and how many sequences a method that writes or collects its inputs beforehand has. `smoke`: seconds, for tests. `mini`: 512 tokens a step on two cores. `paper`: for a GPU;
 * the paper's own sizes are not published, so these are ours.
 *
 * @throws ZsaqError 'usage' for a preset that is none
 */
export function presetSize(preset: string, weightBits: number, form: Form, maxLength: number): Size {
  const hard = weightBits < 4;
  const sizes: Record<Preset, Size> = {
    smoke: { steps: 20, batch: 8, seq: form === 'pair' ? 24 : 16, sequences: 64 },
    mini: { steps: hard ? 600 : 150, batch: form === 'pair' ? 8 : 16, seq: form === 'pair' ? 64 : 32, sequences: 1024 },
    paper: { steps: hard ? 10_000 : 2_500, batch: 32, seq: 128, sequences: 4096 },
  };
  if (!Object.hasOwn(sizes, preset)) throw new ZsaqError('usage', `preset "${preset}": choose ${PRESETS.join(', ')}`);
  const size = sizes[preset as Preset];
  return { ...size, seq: Math.min(size.seq, maxLength) };
}
