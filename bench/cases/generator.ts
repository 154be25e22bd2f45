// The generator's half: drawing a batch, and one ascent on the divergence of the student as it stands.
import { join } from 'node:path';
import { dispose, loadModel, makePlan, part, Streams } from '../../src/index';
import { norm } from '../../src/core/tree';
import { GeneratorSource } from '../../src/methods/generator';
import { disposeInputs } from '../../src/methods/source';
import { makeStudent } from '../../src/methods/student';
import { opponentOf } from '../../src/methods/trainer';
import { gameConfig, gameOf, SEED } from '../draws';
import { PLAN, startOf } from '../shapes';
import { checksum, type Case } from './case';
import { readIds } from './files';
import type { Job } from '../../src/methods/method';
import { precisionOf, type Prepare } from '../protocol';

/** As many steps as make the generator use what a long run uses. */
const STEPS = 1000;

export async function generatorCase({ case: name, folder, mode, generatorRate, candidates }: Prepare): Promise<Case> {
  const teacher = await loadModel(folder), generator = await loadModel(join(folder, 'generator')), { model, params } = teacher;
  const [batch, seq] = readIds(folder).shape, base = gameConfig(batch, seq);
  const config = { ...base, steps: STEPS, precision: precisionOf(mode), generator: { ...base.generator, rate: generatorRate, every: 1 }, adaptation: { ...base.adaptation, candidates } };
  const plan = makePlan(model, PLAN), job: Job = { teacher, generator, plan, seed: SEED, ...gameOf(model), data: () => { throw new Error('no data'); } };
  const source = new GeneratorSource(job, generator, config, new Streams(SEED));
  if (name === 'draw') {
    const run = async (): Promise<number[]> => {
      const { inputs, tokens } = await source.next();
      disposeInputs(inputs);
      return [tokens!.reduce((a, b) => a + b, 0)];
    };
    return { run: async () => void await run(), check: run };
  }
  const student = makeStudent(model, params, plan), trained = startOf(student);
  const run = async (): Promise<number> => (await source.ascend(0, opponentOf(student, teacher, trained, config.divergence), 1))!;
  return {
    run: async () => void await run(),
    async check() {
      const value = await run(), { held } = source.save(), m = part(held, 'm/'); // after one update the first moment is a tenth of the gradient
      const size = norm(m), numbers = [value, (await size.data())[0], await checksum(m)];
      size.dispose();
      dispose(held);
      return numbers;
    },
  };
}
