import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ErrorCode } from '../../src/core/error';
import { downloadFile, resolveModel, type HubOptions } from '../../src/io/hub';
import { hubSettings } from '../../src/io/hubCache';
import { openPretrained } from '../../src/io/pretrained';
import { writeSafetensors } from '../../src/io/safetensors';
import { assertSentence, scratch } from './helpers';
import { COMMIT, HubServer } from './hubServer';

describe('io/hub', () => {
  const at = scratch();
  let server: HubServer;
  let weights: Buffer;

  beforeEach(async () => {
    server = new HubServer();
    await server.start();
    writeSafetensors(at('w'), [['w', { dtype: 'F32', shape: [20000], data: Float32Array.from({ length: 20000 }, (_, i) => i) }]]);
    weights = readFileSync(at('w'));
    server.repositories = {
      'org/tiny': { files: { 'config.json': { content: Buffer.from('{"model_type":"opt"}') }, 'model.safetensors': { content: weights, large: true }, 'vocab.txt': { content: Buffer.from('[PAD]\n') } } },
    };
  });
  afterEach(() => server.stop());

  const options = (more: Partial<HubOptions> & { env?: Record<string, string> } = {}): HubOptions => ({
    pause: 5, ...more, env: { HOME: at('home'), HF_ENDPOINT: server.endpoint, HF_HOME: at('hf'), HF_HUB_DOWNLOAD_TIMEOUT: '20', HF_HUB_ETAG_TIMEOUT: '20', ...more.env },
  });
  const rejects = async (action: Promise<unknown>, code: ErrorCode, pattern: RegExp): Promise<void> => {
    const error = await action.then((value) => `returned ${String(value)}`, (e: unknown) => e);
    assertSentence(error, code, pattern);
  };
  const requests = (method: string, file: string): number => server.seen.filter((s) => s.host === 'hub' && s.method === method && s.path.endsWith(`/${file}`)).length;
  const snapshot = (): string => join(at('hf'), 'hub', 'models--org--tiny', 'snapshots', COMMIT);
  const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

  it('returns a folder as it is, without asking anyone', async () => {
    mkdirSync(at('org/tiny'), { recursive: true });
    assert.equal(await resolveModel(at('org/tiny'), options()), at('org/tiny'));
    assert.equal(server.seen.length, 0);
  });

  it('fetches a model into the layout of the Python library', async () => {
    const dir = await resolveModel('org/tiny', options());
    assert.equal(dir, snapshot());
    assert.deepEqual(readdirSync(dir).sort(), ['config.json', 'model.safetensors', 'vocab.txt']);
    const folder = dirname(dirname(dir));
    assert.equal(readFileSync(join(folder, 'refs', 'main'), 'utf8'), COMMIT);
    assert.equal(readlinkSync(join(dir, 'model.safetensors')), `../../blobs/${sha256(weights)}`);
    assert.deepEqual(readdirSync(join(folder, 'blobs')).length, 3);
    assert(existsSync(join(folder, '.no_exist', COMMIT, 'tokenizer.json')));
    const model = openPretrained(dir);
    assert.deepEqual(Object.keys(model.files), ['vocab.txt']);
    assert.equal(model.read('w').data[19999], 19999);
    model.close();
  });

  it('asks only for what it does not have', async () => {
    await resolveModel('org/tiny', options());
    server.seen.length = 0;
    await resolveModel('org/tiny', options());
    assert.deepEqual(server.seen.map(({ method, path }) => `${method} ${path}`), ['HEAD /org/tiny/resolve/main/config.json']);
  });

  it('fetches a new commit, and shares what did not change', async () => {
    await resolveModel('org/tiny', options());
    server.repositories['org/tiny'].commit = 'b'.repeat(40);
    server.repositories['org/tiny'].files['config.json'] = { content: Buffer.from('{"model_type":"gpt2"}') };
    server.seen.length = 0;
    const dir = await resolveModel('org/tiny', options());
    assert.equal(openPretrained(dir).config.model_type, 'gpt2');
    assert.equal(requests('GET', 'config.json'), 1);
    assert.equal(requests('GET', 'model.safetensors'), 0);
    assert.equal(JSON.parse(readFileSync(join(snapshot(), 'config.json'), 'utf8')).model_type, 'opt');
  });

  it('fetches shards, .bin files and data sets', async () => {
    const index = { content: Buffer.from(JSON.stringify({ weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors', c: 'model-1.safetensors' } })) };
    const config = { content: Buffer.from('{}') };
    server.repositories['gpt2'] = { files: { 'config.json': config, 'model.safetensors.index.json': index, 'model-1.safetensors': { content: weights, large: true }, 'model-2.safetensors': { content: Buffer.concat([weights, weights]), large: true } } };
    assert.deepEqual(readdirSync(await resolveModel('gpt2', options())).sort(), ['config.json', 'model-1.safetensors', 'model-2.safetensors', 'model.safetensors.index.json']);
    server.repositories['org/bin'] = { files: { 'config.json': config, 'pytorch_model.bin': { content: weights, large: true } } };
    assert.deepEqual(readdirSync(await resolveModel('org/bin', options())).sort(), ['config.json', 'pytorch_model.bin']);
    server.repositories['org/glue'] = { files: { 'sst2/dev 1.tsv': { content: Buffer.from('a\tb\n') } } };
    const { path: file, commit } = await downloadFile('org/glue', 'sst2/dev 1.tsv', options({ type: 'dataset' }));
    assert.equal(commit, COMMIT);
    assert.equal(file, join(at('hf'), 'hub', 'datasets--org--glue', 'snapshots', COMMIT, 'sst2', 'dev 1.tsv'));
    assert(lstatSync(file).isSymbolicLink());
    assert.equal(readFileSync(file, 'utf8'), 'a\tb\n');
    assert(server.seen.some(({ path }) => path === '/datasets/org/glue/resolve/main/sst2/dev%201.tsv'));
    await rejects(downloadFile('org/glue', 'none.tsv', options({ type: 'dataset' })), 'missing', /no file "none\.tsv" in org\/glue at main/);
  });

  it('goes on where a connection broke, and reports progress', async () => {
    server.plan('GET', 'model.safetensors', { kind: 'drop', after: 30000 }, { kind: 'drop', after: 0 }, { kind: 'drop', after: 20000 });
    const progress: { done: number; total: number | undefined }[] = [];
    await resolveModel('org/tiny', options({ onProgress: ({ file, done, total }) => { if (file === 'model.safetensors') progress.push({ done, total }); } }));
    const ranges = server.seen.filter(({ host, method }) => host === 'storage' && method === 'GET').map(({ range }) => range);
    assert.deepEqual(ranges, [undefined, 'bytes=30000-', 'bytes=30000-', 'bytes=50000-']);
    assert(progress.every(({ total }) => total === weights.length));
    assert.equal(progress[progress.length - 1].done, weights.length);
    assert(readFileSync(join(snapshot(), 'model.safetensors')).equals(weights));
  });

  it('goes on after the program itself was stopped, and starts anew where it cannot', async () => {
    const blobs = join(at('hf'), 'hub', 'models--org--tiny', 'blobs');
    mkdirSync(blobs, { recursive: true });
    writeFileSync(join(blobs, `${sha256(weights)}.incomplete`), weights.subarray(0, 1234));
    server.plan('GET', 'model.safetensors', { kind: 'ignoreRange' });
    await resolveModel('org/tiny', options());
    assert(readFileSync(join(snapshot(), 'model.safetensors')).equals(weights));
    for (const leftover of [weights.subarray(0, 1234), Buffer.concat([weights, weights]), Buffer.alloc(1234)]) { // a good part, too much, a wrong part
      server.repositories['org/tiny'].commit = sha256(leftover).slice(0, 40);
      server.repositories['org/tiny'].files['model.safetensors'].content = weights = Buffer.concat([weights, Buffer.from('x')]);
      writeFileSync(join(blobs, `${sha256(weights)}.incomplete`), leftover);
      const dir = await resolveModel('org/tiny', options());
      assert(readFileSync(join(dir, 'model.safetensors')).equals(weights));
    }
    assert.deepEqual(readdirSync(blobs).filter((name) => name.endsWith('.incomplete')), []);
  });

  it('notices wrong content by its SHA-256, tries once more, then says so and keeps nothing', async () => {
    server.plan('GET', 'model.safetensors', { kind: 'garble' });
    assert(readFileSync(join(await resolveModel('org/tiny', options()), 'model.safetensors')).equals(weights));
    const elsewhere = options({ env: { HF_HUB_CACHE: at('other') } });
    server.plan('GET', 'model.safetensors', { kind: 'garble' }, { kind: 'garble' });
    await rejects(resolveModel('org/tiny', elsewhere), 'network', /model\.safetensors of org\/tiny arrives with another SHA-256/);
    assert.deepEqual(readdirSync(join(at('other'), 'models--org--tiny', 'snapshots', COMMIT)), ['config.json']);
  });

  it('survives busy and failing servers, waits as long as they ask, and gives up in one sentence', async () => {
    const busy = { kind: 'status', status: 429, headers: { 'Retry-After': '0' } } as const;
    server.plan('HEAD', 'config.json', busy, { kind: 'status', status: 503 }, busy);
    server.plan('GET', 'vocab.txt', { kind: 'status', status: 500 }, { kind: 'drop', after: 2 }, { kind: 'chunked' });
    await resolveModel('org/tiny', options());
    assert.equal(requests('HEAD', 'config.json'), 4);
    assert.equal(readFileSync(join(snapshot(), 'vocab.txt'), 'utf8'), '[PAD]\n');

    const fresh = options({ env: { HF_HOME: at('fresh') } });
    server.plan('HEAD', 'config.json', ...Array<typeof busy>(9).fill(busy));
    await rejects(resolveModel('org/tiny', fresh), 'network', /cannot fetch config\.json of org\/tiny: .* answers 429 \(too many requests; a token in HF_TOKEN raises the limit\) in 5 attempts/);
    server.plan('HEAD', 'config.json', { kind: 'status', status: 429, headers: { 'Retry-After': '9999' } });
    await rejects(resolveModel('org/tiny', fresh), 'network', /the server asks to wait 9999 seconds/);
    server.plan('HEAD', 'config.json', { kind: 'status', status: 429, headers: { 'Retry-After': new Date(Date.now() + 1e7).toUTCString() } });
    await rejects(resolveModel('org/tiny', fresh), 'network', /the server asks to wait \d{4,5} seconds/);
    server.plan('HEAD', 'config.json', { kind: 'status', status: 429, headers: { 'RateLimit': '"resolvers";r=0;t=777' } });
    await rejects(resolveModel('org/tiny', fresh), 'network', /the server asks to wait 777 seconds/);
    server.plan('GET', 'vocab.txt', ...Array.from({ length: 5 }, () => ({ kind: 'drop', after: 0 } as const)));
    await rejects(resolveModel('org/tiny', fresh), 'network', /vocab\.txt of org\/tiny: the connection to 127\.0\.0\.1:\d+ broke .* in 5 attempts; check the connection/);
  });

  it('does not wait for a server that falls silent', async () => {
    server.plan('GET', 'model.safetensors', { kind: 'stall' }, { kind: 'stall' });
    await resolveModel('org/tiny', options({ env: { HF_HUB_DOWNLOAD_TIMEOUT: '0.5' } }));
    assert(server.seen.some(({ range }) => range === 'bytes=20-'));
    assert(readFileSync(join(snapshot(), 'model.safetensors')).equals(weights));
    server.plan('HEAD', 'config.json', ...Array.from({ length: 5 }, () => ({ kind: 'stall' } as const)));
    await rejects(resolveModel('org/tiny', options({ env: { HF_HOME: at('fresh'), HF_HUB_ETAG_TIMEOUT: '0.1' } })), 'network', /did not answer in time in 5 attempts/);
  });

  it('sends the token to the hub and to nobody else', async () => {
    server.repositories['org/tiny'].token = 'hf_secret';
    await rejects(resolveModel('org/tiny', options()), 'missing', /does not show org\/tiny without a token/);
    await rejects(resolveModel('org/tiny', options({ env: { HF_TOKEN: 'hf_wrong' } })), 'missing', /to the owner of HF_TOKEN/);
    server.seen.length = 0;
    mkdirSync(at('hf'), { recursive: true });
    writeFileSync(join(at('hf'), 'token'), 'hf_secret\n');
    await resolveModel('org/tiny', options());
    assert(server.seen.filter(({ host }) => host === 'hub').every(({ authorization }) => authorization === 'Bearer hf_secret'));
    const storage = server.seen.filter(({ host }) => host === 'storage');
    assert(storage.length > 0 && storage.every(({ authorization }) => authorization === undefined));
  });

  it('follows a renamed model, and not a circle', async () => {
    assert.deepEqual(readdirSync(await resolveModel('old-org/tiny', options())).sort(), ['config.json', 'model.safetensors', 'vocab.txt']);
    server.plan('HEAD', 'config.json', ...Array.from({ length: 6 }, () => ({ kind: 'status', status: 307, headers: { Location: '/org/tiny/resolve/main/config.json' } } as const)));
    await rejects(resolveModel('org/tiny', options({ env: { HF_HOME: at('fresh') } })), 'network', /redirects in circles/);
    server.plan('HEAD', 'config.json', { kind: 'status', status: 302, headers: { Location: 'file:///etc/passwd' } });
    await rejects(resolveModel('org/tiny', options({ env: { HF_HOME: at('fresh') } })), 'network', /redirects to file:/);
  });

  it('says what is missing or forbidden', async () => {
    const { files } = server.repositories['org/tiny'];
    server.repositories['org/gated'] = { files, gated: true };
    server.repositories['org/empty'] = { files: { 'config.json': files['config.json'] } };
    server.repositories['org/odd'] = { files: { 'README.md': files['vocab.txt'] } };
    server.repositories['org/torn'] = { files: { 'config.json': files['config.json'], 'model.safetensors.index.json': { content: Buffer.from('{"weight_map":{"a":"model-1.safetensors"}}') } } };
    server.repositories['org/evil'] = { files: { 'config.json': files['config.json'], 'model.safetensors.index.json': { content: Buffer.from('{"weight_map":{"a":"../../../x.safetensors"}}') } } };
    await rejects(resolveModel('org/none', options()), 'missing', /does not show org\/none without a token/);
    await rejects(resolveModel('org/gated', options()), 'missing', /only to people who accepted its conditions/);
    await rejects(resolveModel('org/empty', options()), 'missing', /has no model\.safetensors and no pytorch_model\.bin/);
    await rejects(resolveModel('org/odd', options()), 'missing', /has no config\.json/);
    await rejects(resolveModel('org/torn', options()), 'missing', /lists the shard "model-1\.safetensors" and does not have it/);
    await rejects(resolveModel('org/evil', options()), 'format', /places the tensor "a" in "\.\.\/\.\.\/\.\.\/x\.safetensors"/);
    await rejects(resolveModel('org/tiny', options({ revision: 'v9' })), 'missing', /has no revision "v9"/);
    server.plan('HEAD', 'config.json', { kind: 'status', status: 404 });
    await rejects(resolveModel('org/tiny', options()), 'missing', /there is no folder org\/tiny, and no model of that name on 127/);
    server.plan('HEAD', 'config.json', { kind: 'status', status: 200 });
    await rejects(resolveModel('org/tiny', options()), 'network', /does not answer as a Hugging Face hub does/);
    for (const headers of [{ ETag: '"../../x"', 'X-Repo-Commit': COMMIT }, { ETag: '"x"', 'X-Repo-Commit': '../..' }, { ETag: '".."', 'X-Repo-Commit': COMMIT }]) {
      server.plan('HEAD', 'config.json', { kind: 'status', status: 200, headers });
      await rejects(resolveModel('org/tiny', options()), 'network', /does not answer as a Hugging Face hub does/);
    }
    server.seen.length = 0;
    for (const name of ['a/b/c', '../x', './x', 'a//b', '/nope', 'a/..', 'a--b/c', 'a b', '', 'x'.repeat(97), 'C:\\x']) {
      await rejects(resolveModel(name, options()), 'usage', /is neither a folder nor a name on the hub/);
    }
    await rejects(resolveModel('org/tiny', options({ revision: '../x' })), 'usage', /is no revision/);
    await rejects(downloadFile('org/tiny', '../x', options()), 'usage', /is no file name on the hub/);
    assert.equal(server.seen.length, 0);
  });

  it('works offline from what is there, and says what is not', async () => {
    const offline = (): HubOptions => options({ env: { HF_HUB_OFFLINE: '1' } });
    await rejects(resolveModel('org/tiny', offline()), 'missing', /org\/tiny is no folder and not complete in the cache, and HF_HUB_OFFLINE forbids/);
    const dir = await resolveModel('org/tiny', options());
    server.seen.length = 0;
    assert.equal(await resolveModel('org/tiny', offline()), dir);
    assert.equal(await resolveModel('org/tiny', options({ revision: COMMIT, env: { HF_HUB_OFFLINE: 'yes' } })), dir);
    assert.deepEqual(await downloadFile('org/tiny', 'vocab.txt', offline()), { path: join(dir, 'vocab.txt'), commit: COMMIT });
    await rejects(downloadFile('org/tiny', 'merges.bin', offline()), 'missing', /"merges\.bin" of org\/tiny is not in the cache/);
    assert.equal(server.seen.length, 0);
    const notes: string[] = [];
    await server.stop();
    assert.equal(await resolveModel('org/tiny', options({ onNote: (note) => notes.push(note) })), dir);
    assert.match(notes.join(), /^using the cached org\/tiny, because the hub could not be asked .*refuses the connection/);
  });

  it('finds a data set as huggingface_hub 1.x lays it out, of a branch with slashes', async () => {
    const folder = join(at('hf'), 'hub', 'datasets--org--text'), blob = sha256(weights), part = ['penn_treebank', 'test', '0000.parquet'];
    for (const dir of [join('blobs'), join('refs', 'refs', 'convert'), join('snapshots', COMMIT, ...part.slice(0, -1))]) mkdirSync(join(folder, dir), { recursive: true });
    writeFileSync(join(folder, 'blobs', blob), weights);
    writeFileSync(join(folder, 'refs', 'refs', 'convert', 'parquet'), COMMIT);
    symlinkSync(join('..', '..', '..', '..', 'blobs', blob), join(folder, 'snapshots', COMMIT, ...part));
    const found = await downloadFile('org/text', part.join('/'), options({ type: 'dataset', revision: 'refs/convert/parquet', env: { HF_HUB_OFFLINE: '1' } }));
    assert.deepEqual(found, { path: join(folder, 'snapshots', COMMIT, ...part), commit: COMMIT });
    assert.equal(server.seen.length, 0);
  });

  it('takes a file from the cache without a connection, and fetches a damaged one again', async () => {
    const fetched = await downloadFile('org/tiny', 'model.safetensors', options()), cached = readFileSync(fetched.path);
    cached[7000] ^= 1;
    writeFileSync(fetched.path, cached);
    await rejects(downloadFile('org/tiny', 'model.safetensors', options({ env: { HF_HUB_OFFLINE: '1' } })), 'format', /does not have the SHA-256 under which it is stored/);
    assert.deepEqual(await downloadFile('org/tiny', 'model.safetensors', options()), fetched);
    assert(readFileSync(fetched.path).equals(weights));
    const notes: string[] = [];
    await server.stop();
    assert.deepEqual(await downloadFile('org/tiny', 'model.safetensors', options({ onNote: (note) => notes.push(note) })), fetched);
    assert.match(notes.join(), /^using the cached model\.safetensors of org\/tiny, because .*refuses the connection/);
    await rejects(downloadFile('org/tiny', 'vocab.txt', options()), 'network', /refuses the connection/);
  });

  it('fetches once when two ask at the same time, and stops when told to', async () => {
    const notes: string[] = [];
    server.plan('GET', 'model.safetensors', { kind: 'drop', after: 100 });
    const both = await Promise.all([1, 2].map(() => resolveModel('org/tiny', options({ pause: 300, onNote: (note) => notes.push(note) }))));
    assert.equal(both[0], both[1]);
    assert.equal(requests('GET', 'config.json'), 1);
    assert.equal(requests('GET', 'model.safetensors'), 2); // one, broken, and the rest of it
    const stop = new AbortController();
    server.plan('GET', 'model.safetensors', { kind: 'stall' });
    const onProgress: HubOptions['onProgress'] = ({ file, done }) => { if (file === 'model.safetensors' && done) stop.abort(); };
    await rejects(resolveModel('org/tiny', options({ signal: stop.signal, onProgress, env: { HF_HOME: at('fresh') } })), 'cancelled', /run the command again, it goes on where it stopped/);
    const partial = join(at('fresh'), 'hub', 'models--org--tiny', 'blobs', `${sha256(weights)}.incomplete`);
    assert.equal(readFileSync(partial).length, 10);
    await resolveModel('org/tiny', options({ env: { HF_HOME: at('fresh') } }));
    assert.equal(server.seen[server.seen.length - 1].host, 'hub');
    assert(server.seen.some(({ range }) => range === 'bytes=10-'));
  });

  it('reads the environment as the Python library does', () => {
    const home = { HOME: '/home/u' };
    assert.deepEqual(hubSettings(home), { endpoint: 'https://huggingface.co', cache: '/home/u/.cache/huggingface/hub', token: undefined, offline: false, metadataTimeout: 10000, stallTimeout: 10000 });
    assert.equal(hubSettings({ ...home, XDG_CACHE_HOME: '/x' }).cache, '/x/huggingface/hub');
    assert.equal(hubSettings({ ...home, HF_HOME: '~/hf' }).cache, '/home/u/hf/hub');
    assert.equal(hubSettings({ ...home, HF_HOME: '/h', HF_HUB_CACHE: '$HOME/c' }).cache, '/home/u/c');
    assert.equal(hubSettings({ ...home, HUGGINGFACE_HUB_CACHE: '/old' }).cache, '/old');
    assert.equal(hubSettings({ ...home, HF_ENDPOINT: 'http://mirror/' }).endpoint, 'http://mirror');
    assert.equal(hubSettings({ ...home, HF_TOKEN: ' hf_x\n' }).token, 'hf_x');
    assert.equal(hubSettings({ ...home, HF_TOKEN: 'hf_x', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }).token, undefined);
    for (const [value, offline] of [['1', true], ['true', true], ['0', false], ['', false]] as const) assert.equal(hubSettings({ ...home, HF_HUB_OFFLINE: value }).offline, offline);
    assert.equal(hubSettings({ ...home, TRANSFORMERS_OFFLINE: 'ON' }).offline, true);
  });
});
