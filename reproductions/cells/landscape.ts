// The loss around a student's quantized weights, on the fixed bank.
import { disposeBank, dispose, divergence, filterDirection, inputTensors, landscape, makeObjective, maskOf, prefixed, tf, tidy, type activationHooks, type Network, type Params, type QuantPlan } from '../../src/index';
import type { OpenBank } from '../../src/commands/bankFile';

/** D(P, Q) at Q(w) + b d2 + a d1, d1 and d2 random with the norm of each row of the weights (Li et al. 2018); `loss[row of b][column of a]`. */
export interface StudentLandscape { a: number[]; b: number[]; loss: number[][] }

const POINTS = 11;
/** Share of each row's norm to which the plane reaches: at 2 bits half of it is far outside of any training step. */
const REACH = 0.3;

/** The landscape over one batch of each part of the bank. Only quantized weights move, and the directions are the same for every student. */
export async function studentLandscape({ bank, divergence: config }: OpenBank, { model, params: teacher }: Network, student: Params, plan: QuantPlan, hooks: ReturnType<typeof activationHooks>): Promise<StudentLandscape> {
  const names = Object.keys(plan.weights), w = Object.fromEntries(names.map((n) => [n, student[n]])), batches = Object.values(bank).map(([inputs]) => inputs);
  const answers = batches.map((inputs) => tidy(() => model.forward(teacher, inputs)));
  const held: Record<string, Params[string]> = {};
  batches.forEach((inputs, i) => Object.assign(held, prefixed(`inputs${i}/`, inputTensors(inputs))));
  answers.forEach(({ logits, hidden }, i) => { held[`logits${i}`] = logits; hidden.forEach((h, k) => { held[`hidden${i}/${k}`] = h; }); });
  for (const [name, x] of Object.entries(student)) if (!w[name]) held[`frozen/${name}`] = x;
  const objective = makeObjective((p) => tf.mean(tf.stack(batches.map((inputs, i) => (
    divergence(model.forward({ ...student, ...p }, inputs, hooks), answers[i], maskOf(inputs), config))))), held);
  const directions = [filterDirection(w, 0), filterDirection(w, 0, 'second')] as const;
  try {
    const { a, b, loss } = await landscape(objective, w, directions, { reach: REACH, points: POINTS });
    return { a, b, loss: loss.map((row) => row.map((x) => Number(x.toPrecision(5)))) };
  } finally {
    objective.dispose();
    dispose(...directions);
    tf.dispose(answers.flatMap(({ logits, hidden }) => [logits, ...hidden]));
    disposeBank(bank);
  }
}
