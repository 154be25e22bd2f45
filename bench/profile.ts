// Where the time of a student step goes, by operation of TensorFlow. A graph is one call, so that it is the eager step that is looked at.
import { mkdirSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { isNative, ready, writeWhole, ZsaqError } from '../src/index';
import { provenance } from '../src/commands/provenance';
import { canonicalJson } from '../src/io/file';
import { toSvg } from '../src/report';
import { toText } from '../src/report/table';
import { studentCase } from './cases/student';
import { timeBackend } from './clock';
import { profileFigure } from './figures';
import { SETTINGS, prepareShape, SHAPES } from './shapes';
import type { Prepare } from './protocol';

/** Prints the profile of a shape's step under SAM; writes `profile-SHAPE-cpu.json` and `.svg` to `out` if it is given. */
export async function profile([shape = 'minilm', ...more]: readonly string[], cache: string, out?: string): Promise<void> {
  if (!Object.hasOwn(SHAPES, shape) || more.length) throw new ZsaqError('usage', `benchmark: profile takes one shape of ${Object.keys(SHAPES).join(', ')}`);
  await ready();
  if (!isNative()) throw new ZsaqError('backend', 'benchmark: operations are timed on native TensorFlow only: run `npm run setup`');
  const folder = await prepareShape(shape, cache), request: Prepare = { do: 'prepare', case: 'step', folder, mode: 'eager', threads: cpus().length, ...SETTINGS };
  const work = await studentCase(request, 1);
  await work.check();
  const time = await timeBackend(() => work.run()), share = (ms: number): number => (100 * ms) / time.totalMs;
  console.log(toText({
    title: `A student step under SAM, ${shape}, operation by operation: ${time.totalMs.toFixed(0)} ms, ${share(time.insideMs).toFixed(1)}% of it inside the backend`,
    columns: [{ name: 'operation' }, { name: 'calls' }, { name: 'time', unit: 'ms', digits: 1 }, { name: 'share', unit: '%', digits: 1 }],
    rows: time.operations.slice(0, 20).map((o) => [o.op, o.calls, o.ms, share(o.ms)]),
  }));
  if (!out) return;
  mkdirSync(out, { recursive: true });
  const result = { shape, ...time, load: loadavg()[0], date: new Date().toISOString(), ...provenance() }, file = join(out, `profile-${shape}-cpu`);
  writeWhole(`${file}.json`, `${canonicalJson(result, 1)}\n`);
  writeWhole(`${file}.svg`, await toSvg(profileFigure(`Where a student step's time goes (${shape}, eager)`, time.operations, time.totalMs - time.insideMs), { height: 480 }));
  console.log(`wrote ${file}.json and .svg`);
}
