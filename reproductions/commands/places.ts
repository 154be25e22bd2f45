import { join, resolve } from 'node:path';
import { ZsaqError } from '../../src/index';
import { optional, type Values } from '../../src/commands/command';
import { RESULTS } from '../../src/commands/reports/report';
import { PRESETS, type Preset } from '../cells/cell';

const root = join(__dirname, '..', '..');

/** Preset, folder of the cells' result files and working folder of a command. Results of `smoke` are nothing to keep. */
export function placesOf(values: Values, fallback: Preset): { preset: Preset; results: string; work: string; dataDir: string | undefined } {
  const preset = (optional(values, 'preset') ?? fallback) as Preset;
  if (!PRESETS.includes(preset)) throw new ZsaqError('usage', `preset "${preset}": choose ${PRESETS.join(', ')}`);
  const work = resolve(optional(values, 'work') ?? join(root, 'runs', 'reproductions'));
  const results = join(resolve(optional(values, 'results') ?? (preset === 'smoke' ? join(work, 'results') : RESULTS)), 'cells');
  return { preset, results, work, dataDir: optional(values, 'data') ?? process.env.ZSAQ_DATA };
}
