import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isNative, ready } from '../../src/core/backend';

describe('methods: sums', () => {
  before(async function () {
    await ready();
    if (!isNative()) this.skip();
  });

  // AddN begins with whichever term has no other reader left, which depends on other threads; runs of one seed then differ in their last bits,
  // rarely, and more often on a busy machine. TensorFlow makes it out of sums of sums unless told not to.
  it("no graph of a run, as TensorFlow has rewritten it, has an AddN: a sum's order would be chance", () => {
    const dir = mkdtempSync(join(tmpdir(), 'zsaq-sums-'));
    try {
      const env = { ...process.env, TF_DUMP_GRAPH_PREFIX: dir, TF_CPP_MIN_LOG_LEVEL: '0', TF_CPP_VMODULE: 'meta_optimizer=4' };
      execFileSync(process.execPath, ['-r', 'tsx/cjs', join(__dirname, 'sums.child.ts')], { env, stdio: 'ignore' });
      const graphs = readdirSync(dir).filter((f) => /^after_MetaOptimizer_\d/.test(f)).map((f) => readFileSync(join(dir, f), 'utf8'));
      assert.ok(graphs.some((g) => g.includes('op: "ZsaqFakeQuantizeGrad"') || g.includes('op: "L2Loss"')), `the student's step is among the ${graphs.length} graphs`);
      for (const graph of graphs) assert.deepEqual(graph.match(/op: "AddN"/g), null);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }).timeout(120_000);
});
