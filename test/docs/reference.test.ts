// The reference of the public API is complete: nothing that a signature names is missing, no tag is wrong.
import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '..', '..');

describe('docs: the reference', function () {
  this.timeout(300_000);

  it('TypeDoc reads the public entry without a warning', async () => {
    const { code, output } = await new Promise<{ code: number; output: string }>((done) => {
      execFile(process.execPath, [join(root, 'node_modules/typedoc/bin/typedoc'), '--emit', 'none'], { cwd: root }, (error, stdout, stderr) => done({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr }));
    });
    assert.equal(code, 0, output);
  });
});
