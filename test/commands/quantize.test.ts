// The main job as a user runs it, on the bundled models at the smallest size.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { bert, generator, lastJson, opt, scratch, spawnZsaq, zsaq } from './helpers';

const common = ['--bits', 'W2A8', '--preset', 'smoke', '--json'];
const sha = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('zsaq quantize', () => {
  const s = scratch();
  after(() => s.remove());

  it('quantizes, scores and writes a complete run folder; the packed model scores the same', async () => {
    const out = s.path('bert'), args = ['quantize', '--model', bert, '--generator', generator, '--task', 'pocket-sentiment', '--out', out, ...common];
    const ended = await zsaq(...args), json = lastJson(ended);
    assert.equal(ended.code, 0, ended.stderr);
    for (const key of ['status', 'method', 'bits', 'seed', 'task', 'metric', 'fullPrecision', 'quantized', 'sizeBytes', 'seconds', 'peakBytes', 'out']) assert.ok(json[key] !== undefined && json[key] !== null, key);
    assert.deepEqual([json.status, json.method, json.bits, json.seed, json.task], ['ok', 'samSga', 'W2A8', 0, 'pocket-sentiment']);
    assert.deepEqual(readdirSync(out).filter((n) => !n.startsWith('.')).sort(), ['config.json', 'figure.html', 'figure.svg', 'history.json', 'metrics.json', 'model']);
    const history = JSON.parse(readFileSync(`${out}/history.json`, 'utf8')) as { step: number; generator: number | null }[];
    assert.equal(history.length, 20);
    assert.ok(history.some((e) => e.generator !== null), 'the generator has ascended');
    const scored = lastJson(await zsaq('eval', '--model', `${out}/model`, '--task', 'pocket-sentiment', '--json'));
    assert.deepEqual(Object.keys(scored).filter((k) => k !== 'details'), ['model', 'task', 'metric', 'score', 'examples', 'notes']);
    assert.equal(scored.score, json.quantized);
    const bytes = readFileSync(`${out}/model/model.safetensors`).length;
    assert.ok(Math.abs(bytes / (json.sizeBytes as number) - 1) < 0.05, `${bytes} bytes on disk, ${json.sizeBytes} said`);
    const again = await zsaq(...args);
    assert.match(again.stderr, /already finished/);
    assert.equal(lastJson(again).quantized, json.quantized);
    const other = await zsaq(...args, '--seed', '1');
    assert.match(other.stderr, /holds a run with other settings/);
  }).timeout(120_000);

  it('quantizes a language model without any generator, and by rounding', async () => {
    for (const method of ['samSga', 'ptq', 'qatRandom']) {
      const ended = await zsaq('quantize', '--model', opt, '--task', 'pocket-tales', '--method', method, '--out', s.path(method), ...common), json = lastJson(ended);
      assert.equal(json.status, 'ok', ended.stderr);
      assert.ok((json.quantized as number) > (json.fullPrecision as number), 'two bits cost perplexity');
    }
  }).timeout(120_000);

  it('scores rounding to nearest on the plan of a trained run: what ptq gives with that grid and those scales', async () => {
    const of = (method: string, ...more: string[]) => zsaq('quantize', '--model', bert, '--task', 'pocket-sentiment', '--method', method, '--out', s.path(`floor-${method}`), '--bits', 'W2A8', '--preset', 'smoke', '--set', 'plan.grid=symmetric', '--set', 'plan.scale=absmax', ...more);
    const trained = await of('qatRandom', '--set', 'steps=2'), metrics = (method: string) => JSON.parse(readFileSync(s.path(`floor-${method}/metrics.json`), 'utf8')) as Record<string, number | null>;
    assert.match(trained.stdout, /round to nearest \(symmetric, absmax\) +W2A8/);
    const alone = lastJson(await of('ptq', '--json'));
    assert.deepEqual([metrics('qatRandom').rounded, alone.rounded], [alone.quantized, null]);
    assert.notEqual(alone.quantized, alone.fullPrecision);
  }).timeout(120_000);

  it('measures on one fixed bank, made by the first run and read by the others; another model\'s is refused', async () => {
    const bank = s.path('bank.safetensors'), run = (method: string, model = bert) => zsaq('quantize', '--model', model, '--generator', generator, '--method', method, '--bank', bank, '--out', s.path(`bank-${method}`), ...common);
    const first = lastJson(await run('ptq')).bank as Record<string, number>, made = sha(bank), second = lastJson(await run('zeroQuant')).bank as Record<string, number>;
    assert.deepEqual([sha(bank), second.sha256], [made, first.sha256]);
    for (const part of ['random', 'frozen', 'adversarial', 'mean']) assert.ok(first[part] > 0 && second[part] > 0 && first[part] !== second[part], part);
    const refused = await run('full', opt);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /bank\.safetensors is the bank of another model/);
  }).timeout(120_000);

  it('learns from the training split of the task where a method declares it, and says what it has read', async () => {
    const run = async (method: string, ...more: string[]) => lastJson(await zsaq('quantize', '--model', bert, '--generator', generator, '--task', 'pocket-sentiment', '--method', method, '--out', s.path(`read-${method}`), ...common, '--set', 'steps=2', ...more));
    const { read, quantized } = await run('qatReal') as { read: Record<string, unknown>; quantized: number };
    assert.deepEqual([read.set, read.split, typeof read.rows], ['pocket-sentiment', 'train', 'number']);
    assert.match(read.sha256 as string, /^[0-9a-f]{64}$/);
    assert.ok(quantized > 60);
    const json = (path: string) => JSON.parse(readFileSync(s.path(path), 'utf8')) as Record<string, unknown>;
    assert.deepEqual((json('read-qatReal/model/zsaq.json').trainedOn as unknown[]).at(-1), read);
    assert.deepEqual(json('read-qatReal/config.json').read, read, 'a run with other data is another run');
    assert.equal((await run('qatRandom')).read, null);
    const without = await zsaq('quantize', '--model', bert, '--method', 'qatReal', '--out', s.path('none'), ...common);
    assert.equal(without.code, 1);
    assert.match(without.stderr, /learns from real training text.*--task NAME/);
    const full = await zsaq('quantize', '--model', bert, '--method', 'full', '--task', 'pocket-sentiment', '--out', s.path('full'), '--json'), ended = lastJson(full);
    assert.deepEqual([ended.bits, ended.quantized, ended.sizeBytes], ['W32A32', ended.fullPrecision, ended.fullPrecisionBytes], full.stderr);
  }).timeout(120_000);

  it('survives Ctrl-C and kill -9: the same command continues to a bit-identical model', async () => {
    const args = (out: string) => ['quantize', '--model', bert, '--generator', generator, '--out', s.path(out), '--bits', 'W2A8', '--preset', 'smoke', '--set', 'steps=60', '--set', 'checkpointSeconds=0'];
    const whole = await spawnZsaq(args('whole'));
    assert.equal(whole.code, 0, whole.stderr);
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const stopped = await spawnUntilCheckpoint(args(signal), s.path(signal), signal);
      if (signal === 'SIGINT') {
        assert.equal(stopped.code, 130);
        assert.match(stopped.stdout, /stopped after \d+ steps; the same command continues/);
      } else assert.equal(stopped.signal, 'SIGKILL');
      assert.ok(!existsSync(`${s.path(signal)}/metrics.json`), 'not finished');
      const continued = await spawnZsaq(args(signal));
      assert.equal(continued.code, 0, continued.stderr);
      assert.equal(sha(`${s.path(signal)}/model/model.safetensors`), sha(`${s.path('whole')}/model/model.safetensors`));
    }
  }).timeout(300_000);
});

/** Runs until a checkpoint is on disk, then sends the signal. */
function spawnUntilCheckpoint(args: string[], out: string, signal: 'SIGINT' | 'SIGKILL') {
  let timer: NodeJS.Timeout | undefined;
  const ended = spawnZsaq(args, (_, child) => {
    timer ??= setInterval(() => {
      const dir = `${out}/checkpoints`;
      if (existsSync(dir) && readdirSync(dir).some((n) => n.endsWith('20.safetensors'))) { clearInterval(timer); child.kill(signal); }
    }, 20);
  });
  return ended.finally(() => clearInterval(timer));
}
