import assert from 'node:assert/strict';
import { flatness, memoryFigure, type MemoryPoint } from '../../bench/longRun';

/** A curve that goes up and down by a tenth as the collector takes its turns, and grows by a share over its length. */
const curve = (growth: number, tensors = (_: number) => 100): MemoryPoint[] => Array.from({ length: 500 }, (_, i) => ({ step: 20 * (i + 1), tensors: tensors(i), residentBytes: 7e8 * (1 + (growth * i) / 500 + 0.1 * ((i % 7) / 7)) }));

describe('bench/longRun', () => {
  it('tells a swing from growth, and sees a tensor that is left', () => {
    const steady = flatness(curve(0));
    assert.ok(steady.flat && steady.growth < 0.01 && steady.swing > 0.03, JSON.stringify(steady));
    assert.ok(!flatness(curve(0.2)).flat);
    const leak = flatness(curve(0, (i) => (i > 400 ? 101 : 100)));
    assert.deepEqual([leak.flat, leak.tensors], [false, [100, 101]]);
    assert.ok(flatness(curve(0, (i) => (i < 40 ? 90 : 100))).flat, 'the warm-up does not count');
    assert.throws(() => flatness(curve(0).slice(0, 4)), /4 points say nothing about memory/);
  });

  it('draws the curve', () => {
    const { data } = memoryFigure(curve(0));
    assert.deepEqual([(data[0] as { x: number[] }).x.length, Math.round((data[0] as { y: number[] }).y[0])], [500, Math.round(7e8 / 2 ** 20)]);
  });
});
