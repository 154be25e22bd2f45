import assert from 'node:assert/strict';
import * as os from 'node:os';
import { bf16InFlags, doctor, formatDoctor, nodeSupported, type DoctorReport } from '../src/doctor';
import { backendName } from '../src/core/backend';

const report: DoctorReport = {
  node: 'v20.20.2', python: null, tensorflow: '2.21.0', backend: 'tensorflow', device: 'CPU: test, 2 cores, 24 GB',
  memory: { totalBytes: 24 * 2 ** 30, freeBytes: 3 * 2 ** 29 }, bf16: true, kernel: true, data: '/data', models: null,
  problems: [{ problem: 'there is no Python environment (.venv), so notebooks cannot run', remedy: 'install Python 3.10 or later, then run `npm run setup`' }],
  notes: ['ZSAQ_MODELS is not set'],
};

describe('doctor', function () {
  this.timeout(60_000);

  it('writes a report', () => {
    assert.equal(formatDoctor(report), `Node             v20.20.2
Python           none
TensorFlow       2.21.0
backend          tensorflow
device           CPU: test, 2 cores, 24 GB
memory           24.0 GB, 1.5 GB free
bfloat16         in hardware
notebook kernel  found
ZSAQ_DATA        /data
ZSAQ_MODELS      none

1 problem:
  there is no Python environment (.venv), so notebooks cannot run
    -> install Python 3.10 or later, then run \`npm run setup\`
Note: ZSAQ_MODELS is not set.
`);
    assert.match(formatDoctor({ ...report, problems: [], notes: [] }), /\n\nNo problems\.\n$/);
  });

  it('reports what a run gets', async () => {
    const found = await doctor(undefined, {});
    assert.equal(found.backend, backendName());
    assert.equal(found.node, process.version);
    assert.ok(found.device.length > 0 && found.memory.totalBytes > 0);
    assert.equal(found.tensorflow !== null, found.backend === 'tensorflow');
    if (found.tensorflow) assert.match(found.tensorflow, /^2\.\d+\.\d+/);
    assert.equal(found.kernel, true);
    assert.deepEqual([found.data, found.models, found.notes.length], [null, null, 2]);
  });

  it('names folders that are not there, with a remedy', async () => {
    const found = await doctor(undefined, { ZSAQ_DATA: '/nowhere', ZSAQ_MODELS: os.tmpdir() });
    assert.deepEqual(found.problems.filter((p) => p.problem.includes('ZSAQ')), [{ problem: 'ZSAQ_DATA=/nowhere is no folder', remedy: 'set it to a folder of data sets (GLUE, WikiText-2, PTB), or unset it' }]);
    assert.deepEqual([found.data, found.models], [null, os.tmpdir()]);
  });

  it('finds the tools missing in an empty folder', async () => {
    const found = await doctor(os.tmpdir(), {});
    assert.deepEqual([found.python, found.kernel], [null, false]);
    assert.ok(found.problems.some((p) => /no Python environment/.test(p.problem)) && found.problems.some((p) => /kernel is incomplete/.test(p.problem)));
  });

  it('reads flags and versions', () => {
    assert.equal(bf16InFlags('flags\t\t: fpu avx512_bf16 amx_tile\n'), true);
    assert.equal(bf16InFlags('flags\t\t: fpu amx_bf16\n'), true);
    assert.equal(bf16InFlags('model name\t: bf16\nflags\t\t: fpu avx2 avx512f\n'), false);
    assert.equal(bf16InFlags(''), false);
    assert.deepEqual(['v20.18.0', 'v20.19.0', 'v22.1.0', 'v23.0.0'].map(nodeSupported), [false, true, true, false]);
  });
});
