import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { tf } from '../../src/core/backend';
import { toFrame } from '../../src/report/frame';

describe('report/frame', function () {
  this.timeout(60_000);

  it('makes a DataFrame of numbers and texts', () => {
    const frame = toFrame({ columns: [{ name: 'method' }, { name: 'accuracy', digits: 1 }, { name: 'mixed', digits: 1 }], rows: [['a', 80.25, 1.25], ['b', null, 'diverged'], ['a', 90.75, null]] });
    assert.deepEqual(frame.shape, [3, 3]);
    assert.deepEqual(frame.columns, ['method', 'accuracy', 'mixed']);
    assert.deepEqual(frame.values, [['a', 80.25, '1.3'], ['b', NaN, 'diverged'], ['a', 90.75, '–']]);
    assert.equal(frame.iloc({ rows: [0, 2] })['accuracy'].mean(), 85.5);
  });

  it('computes on the one engine in the tree', () => {
    const modules = path.resolve(__dirname, '..', '..', 'node_modules');
    const engines: string[] = [];
    const walk = (folder: string, depth: number) => {
      for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
        if (!entry.isDirectory()) continue; // links lead to what is looked at elsewhere
        const inside = path.join(folder, entry.name), file = path.join(inside, 'package.json');
        if (fs.existsSync(file) && /^@tensorflow\/tfjs-node/.test(JSON.parse(fs.readFileSync(file, 'utf8')).name ?? '')) engines.push(path.relative(modules, inside));
        if (depth < 5) walk(inside, entry.name === 'node_modules' ? 0 : depth + 1);
      }
    };
    walk(modules, 3);
    assert.deepEqual(engines, [path.join('@tensorflow', 'tfjs-node-gpu')]);
    const seen = require('@tensorflow/tfjs-node') as typeof tf;
    assert.equal(seen.Tensor, tf.Tensor, 'danfo\'s tensors are ours');
    assert.equal(seen.engine(), tf.engine());
    assert.equal(fs.realpathSync(path.join(modules, '@tensorflow', 'tfjs-node')), path.resolve(modules, '..', 'scripts', 'tfjs-node'));
  });
});
