// The benchmark's arithmetic and its conversation with the workers; times themselves are nobody's test.
import { strict as assert } from 'node:assert';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agree, median, summarize } from '../../bench/compare';
import { startOurs } from '../../bench/measure';
import { Worker, type Prepare, type Turn } from '../../bench/protocol';
import { prepareShape, SETTINGS } from '../../bench/shapes';
import { ready } from '../../src/index';

const root = join(__dirname, '..', '..');

describe('bench', () => {
  it('takes medians and minima', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.throws(() => median([]));
    const turn = (ms: number[], peakBytes: number): Turn => ({ ms, peakBytes });
    assert.deepEqual(summarize([turn([5], 10), turn([2, 9], 30), turn([7], 20)], 4), { median: 6, minimum: 2, peakBytes: 30, libraryBytes: 4 });
  });

  it('compares no times of different answers', () => {
    assert.ok(Math.abs(agree('x', [1, 200], [1, 202], 0.02) - 2 / 202) < 1e-12);
    assert.throws(() => agree('step/minilm', [1, 200], [1, 202], 1e-3), /benchmark step\/minilm: our answer 1, 200 is not PyTorch's 1, 202/);
    assert.throws(() => agree('x', [NaN], [1], 1), /times of different work/);
    assert.throws(() => agree('x', [1], [1, 2], 1), /times of different work/);
  });

  it('takes turns with a worker, and says what a broken one said last', async () => {
    const echo = "console.log('{\"versions\":{\"torch\":\"0\"},\"residentBytes\":1}');require('readline').createInterface({input:process.stdin}).on('line',(l)=>console.log(JSON.stringify({ms:[JSON.parse(l).times],peakBytes:2})))";
    const worker = new Worker('echo', process.execPath, ['-e', echo]);
    assert.deepEqual(await worker.hello(), { versions: { torch: '0' }, residentBytes: 1 });
    assert.deepEqual(await worker.run(3), { ms: [3], peakBytes: 2 });
    await worker.close();
    const broken = new Worker('PyTorch', process.execPath, ['-e', "console.error('No module named torch');process.exit(1)"]);
    await assert.rejects(broken.hello(), /the PyTorch side ended: No module named torch/);
    await assert.rejects(new Worker('PyTorch', join(root, 'no-such-python'), []).hello(), /the PyTorch side ended: .*ENOENT/);
  });

  it('our side answers every case on the smallest shapes, the same in a second process', async () => {
    await ready();
    const cache = mkdtempSync(join(tmpdir(), 'zsaq-bench-'));
    const [a, b] = [startOurs(), startOurs()];
    try {
      await Promise.all([a.hello(), b.hello()]);
      for (const shape of ['pocket-bert', 'pocket-opt']) {
        const folder = await prepareShape(shape, cache);
        for (const name of ['forward', 'backward', 'qat', 'step'] as const) {
          const request: Prepare = { do: 'prepare', case: name, folder, mode: 'eager', threads: 1, ...SETTINGS };
          await Promise.all([a.prepare(request), b.prepare(request)]);
          const [first, other] = await Promise.all([a.check(), b.check()]);
          assert.ok(first.length > 0 && first.every(Number.isFinite), `${shape} ${name}: ${first}`);
          assert.deepEqual(first, other);
          const { ms, peakBytes } = await a.run();
          assert.ok(ms[0] > 0 && peakBytes > 0);
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
