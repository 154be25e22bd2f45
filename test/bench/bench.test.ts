// The benchmark's arithmetic and its conversation with the workers; times themselves are nobody's test.
import { strict as assert } from 'node:assert';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agree, median, summarize } from '../../bench/compare';
import { Worker, type Prepare, type Run } from '../../bench/protocol';
import { LEVELS, prepareShape, SETTINGS } from '../../bench/shapes';
import { ready } from '../../src/index';

const root = join(__dirname, '..', '..');

describe('bench', () => {
  it('takes medians and minima', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.throws(() => median([]));
    const run = (ms: number, peakBytes: number): Run => ({ ms, values: [], peakBytes });
    assert.deepEqual(summarize([run(5, 10), run(2, 30), run(9, 20)]), { median: 5, minimum: 2, peakBytes: 30 });
  });

  it('compares no times of different answers', () => {
    assert.ok(Math.abs(agree('x', [1, 200], [1, 202], 0.02) - 2 / 202) < 1e-12);
    assert.throws(() => agree('step/minilm', [1, 200], [1, 202], 1e-3), /benchmark step\/minilm: our answer 1, 200 is not PyTorch's 1, 202/);
    assert.throws(() => agree('x', [NaN], [1], 1), /times of different work/);
    assert.throws(() => agree('x', [1], [1, 2], 1), /times of different work/);
  });

  it('takes turns with a worker, and says what a broken one said last', async () => {
    const echo = "console.log('{\"torch\":\"0\"}');require('readline').createInterface({input:process.stdin}).on('line',(l)=>console.log(JSON.stringify({ms:1,values:[JSON.parse(l).do.length],peakBytes:2})))";
    const worker = new Worker('echo', process.execPath, ['-e', echo]);
    assert.deepEqual(await worker.hello(), { torch: '0' });
    assert.deepEqual(await worker.run(), { ms: 1, values: [3], peakBytes: 2 });
    await worker.close();
    const broken = new Worker('PyTorch', process.execPath, ['-e', "console.error('No module named torch');process.exit(1)"]);
    await assert.rejects(broken.hello(), /the PyTorch side ended: No module named torch/);
    await assert.rejects(new Worker('PyTorch', join(root, 'no-such-python'), []).hello(), /the PyTorch side ended: .*ENOENT/);
  });

  it('our side answers every case on the smallest shapes, the same in a second process', async () => {
    await ready();
    const cache = mkdtempSync(join(tmpdir(), 'zsaq-bench-'));
    const start = () => new Worker('TensorFlow', process.execPath, ['-r', 'tsx/cjs', join(root, 'bench', 'worker.ts')]);
    const [a, b] = [start(), start()];
    try {
      await Promise.all([a.hello(), b.hello()]);
      for (const shape of ['pocket-bert', 'pocket-opt']) {
        const folder = await prepareShape(shape, cache);
        for (const name of ['forward', 'backward', 'qat', 'step'] as const) {
          const request: Prepare = { do: 'prepare', case: name, folder, precision: 'fp32', threads: 1, levels: [LEVELS.low, LEVELS.high, LEVELS.zero], ...SETTINGS };
          await Promise.all([a.prepare(request), b.prepare(request)]);
          const [first, other] = await Promise.all([a.run(), b.run()]);
          assert.ok(first.values.every((x) => Number.isFinite(x) && x > 0) && first.ms > 0 && first.peakBytes > 0, `${shape} ${name}: ${first.values}`);
          assert.deepEqual(first.values, other.values);
          if (name === 'step') assert.ok(first.values[1] > first.values[0], 'the perturbed loss is the larger one');
        }
      }
    } finally {
      await Promise.all([a.close(), b.close()]);
      rmSync(cache, { recursive: true, force: true });
    }
  }).timeout(240_000);

  it('teaches and refuses', () => {
    const run = (...args: string[]) => spawnSync(process.execPath, ['-r', 'tsx/cjs', join(root, 'bench', 'index.ts'), ...args], { encoding: 'utf8' });
    assert.match(execFileSync(process.execPath, ['-r', 'tsx/cjs', join(root, 'bench', 'index.ts'), '--help'], { encoding: 'utf8' }), /npm run bench -- \[CASE \| SHAPE\]/);
    const { status, stderr } = run('forwards');
    assert.equal(status, 1);
    assert.match(stderr, /there is no case or shape "forwards": choose forward, backward/);
    assert.match(run('--runs', '0').stderr, /--runs 0: a whole number from 1/);
  }).timeout(60_000);
});
