import { METHODS } from '../quantize';
import type { Table } from '../report/table';
import type { MethodId } from '../methods/method';
import type { RunMetrics } from './quantizeRun';

/** A method with what tells the run from others: rounding stands or falls with its grid and scales, GPTQ with its inputs. */
export function rowTitle({ method, grid, scale, variant }: Pick<RunMetrics, 'method' | 'grid' | 'scale'> & { variant?: string | null }): string {
  const { title: name } = METHODS[method as MethodId], words = variant ?? (method === 'ptq' ? `${grid}, ${scale}` : null);
  return words ? `${name} (${words})` : name;
}

/** Full precision and one row for each run: score, size, seconds. Where rounding on a run's plan was scored, it stands above the run. */
export function methodTable(title: string, full: Pick<RunMetrics, 'fullPrecision' | 'fullPrecisionBytes' | 'metric'>, runs: readonly RunMetrics[]): Table {
  const megabytes = (bytes: number) => bytes / 2 ** 20;
  return {
    title,
    columns: [{ name: 'method' }, { name: 'bits' }, { name: full.metric ?? 'score', digits: 2 }, { name: 'size', digits: 2, unit: 'MB' }, { name: 'time', digits: 1, unit: 's' }],
    rows: [
      ['full precision', 'W32A32', full.fullPrecision, megabytes(full.fullPrecisionBytes), null],
      ...runs.filter((r) => r.method !== 'full').flatMap((r) => [
        ...(r.rounded === null || r.rounded === undefined ? [] : [[rowTitle({ ...r, method: 'ptq', variant: null }), r.bits, r.rounded, megabytes(r.sizeBytes), null]]),
        [rowTitle(r), r.bits, r.status === 'ok' ? r.quantized : `${r.quantized?.toFixed(2) ?? 'no value'} (${r.status})`, megabytes(r.sizeBytes), r.seconds],
      ]),
    ],
  };
}
