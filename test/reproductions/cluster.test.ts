// The cells as jobs of Snakemake: on this machine, and on a Slurm of one node where one runs (`bash scripts/slurm.sh start`).
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratch } from '../commands/helpers';

const root = join(__dirname, '../..');

describe('Snakemake', () => {
  const s = scratch();
  after(() => s.remove());
  const run = (place: string, ...args: string[]) => asked(place, ['preset=smoke', 'only=W4A8 ptq seed'], args);
  const asked = (place: string, config: string[], args: string[], env = {}) => new Promise<string>((done, fail) => {
    execFile('bash', [join(root, 'scripts/snakemake.sh'), ...args, '--directory', s.path(place), '--config', 'names=table1', ...config, `results=${s.path(place, 'results')}`, `work=${s.path(place, 'work')}`], { env: { ...process.env, ...env } },
      (error, stdout, stderr) => (error ? fail(new Error(stderr)) : done(stdout + stderr)));
  });
  const scores = (place: string) => readdirSync(s.path(place, 'results', 'cells')).sort().map((f) => [f, (JSON.parse(readFileSync(s.path(place, 'results', 'cells', f), 'utf8')) as { score: number }).score]);
  const LOCAL = ['--cores', '2'], SLURM = ['--executor', 'slurm', '--jobs', '2', '--slurm-status-command', 'squeue'];
  before(function () {
    if (!existsSync(join(root, '.cache', 'snakemake', 'ok'))) { console.log('skipped: Snakemake is not set up: `npm run cluster -- --version` does it'); this.skip(); }
  });

  it('runs the cells of a table with its local executor, and has nothing to do the second time', async () => {
    assert.match(await run('local', ...LOCAL), /2 of 2 steps \(100%\) done/);
    assert.doesNotMatch(await run('local', ...LOCAL), /rule cell/);
  }).timeout(300_000);

  it('makes a model that is missing, though the result of making it is there', async function () {
    if (!process.env.ZSAQ_DATA || !process.env.ZSAQ_MODELS) { console.log('skipped: needs ZSAQ_DATA and ZSAQ_MODELS'); this.skip(); }
    const results = join(root, 'reproductions/results/cells'), [made] = readdirSync(results).filter((f) => f.startsWith('finetune_minilm-cola_'));
    mkdirSync(s.path('models', 'results', 'cells'), { recursive: true });
    copyFileSync(join(results, made), s.path('models', 'results', 'cells', made));
    const told = await asked('models', ['preset=mini', 'only=CoLA W2A8 ptq seed'], ['-n', ...LOCAL], { ZSAQ_MADE: s.path('made') });
    assert.match(told, /rule model:/);
    assert.match(told, /rule cell:\s+input: \S+finetune_minilm-cola_/);
  }).timeout(60_000);

  it('runs them as jobs of Slurm, with the same scores', async function () {
    if (spawnSync('sinfo', ['-h']).status !== 0) { console.log('skipped: no Slurm answers: as root, `bash scripts/slurm.sh start` makes one of a node'); this.skip(); }
    const told = await run('slurm', ...SLURM);
    assert.match(told, /submitted with SLURM jobid/);
    assert.match(told, /2 of 2 steps \(100%\) done/);
    assert.deepEqual(scores('slurm'), scores('local'));
    assert.doesNotMatch(await run('slurm', ...SLURM), /rule cell/);
  }).timeout(600_000);
});
