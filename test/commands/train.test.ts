// Teachers and generators of one's own, as a user makes them; tiny sets, a few steps.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { bert, generator, lastJson, opt, scratch, spawnZsaq, zsaq } from './helpers';
import { pocketTask } from '../../datasets';

const sha = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const card = (dir: string) => JSON.parse(readFileSync(`${dir}/model/zsaq.json`, 'utf8')) as { trainedOn: { set: string; split: string }[]; checkpoint: string; parameters: number };

describe('zsaq finetune and pretrain', () => {
  const s = scratch();
  after(() => s.remove());

  const pretrain = (out: string, ...more: string[]) => ['pretrain', '--text', 'pocket-reports', '--tokenizer', bert, '--size', '0.3M', '--steps', '60', '--batch', '4', '--context', '32', '--out', s.path(out), ...more];

  it('pretrains a generator that says what it has read, and is a model folder like any other', async () => {
    const ended = await zsaq(...pretrain('a', '--json')), json = lastJson(ended);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(json.status, 'ok');
    assert.deepEqual(card(s.path('a')).trainedOn.map(({ set, split }) => [set, split]), [['pocket-reports', 'train']]);
    assert.equal(card(s.path('a')).checkpoint, 'the last step');
    const scored = lastJson(await zsaq('eval', '--model', s.path('a', 'model'), '--task', 'pocket-reports', '--json'));
    const { vocab_size: words } = JSON.parse(readFileSync(s.path('a', 'model', 'config.json'), 'utf8')) as { vocab_size: number };
    assert.ok((scored.score as number) < 0.8 * words, `perplexity ${String(scored.score)}: a model that has learnt nothing has that of its ${words} tokens`);
    const refused = await zsaq('quantize', '--model', generator, '--generator', s.path('a', 'model'), '--bits', 'W2A8', '--preset', 'smoke', '--out', s.path('leak'));
    assert.notEqual(refused.code, 0, 'a generator that has read the text of its teacher');
    assert.match(refused.stderr, /pocket-reports/);
  }).timeout(120_000);

  it('continues after a kill to a bit-identical model', async () => {
    const args = (out: string) => pretrain(out, '--steps', '120', '--checkpoint-seconds', '0');
    assert.equal((await spawnZsaq(args('whole'))).code, 0);
    let timer: NodeJS.Timeout | undefined;
    const killed = await spawnZsaq(args('killed'), (_, child) => {
      timer ??= setInterval(() => {
        const dir = s.path('killed', 'checkpoints');
        if (existsSync(dir) && readdirSync(dir).some((n) => n.endsWith('.safetensors'))) child.kill('SIGKILL');
      }, 20);
    });
    clearInterval(timer);
    assert.equal(killed.signal, 'SIGKILL');
    const continued = await spawnZsaq(args('killed'));
    assert.equal(continued.code, 0, continued.stderr);
    assert.equal(sha(s.path('killed', 'model', 'model.safetensors')), sha(s.path('whole', 'model', 'model.safetensors')));
  }).timeout(180_000);

  it('fine-tunes an encoder on a task in the layout of GLUE', async () => {
    const data = s.path('data', 'glue', 'SST-2'), rows = (split: 'train' | 'dev', n: number) =>
      `sentence\tlabel\n${pocketTask('pocket-sentiment', split, n).examples.slice(0, n).map((e) => `${e.text}\t${e.label}`).join('\n')}\n`;
    mkdirSync(data, { recursive: true });
    writeFileSync(`${data}/train.tsv`, rows('train', 256));
    writeFileSync(`${data}/dev.tsv`, rows('dev', 100));
    const ended = await zsaq('finetune', '--model', bert, '--task', 'SST-2', '--data', s.path('data'), '--epochs', '1', '--out', s.path('teacher'), '--json');
    assert.equal(ended.code, 0, ended.stderr);
    assert.ok(card(s.path('teacher')).trainedOn.some(({ set }) => set === 'SST-2'));
    assert.ok(card(s.path('teacher')).trainedOn.some(({ set }) => set === 'pocket-sentiment'), 'and what its first weights had seen');
    const scored = lastJson(await zsaq('eval', '--model', s.path('teacher', 'model'), '--task', 'SST-2', '--data', s.path('data'), '--json'));
    assert.ok((scored.score as number) > 80, `accuracy ${String(scored.score)}`);
  }).timeout(120_000);

  it('refuses what cannot be, in a sentence', async () => {
    const wrong: [string[], RegExp][] = [
      [['finetune', '--model', opt, '--task', 'pocket-sentiment', '--out', s.path('x')], /needs an encoder/],
      [['pretrain', '--text', 'nothing', '--tokenizer', bert, '--size', '0.3M', '--out', s.path('x')], /there is no task "nothing"/],
      [['pretrain', '--text', 'pocket-reports', '--tokenizer', bert, '--size', '7M', '--out', s.path('x')], /--size 7M is not known/],
    ];
    for (const [args, message] of wrong) {
      const { code, stderr } = await zsaq(...args);
      assert.notEqual(code, 0);
      assert.match(stderr, message);
      assert.ok(!/\n\s+at /.test(stderr), 'no stack trace');
    }
  });
});
