// Every table, figure, sweep and open question, by name.
import { ZsaqError } from '../src/index';
import { idOf, unique, type Preset, type QuantizeCell } from './cells/cell';
import { CONDITIONS } from './specs/conditions';
import { EXPLORE } from './specs/explore';
import { OPTIONS_SPEC } from './specs/options';
import { SEARCH } from './specs/search';
import { STUDIES } from './specs/studies';
import { SWEEPS } from './specs/sweeps';
import { TABLES } from './specs/tables';
import type { Spec } from './specs/spec';

export const SPECS: readonly Spec[] = [...TABLES, ...SWEEPS, ...STUDIES, CONDITIONS, OPTIONS_SPEC, EXPLORE, SEARCH];

/** @throws ZsaqError 'usage' with the names that there are */
export function specOf(id: string): Spec {
  const spec = SPECS.find((s) => s.id === id);
  if (!spec) throw new ZsaqError('usage', `there is no table, figure or question "${id}": choose ${SPECS.map((s) => s.id).join(', ')}`);
  return spec;
}

/** All cells of a preset, each once. */
export function allCells(preset: Preset): QuantizeCell[] { return unique(SPECS.flatMap((s) => s.cells(preset))) as QuantizeCell[]; }

/** @throws ZsaqError 'usage' */
export function cellOf(id: string, preset: Preset): QuantizeCell {
  const cell = allCells(preset).find((c) => idOf(c) === id);
  if (!cell) throw new ZsaqError('usage', `there is no cell ${id} at preset ${preset}: \`zsaq reproduce --list\` names what there is`);
  return cell;
}
