import { join } from 'node:path';
import { filterDirection, landscape, type Landscape } from '../analysis/landscape';
import { makeObjective } from '../analysis/objective';
import { hessianTrace, samSharpness, topEigenvalue, type Sharpness } from '../analysis/sharpness';
import { ready } from '../core/backend';
import { dispose } from '../core/tree';
import { divergenceAround } from '../methods/around';
import { optional, type Command } from './command';
import { flatness } from './reports/flatness';
import { reportText, RESULTS } from './reports/report';
import { brief, study, type Finished, type StudyRun, type StudyScore } from './study';

/** How flat the divergence on real text is around a run's weights. */
export interface Flatness { beta: number; rate: number; sharpness: Sharpness[]; eigenvalue: number; trace: number; traceError: number; line: Landscape; plane: Landscape | null }

/** Shares of ||Q(w)||. */
const BETAS = [0.0005, 0.002, 0.01];

/** With and without SAM from the same start. */
const PLAN: readonly (StudyRun & { beta: number; rate: number })[] = [0, 1].flatMap((seed) => [1e-4, 5e-4].flatMap((rate) => [0, 2e-4, 2e-3, 1e-2].map((beta) => ({
  id: `beta=${beta} rate=${rate} seed=${seed}`, method: 'samSga' as const, seed, beta, rate, set: ['steps=80', `rate=${rate}`, ...(beta ? [`beta=${beta}`] : ['sam=off'])],
}))));
/** The runs whose plane is drawn: with and without SAM. */
const PLANES = ['beta=0 rate=0.0005 seed=0', 'beta=0.002 rate=0.0005 seed=0'];

export const flatnessCommand: Command = {
  name: 'flatness',
  summary: 'does SAM flatten, and do flatter students generalize: sharpness, curvature and landscapes of many runs',
  help: `zsaq flatness [--results DIR] [--json]

  --results DIR   folder of the result files (reproductions/results of this project)
  --json          last line of standard output: one JSON object

${PLAN.length} runs of SAM-SGA on the bundled BERT at W2A8, without SAM and with three radii. Of each: the rise of the divergence in balls
around Q(w), the top eigenvalue and the trace of its Hessian, a filter-normalized landscape; accuracy and divergence on text. About twenty
minutes in all; the same command again continues, \`zsaq report flatness\` draws.`,
  options: { results: { type: 'string' } },
  async run(values, signal) {
    const results = optional(values, 'results') ?? RESULTS;
    await ready();
    await study<Flatness>('flatness', join(results, 'flatness', 'pocket-bert.json'), PLAN.map(({ beta: _, rate: __, ...run }) => run), signal, { measure: (run, finished) => measured(PLAN.find(({ id }) => id === run.id)!, finished) });
    const drawn = await flatness.make({ results });
    return { text: reportText(drawn), json: drawn.json };
  },
};

export type FlatnessRun = StudyScore & Flatness;

/** Over one batch of text. */
async function measured({ id, beta, rate }: typeof PLAN[number], { result, teacher, text: [inputs], divergence: config }: Finished): Promise<Flatness> {
  const around = divergenceAround(result, teacher, inputs, config), { w } = around, objective = makeObjective(around.loss, around.held);
  const [first, second] = ['first', 'second'].map((name) => filterDirection(w, 0, name));
  try {
    const sharpness = await samSharpness(objective, w, BETAS), top = await topEigenvalue(objective, w, { iterations: 30, tolerance: 0.01 }), { trace, error } = await hessianTrace(objective, w, { samples: 12 });
    dispose(top.vector);
    const line = await landscape(objective, w, [first], { reach: 0.5, points: 21 }), plane = PLANES.includes(id) ? await landscape(objective, w, [first, second], { reach: 0.5, points: 11 }) : null;
    return brief({ beta, rate, sharpness, eigenvalue: top.value, trace, traceError: error, line, plane });
  } finally {
    objective.dispose(), around.dispose();
    dispose(first, second);
  }
}
