// Our side of the benchmark: the same requests as bench/pytorch/worker.py.
import { createInterface } from 'node:readline';
import { backendName, ready, tf } from '../src/index';
import { deviceName } from '../src/core/backend';
import { evaluationCase } from './cases/evaluation';
import { generatorCase } from './cases/generator';
import { loadingCase } from './cases/loading';
import { networkCase } from './cases/network';
import { quantizerCase } from './cases/quantizer';
import { studentCase } from './cases/student';
import { tokensCase } from './cases/tokens';
import { peakSinceReset, residentBytes, resetPeak } from './machine';
import type { Case } from './cases/case';
import type { CaseName, Prepare, Request } from './protocol';

const MAKERS: Readonly<Record<CaseName, (request: Prepare) => Case | Promise<Case>>> = {
  forward: networkCase, backward: networkCase, step: studentCase, recomputed: studentCase, qat: studentCase, draw: generatorCase, ascent: generatorCase,
  quantizeWeight: quantizerCase, quantizeActivation: quantizerCase, evaluation: evaluationCase, load: loadingCase, tokens: tokensCase,
};

async function turn(work: Case, times: number): Promise<object> {
  const ms: number[] = [];
  for (let i = 0; i < times; i++) {
    const start = performance.now();
    await work.run();
    ms.push(performance.now() - start);
  }
  return { ms, peakBytes: peakSinceReset(), extras: work.extras?.() };
}

async function main(): Promise<void> {
  console.log = console.error; // what libraries print is no answer
  await ready();
  const say = (answer: object): void => { process.stdout.write(`${JSON.stringify(answer)}\n`); };
  const tensorflow = (tf.backend() as unknown as { binding?: { TF_Version?: string } }).binding?.TF_Version ?? 'none';
  say({ versions: { tensorflow, tfjs: tf.version_core, backend: backendName(), device: deviceName(), node: process.version }, residentBytes: residentBytes() });
  let work: Case | undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as Request;
    if (request.do === 'prepare') { work = await MAKERS[request.case](request); say({}); }
    else if (request.do === 'check') say({ values: await work!.check() });
    else if (request.do === 'reset') { resetPeak(); say({}); }
    else say(await turn(work!, request.times));
  }
}

void main();
