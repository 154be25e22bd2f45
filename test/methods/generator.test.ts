import { strict as assert } from 'node:assert';
import { isNative, tf } from '../../src/core/backend';
import { Stream, Streams } from '../../src/core/random';
import { tensorCount } from '../../src/core/memory';
import { dispose } from '../../src/core/tree';
import { GeneratorSource } from '../../src/methods/generator';
import { disposeInputs } from '../../src/methods/source';
import { makeStudent, type Student } from '../../src/methods/student';
import { GRAPH_STEPS, opponentOf } from '../../src/methods/trainer';
import { makePlan } from '../../src/quant/plan';
import { tiny, tinyConfig, tinyPlan, type Tiny } from './tiny';
import { ADAPTATION, gumbelNoise, initAdaptation, type AdaptationKind } from '../../src/methods/adaptation';
import type { Tensor2D } from '@tensorflow/tfjs-node-gpu';

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

  for (const what of ['follows the share of its rate', 'is clipped']) it(`an ascent ${what}`, async () => {
    const opponent = opponentOf(student, t.teacher, student.initial, tinyConfig.divergence);
    const most = async (share: number, clip = 1): Promise<number> => {
      const source = new GeneratorSource(t.job(), t.generator, { ...tinyConfig, generator: { ...tinyConfig.generator, clip } }, new Streams(5));
      const theta = (): number[] => {
        const { held } = source.save(), all = Object.entries(held).filter(([n]) => n.startsWith('theta/')).flatMap(([, x]) => [...x.dataSync()]);
        dispose(held);
        return all;
      };
      const before = theta();
      await source.ascend(0, opponent, share);
      const moved = theta().map((x, i) => Math.abs(x - before[i]));
      source.dispose();
      return Math.max(...moved);
    };
    const whole = await most(1);
    assert.ok(Math.abs(whole / tinyConfig.generator.rate - 1) < 0.01, 'Adam\'s first step is as long as the rate');
    if (what === 'is clipped') assert.ok(await most(1, 1e-12) < 0.01 * whole, 'clipped below Adam\'s epsilon');
    else assert.ok(Math.abs(await most(0.25) / whole - 0.25) < 0.01);
  });

  it('the linear map starts with rows as long as the embeddings', () => tf.tidy(() => {
    const a = initAdaptation({ kind: 'linear', temperature: 1, teacher: { embeddingSize: 64 } as never, table: tf.zeros([1, 64]), norms: [1, 3] }, 48, new Stream('a', 1))[ADAPTATION];
    const h = tf.randomNormal([200, 48], 0, 1, 'float32', 3), length = tf.mean(tf.norm(tf.matMul(h, a as Tensor2D, false, true), 2, 1)).dataSync()[0];
    assert.ok(Math.abs(length / 2 - 1) < 0.1, `${length}`);
  }));

  it('Gumbel noise is finite for every number that can be drawn', () => {
    for (const drawn of [0, 0.5, 1 - 2 ** -53]) {
      const noise = gumbelNoise(1, 2, { next: () => drawn } as Stream);
      assert.ok(noise.dataSync().every(Number.isFinite), `${drawn}`);
      noise.dispose();
    }
  });
});
