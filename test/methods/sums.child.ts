// A run, long enough to be compiled, with everything on that adds up, for test/methods/sums.test.ts, which looks at what TensorFlow made of its graphs.
import { checkConfig } from '../../src/methods/check';
import { samSga } from '../../src/methods/samSga';
import { tiny, tinyConfig } from './tiny';

async function main(): Promise<void> {
  const t = await tiny();
  const generator = { ...tinyConfig.generator, noise: 'gaussian', entropy: 0.1, diversity: 0.1, manifold: 0.1, divergence: 'js' } as const;
  await samSga.run(t.job(), checkConfig({ ...tinyConfig, steps: 45, look: { every: 3, reuse: 0.7 }, generator, adaptation: { ...tinyConfig.adaptation, kind: 'soft' } }));
}

void main();
