// A student step: teacher, quantizers, gradient (under SAM a second one at the perturbed weights), clipping, AdamW.
import { adamInit, dispose, loadModel, makePlan, tf } from '../../src/index';
import { samSgaDefaults } from '../../src/methods/config';
import { makeStudent } from '../../src/methods/student';
import { makeTrainer } from '../../src/methods/trainer';
import { PLAN, startOf } from '../shapes';
import { checksum, type Case } from './case';
import { readIds } from './files';
import { precisionOf, type Prepare } from '../protocol';

/** As many steps as make the trainer use what a long run uses. */
const STEPS = 1000;

export async function studentCase({ case: name, folder, mode, rate, scaleRate, clip, beta }: Prepare, steps = STEPS): Promise<Case> {
  const { model, params } = await loadModel(folder), student = makeStudent(model, params, makePlan(model, PLAN), name === 'recomputed' ? 'layers' : 'off'), inputs = { ids: readIds(folder) };
  const config = { ...samSgaDefaults, rate, scaleRate, clip, steps }, radius = name === 'qat' ? null : { beta, relative: true };
  const trainer = makeTrainer(student, { model, params }, config, { divergence: config.divergence, clip, radius, precision: precisionOf(mode) });
  let trained = startOf(student), adam = adamInit(trained);
  const run = async (checked: boolean): Promise<number[]> => {
    const { grads, report, teacherLogits } = trainer.gradients(trained, inputs), [size, loss, perturbed = loss] = await report.data();
    const sum = checked ? await checksum(grads) : 0, next = trainer.update(trained, grads, adam, 1);
    dispose(trained, grads, adam.m, adam.v);
    tf.dispose([report, teacherLogits]);
    ({ trained, adam } = next);
    return [loss, perturbed, size, sum];
  };
  return { run: async () => void await run(false), check: () => run(true) };
}
