import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Stream } from '../../src/core/random';
import { failureIn, thresholds, warningText, type Reading, type Signature } from '../../src/train/monitor';

/** A history of 100 steps; `at` is the share of the run, `noise` a factor around 1. */
function history(seed: number, of: (at: number, noise: () => number) => Partial<Reading>, steps = 100): Reading[] {
  const random = new Stream('history', seed), noise = () => Math.exp(0.4 * random.normal());
  return Array.from({ length: steps }, (_, i) => {
    const reading = { student: 1, generator: null, distinct: null, held: null, ...of(i / steps, noise), step: i + 1 };
    return { ...reading, held: i % 10 === 0 ? reading.held : null, generator: i % 5 === 0 ? reading.generator : null };
  });
}

/** Step and signature of the first warning. */
function first(readings: Reading[]): [Signature, number] | null {
  for (let n = 1; n <= readings.length; n++) {
    const warning = failureIn(readings.slice(0, n));
    if (warning) return [warning.signature, n];
  }
  return null;
}

describe('train/monitor', () => {
  const healthy = (at: number, noise: () => number) => ({ student: 0.2 * Math.exp(-2 * at) * noise(), generator: 0.25 * Math.exp(-at) * noise(), distinct: 0.4 + 0.03 * (noise() - 1), held: 0.2 * Math.exp(-2 * at) * (0.9 + 0.2 * at) });

  it('says nothing of a run that converges with noisy batches', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 10_000 }), (seed) => assert.equal(first(history(seed, healthy)), null)), { numRuns: 60 });
  });

  it('sees collapse where few different tokens are left and the generator gains nothing, not where it gains', () => {
    const collapsing = (gain: number) => history(1, (at, noise) => ({ ...healthy(at, noise), distinct: at < 0.3 ? 0.4 : 0.05, generator: at < 0.3 ? 0.2 : 0.2 * gain }));
    const [signature, step] = first(collapsing(0.9))!;
    assert.ok(signature === 'collapse' && step > 30 && step <= 31 + thresholds.window);
    assert.equal(first(collapsing(5)), null);
  });

  it('sees overfitting where held-out batches get worse and training ones do not, instability where both do', () => {
    const worse = (train: number) => history(2, (at, noise) => ({ student: 0.2 * (at < 0.3 ? 1 - at : train) * noise(), held: at < 0.3 ? 0.2 - 0.3 * at : 0.8 }));
    assert.deepEqual(first(worse(0.3)), ['overfitting', 41], 'at the second reading of twice the first one');
    assert.equal(first(worse(4))![0], 'instability');
  });

  it('sees slow overfitting that stays below the start', () => {
    const found = first(history(3, (at, noise) => ({ student: 0.2 * Math.exp(-4 * at) * noise(), held: at < 0.4 ? 0.2 * Math.exp(-6 * at) : 0.05 })));
    assert.equal(found, null, 'too little above the lowest');
    assert.equal(first(history(3, (at, noise) => ({ student: 0.2 * Math.exp(-4 * at) * noise(), held: at < 0.4 ? 0.2 * Math.exp(-6 * at) : 0.16 })))![0], 'overfitting');
  });

  it('sees losses that leap about', () => {
    assert.equal(first(history(4, (at) => ({ student: at < 0.3 ? 0.2 : Math.round(100 * at) % 2 ? 0.001 : 3 })))![0], 'instability');
  });

  it('a warning names the signature, the numbers and what to try', () => {
    const readings = history(1, (at, noise) => ({ ...healthy(at, noise), distinct: at < 0.3 ? 0.4 : 0.05, generator: 0.2 }));
    assert.match(warningText(failureIn(readings)!), /^collapse at step 100: different tokens fell from 40% to 5% of a batch, while .* 0\.2 to 0\.2; try a smaller --set generator\.rate=/);
  });

  it('sees a run that blows up in its first steps', () => {
    const blown: Reading[] = Array.from({ length: 20 }, (_, i) => ({ step: i + 1, student: i ? 1 : 0.1, generator: null, distinct: null, held: i % 5 === 0 ? (i ? 1 : 0.1) : null }));
    assert.equal(failureIn(blown)?.signature, 'instability');
  });
});
