import { join } from 'node:path';
import { readJson } from '../../src/index';

interface Claims { source: string; gains: { table: string; model: string; bits: string; task: string; metric: string; gain: number; over: string }[] }

const claims = (): Claims => readJson(join(__dirname, '..', 'paper', 'claims.json')) as Claims;

/** The gain that the paper states for a table at some bits and task; null where it states none. */
export function publishedGain(table: string, bits: string, task = 'average'): number | null {
  return claims().gains.find((g) => g.table === table && g.bits === bits && g.task === task)?.gain ?? null;
}
