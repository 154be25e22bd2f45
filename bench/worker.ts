// Our side of the benchmark: the same requests as bench/pytorch/worker.py.
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { adamInit, backendName, dispose, loadModel, makePlan, ready, tf, valueAndGrad, type Inputs } from '../src/index';
import { compiled } from '../src/core/graph';
import { peakBytes, tidy } from '../src/core/memory';
import { norm, prefixed, part } from '../src/core/tree';
import { openSafetensors } from '../src/io/safetensors';
import { samSga } from '../src/methods/samSga';
import { makeStudent } from '../src/methods/student';
import { makeTrainer } from '../src/methods/trainer';
import { PLAN, SETTINGS } from './shapes';
import type { Request } from './protocol';
import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

type Run = () => number[];

async function prepare(request: Request): Promise<Run> {
  const { model, params } = await loadModel(request.folder), file = openSafetensors(join(request.folder, 'case.safetensors'));
  const stored = file.read('ids');
  file.close();
  const ids = tf.tensor2d(Int32Array.from(stored.data as Float32Array), stored.shape as [number, number], 'int32') as Tensor2D, inputs: Inputs = { ids };
  if (request.case === 'forward') {
    const run = compiled((x) => tidy(() => ({ size: tf.mean(tf.square(model.forward(params, x as Inputs).logits)) })), params);
    return () => read(run({ ids }));
  }
  if (request.case === 'backward') {
    const run = compiled((x) => tidy(() => {
      const { value, grads } = valueAndGrad((p) => tf.mean(tf.square(model.forward(p, { ids: x.ids as Tensor2D }).logits)) as Scalar, part(x, 'w/'));
      return { value, norm: norm(grads), ...prefixed('g/', grads) };
    }));
    return () => {
      const { value, norm: size, ...grads } = run({ ids, ...prefixed('w/', params) });
      dispose(grads);
      return read({ value, size });
    };
  }
  const student = makeStudent(model, params, makePlan(model, PLAN));
  const config = { ...samSga.defaults, ...SETTINGS, schedule: { kind: 'constant', warmup: 0, floor: 1 } as const, steps: 1000 };
  const trainer = makeTrainer(student, { model, params }, config, { divergence: config.divergence, clip: config.clip, radius: request.case === 'step' ? { beta: SETTINGS.beta, relative: true } : null });
  let trained = student.initial, adam = adamInit(trained);
  return () => {
    const { grads, report, teacherLogits } = trainer.gradients(trained, inputs), [size, loss, perturbed = loss] = report.dataSync();
    const next = trainer.update(trained, grads, adam, 1);
    dispose(trained, grads, adam.m, adam.v);
    tf.dispose([report, teacherLogits]);
    ({ trained, adam } = next);
    return [loss, perturbed, size];
  };
}

function read(values: Record<string, Tensor>): number[] {
  const numbers = Object.values(values).map((x) => x.dataSync()[0]);
  dispose(values);
  return numbers;
}

async function main(): Promise<void> {
  await ready();
  const say = (answer: object): void => { process.stdout.write(`${JSON.stringify(answer)}\n`); };
  let run: Run | undefined;
  say({ tensorflow: (tf.backend() as unknown as { binding: { TF_Version: string } }).binding.TF_Version, tfjs: tf.version_core, backend: backendName(), node: process.version });
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as Request;
    if (request.do === 'prepare') {
      run = await prepare(request);
      say({});
      continue;
    }
    const start = performance.now(), values = run!();
    say({ ms: performance.now() - start, values, peakBytes: peakBytes() });
  }
}

void main();
