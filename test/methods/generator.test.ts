import { strict as assert } from 'node:assert';
import { isNative } from '../../src/core/backend';
import { Streams } from '../../src/core/random';
import { tensorCount } from '../../src/core/memory';
import { dispose } from '../../src/core/tree';
import { GeneratorSource } from '../../src/methods/generator';
import { disposeInputs } from '../../src/methods/source';
import { makeStudent, type Student } from '../../src/methods/student';
import { GRAPH_STEPS, opponentOf } from '../../src/methods/trainer';
import { makePlan } from '../../src/quant/plan';
import { tiny, tinyConfig, tinyPlan, type Tiny } from './tiny';
import type { AdaptationKind } from '../../src/methods/adaptation';

// What is rounded differently must not flip codes here: eight bits, and activations as they are.
const plan = { ...tinyPlan, weights: 8, activations: null, scale: 'absmax' } as const;

describe('methods/generator', () => {
  let t: Tiny, student: Student;
  before(async function () {
    t = await tiny();
    if (!isNative()) this.skip();
    student = makeStudent(t.teacher.model, t.teacher.params, makePlan(t.teacher.model, plan));
  });
  after(() => { student?.dispose(); t.dispose(); });

  async function play(kind: AdaptationKind, steps: number): Promise<{ divergences: number[]; theta: Record<string, number[]>; tokens: number[]; embeds: number[]; left: number }> {
    const config = { ...tinyConfig, steps, adaptation: { ...tinyConfig.adaptation, kind } };
    const before = tensorCount(), source = new GeneratorSource(t.job(), t.generator, config, new Streams(4));
    const divergences: number[] = [];
    for (const step of [0, 1, 2]) divergences.push((await source.ascend(step, opponentOf(student, t.teacher, student.initial, config.divergence), 1))!);
    const { inputs, tokens } = await source.next(), { held } = source.save();
    const embeds = inputs.embeds ? [...inputs.embeds.dataSync()] : [];
    const theta = Object.fromEntries(Object.entries(held).filter(([n]) => n.startsWith('theta/')).map(([n, x]) => [n, [...x.dataSync()]]));
    disposeInputs(inputs);
    dispose(held);
    source.dispose();
    return { divergences, theta, tokens: [...(tokens ?? [])], embeds, left: tensorCount() - before };
  }

  for (const kind of ['straightThrough', 'soft', 'linear'] as const) {
    it(`${kind}: graphs draw the same batch and ascend alike, and leave no tensor`, async () => {
      const [single, graph] = [await play(kind, GRAPH_STEPS - 1), await play(kind, GRAPH_STEPS)];
      const close = (a: number[], b: number[], tolerance: number, what: string) => {
        const size = Math.max(...b.map(Math.abs), 1e-6), off = Math.max(0, ...a.map((x, i) => Math.abs(x - b[i]) / size));
        assert.ok(a.length === b.length && off <= tolerance, `${what}: off by ${off}`);
      };
      close(graph.divergences, single.divergences, 2e-3, 'divergence');
      assert.ok(single.divergences.every((d) => d > 0));
      assert.deepEqual(graph.tokens, single.tokens);
      assert.equal(single.tokens.length > 0, kind === 'straightThrough');
      close(graph.embeds, single.embeds, 5e-2, 'embeddings');
      assert.deepEqual([single.left, graph.left], [0, 0]);
    });
  }
});
