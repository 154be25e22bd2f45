import { tf } from '../core/backend';
import { peakBytes } from '../core/memory';
import { clone } from '../core/tree';
import { effective, makeStudent } from './student';
import type { Method } from './method';

/**
 * Round to nearest: the scales of the plan's rule (absmax, or fitted: mse, twn), no training. The floor that every
 * trained method must clear.
 */
export const ptq: Method<Record<string, never>> = {
  id: 'ptq', title: 'round to nearest', needs: 'nothing', defaults: {},
  async run(job) {
    const began = Date.now(), student = makeStudent(job.teacher.model, job.teacher.params, job.plan);
    const params = { ...clone(student.frozen), ...effective(student, student.initial) };
    const affines = Object.fromEntries(Object.entries(student.fitted).map(([n, { scale, zero }]) => [n, { scale: tf.clone(scale), zero: tf.clone(zero) }]));
    student.dispose();
    const seconds = (Date.now() - began) / 1000;
    return { params, affines, plan: job.plan, history: [], cost: { seconds, peakBytes: peakBytes(), steps: 0, phases: { fit: seconds } }, status: 'ok' };
  },
};
