// First weights: their distribution, and that each tensor's values depend on its own name and the seed alone.
import assert from 'node:assert/strict';
import { ready } from '../../src/core/backend';
import { freshWeights } from '../../src/train/weights';

const SHAPES = { 'fc.weight': [200, 50], 'fc.bias': [200], 'layer_norm.weight': [50], 'layer_norm.bias': [50] };

describe('freshWeights', () => {
  before(() => ready());

  it('draws matrices from N(0, deviation); norms are one, biases zero', () => {
    const all = freshWeights(SHAPES, 'a', 1, 0.02), w = all['fc.weight'].dataSync() as Float32Array;
    const mean = w.reduce((s, x) => s + x, 0) / w.length, deviation = Math.sqrt(w.reduce((s, x) => s + (x - mean) ** 2, 0) / w.length);
    assert.ok(Math.abs(mean) < 0.001 && Math.abs(deviation - 0.02) < 0.001, `${mean}, ${deviation}`);
    assert.deepEqual([...new Set(all['layer_norm.weight'].dataSync())], [1]);
    for (const name of ['fc.bias', 'layer_norm.bias']) assert.deepEqual([...new Set(all[name].dataSync())], [0], name);
  });

  it('gives a tensor the same values whatever stands beside it, and others for another seed or run', () => {
    const values = (run: string, seed: number, shapes: Record<string, number[]> = SHAPES) => [...freshWeights(shapes, run, seed, 0.02)['fc.weight'].dataSync()];
    assert.deepEqual(values('a', 1), values('a', 1, { 'new.weight': [3, 3], 'fc.weight': [200, 50] }));
    assert.notDeepEqual(values('a', 1), values('a', 2));
    assert.notDeepEqual(values('a', 1), values('b', 1));
  });
});
