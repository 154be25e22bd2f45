import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFetched } from '../../datasets/fetched';
import { loadTask, loadText } from '../../datasets';
import { hubFiles } from '../../datasets/hub';
import { getData } from '../../src/commands/dataGet';
import { assertSentence } from '../io/helpers';
import { COMMIT, HubServer, type HubFile } from '../io/hubServer';
import { lastJson, scratch, spawnZsaq, zsaq } from './helpers';

const FIXTURES = join(__dirname, '..', 'fixtures', 'datasets');
const TRAIN = 'rte/train-00000-of-00001.parquet', DEV = 'rte/validation-00000-of-00001.parquet';
const VARIABLES = ['HF_ENDPOINT', 'HF_HOME', 'HF_HUB_CACHE', 'HF_TOKEN', 'HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE', 'HF_HUB_ETAG_TIMEOUT', 'HF_HUB_DOWNLOAD_TIMEOUT', 'ZSAQ_DATA'];

/** All Parquet files of the fixtures as files of a data set: large ones, as the hub stores them. */
function fixtures(...parts: string[]): Record<string, HubFile> {
  const names = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.parquet') && parts.some((part) => name.startsWith(part)));
  return Object.fromEntries(names.map((name) => [name, { content: readFileSync(join(FIXTURES, name)), large: true }]));
}

describe('zsaq data get', () => {
  const before = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]));
  let s: ReturnType<typeof scratch>, server: HubServer, out: string;

  beforeEach(async () => {
    s = scratch();
    out = s.path('data');
    server = new HubServer();
    await server.start();
    server.repositories = {
      'nyu-mll/glue': { files: fixtures('rte', 'sst2') }, 'Salesforce/wikitext': { files: fixtures('wikitext') },
      'ptb-text-only/ptb_text_only': { files: fixtures('penn_treebank'), branch: 'refs/convert/parquet' },
    };
    for (const name of VARIABLES) delete process.env[name];
    Object.assign(process.env, { HF_ENDPOINT: server.endpoint, HF_HOME: s.path('hf') });
  });
  afterEach(async () => {
    await server.stop();
    s.remove();
    for (const name of VARIABLES) if (before[name] === undefined) delete process.env[name]; else process.env[name] = before[name];
  });

  const get = (...args: string[]) => zsaq('data', 'get', ...args, '--out', out);
  /** Names in the data folder, hidden ones too. */
  const there = (): string[] => (existsSync(out) ? readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((name) => /\.\w+$/.test(name)).sort() : []);
  const gets = (): string[] => server.seen.filter(({ host, method }) => host === 'hub' && method === 'GET').map(({ path }) => path);
  const fails = async (sentence: RegExp, code: number, ...args: string[]): Promise<void> => {
    const ended = await get(...args), lines = ended.stderr.trimEnd().split('\n');
    assert.match(lines.at(-1)!, sentence);
    assert.match(lines.at(-1)!, /^zsaq: /);
    assert.deepEqual([ended.code, ended.stdout], [code, '']);
  };

  it('fetches into the cache of the Python library, writes the official layout, checks it, and is done when it is there', async () => {
    const ended = await get('RTE', '--json'), json = lastJson(ended);
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual([json.ok, (json.files as { path: string; status: string; detail: string }[]).map(({ path, status, detail }) => [path, status, detail])], [true, [
      ['glue/RTE/train.tsv', 'ok', `2490 rows, as fetched from nyu-mll/glue at ${COMMIT.slice(0, 12)}`], ['glue/RTE/dev.tsv', 'ok', `277 rows, as fetched from nyu-mll/glue at ${COMMIT.slice(0, 12)}`],
    ]]);
    assert.deepEqual(there(), ['glue/RTE/dev.tsv', 'glue/RTE/train.tsv', 'hub.json']);
    assert.equal(loadTask('RTE', 'train', out).examples.length, 2490);
    const cache = join(s.path('hf'), 'hub', 'datasets--nyu-mll--glue');
    assert.equal(readFileSync(join(cache, 'refs', 'main'), 'utf8'), COMMIT);
    assert.deepEqual(readFileSync(join(cache, 'snapshots', COMMIT, DEV)), readFileSync(join(FIXTURES, DEV)));
    assert.deepEqual(gets(), [`/datasets/nyu-mll/glue/resolve/${COMMIT}/${TRAIN}`, `/datasets/nyu-mll/glue/resolve/${COMMIT}/${DEV}`]);
    server.seen.length = 0;
    const again = await get('RTE');
    assert.match(again.stderr, /glue\/RTE\/train\.tsv is there already\nglue\/RTE\/dev\.tsv is there already/);
    assert.deepEqual([again.code, server.seen.length], [0, 0]);
    const elsewhere = await get('RTE', '--revision', 'v2');
    assert.equal(elsewhere.code, 2);
    assert.match(elsewhere.stderr, /came from nyu-mll\/glue at main, and another source is asked for/);
    rmSync(join(out, 'glue/RTE/dev.tsv'));
    assert.equal((await get('RTE')).code, 0);
    assert.deepEqual(gets(), [], 'the cache has it');
    writeFileSync(join(out, 'glue/RTE/dev.tsv'), readFileSync(join(out, 'glue/RTE/dev.tsv'), 'utf8').replace('cat', 'dog'));
    assert.match((await zsaq('data', 'check', '--data', out)).stdout, /changed +glue\/RTE\/dev\.tsv +sha256/);
    await fails(/dev\.tsv is there and was changed after it came from the hub: remove it/, 2, 'RTE');
  });

  it('joins the parts of a file, of one commit, and says which sets share their text', async function () {
    this.timeout(60_000);
    const ended = await get('wikitext-103-raw');
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stdout, /ok +wikitext-103-raw\/train\.txt +1801350 rows, as fetched/);
    assert.match(ended.stdout, /text of WikiText-103 is that of WikiText-2/);
    assert.equal(loadText('wikitext-103-raw', 'test', out)[3], ' The grey fox of 1903 ran @-@ home . ');
    assert.deepEqual(readFetched(out)['wikitext-103-raw/train.txt'].parts.length, 2);
  });

  it('takes PTB from the branch of converted files, and reports a set that is not whole', async () => {
    const ended = await get('ptb');
    assert.equal(ended.code, 1);
    assert.match(ended.stdout, /changed +ptb\/train\.txt +2 rows instead of 42068/);
    assert(existsSync(join(s.path('hf'), 'hub', 'datasets--ptb-text-only--ptb_text_only', 'refs', 'refs', 'convert', 'parquet')));
    assert.deepEqual(gets()[0], `/datasets/ptb-text-only/ptb_text_only/resolve/${COMMIT}/penn_treebank/train/0000.parquet`);
  });

  it('goes on after broken connections, and sees bytes that changed on the way', async () => {
    server.plan('GET', TRAIN, { kind: 'drop', after: 5000 }, { kind: 'garble' });
    server.plan('GET', DEV, { kind: 'status', status: 429, headers: { 'Retry-After': '0' } });
    assert.equal((await get('RTE')).code, 0);
    assert(server.seen.some(({ range }) => range === 'bytes=5000-'));
  });

  it('says what is wrong in one sentence, and leaves no half of a file', async () => {
    server.plan('GET', TRAIN, { kind: 'garble' }, { kind: 'garble' });
    await fails(/rte\/train-.* of nyu-mll\/glue arrives with another SHA-256/, 1, 'RTE');
    assert.deepEqual(there(), []);
    server.repositories['org/torn'] = { files: { [TRAIN]: { content: readFileSync(join(FIXTURES, TRAIN)).subarray(0, 9000), large: true } } };
    await fails(/train-.* is not a whole Parquet file/, 1, 'RTE', '--dataset', 'org/torn');
    server.repositories['org/other'] = { files: { [TRAIN]: { content: readFileSync(join(FIXTURES, 'sst2/train-00000-of-00001.parquet')), large: true } } };
    await fails(/has no column "sentence1" but "sentence", "label", "idx"/, 1, 'RTE', '--dataset', 'org/other');
    await fails(/there is no file "cola\/train-.*" in nyu-mll\/glue at main/, 1, 'CoLA');
    await fails(/does not show org\/none without a token/, 1, 'RTE', '--dataset', 'org/none');
    await fails(/nyu-mll\/glue on .* has no revision "v9"/, 1, 'RTE', '--revision', 'v9');
    await fails(/"a b" is no data set's name on the hub/, 2, 'RTE', '--dataset', 'a b');
    server.plan('HEAD', TRAIN, { kind: 'status', status: 404 });
    await fails(/there is no data set nyu-mll\/glue on/, 1, 'RTE');
    server.plan('HEAD', TRAIN, { kind: 'status', status: 429, headers: { 'Retry-After': '9999' } });
    await fails(/the server asks to wait 9999 seconds/, 1, 'RTE');
    await fails(/there is no set "pocket-tales" to get: choose one of glue, CoLA/, 2, 'pocket-tales');
    assert.deepEqual(there(), []);
    mkdirSync(join(out, 'glue/RTE'), { recursive: true });
    writeFileSync(join(out, 'glue/RTE/train.tsv'), 'mine');
    await fails(/train\.tsv is there and did not come from the hub: remove it, or give another folder with --out/, 2, 'RTE');
    assert.equal(readFileSync(join(out, 'glue/RTE/train.tsv'), 'utf8'), 'mine');
    writeFileSync(join(out, 'hub.json'), '{"glue/RTE/dev.tsv":7}');
    await fails(/hub\.json is no record of fetched files/, 1, 'RTE');
  });

  it('asks with the token, and another data set of the same layout is as good', async () => {
    server.repositories['org/mine'] = { files: fixtures('rte'), token: 'hf_secret' };
    await fails(/does not show org\/mine without a token/, 1, 'RTE', '--dataset', 'org/mine');
    process.env.HF_TOKEN = 'hf_secret';
    assert.match((await get('RTE', '--dataset', 'org/mine')).stdout, /as fetched from org\/mine/);
    assert(server.seen.filter(({ host }) => host === 'storage').every(({ authorization }) => authorization === undefined));
  });

  it('works from the cache without a connection, and mends a damaged file there with one', async () => {
    process.env.HF_HUB_OFFLINE = '1';
    await fails(/"rte\/train-.*" of nyu-mll\/glue is not in the cache, and HF_HUB_OFFLINE forbids/, 1, 'RTE');
    delete process.env.HF_HUB_OFFLINE;
    assert.equal((await get('RTE')).code, 0);
    const cached = join(s.path('hf'), 'hub', 'datasets--nyu-mll--glue', 'snapshots', COMMIT, TRAIN), whole = readFileSync(cached);
    rmSync(out, { recursive: true });
    process.env.HF_HUB_OFFLINE = '1';
    server.seen.length = 0;
    assert.equal((await get('RTE')).code, 0);
    assert.equal(server.seen.length, 0);
    const damaged = Buffer.from(whole);
    damaged[6000] ^= 1;
    writeFileSync(cached, damaged);
    rmSync(out, { recursive: true });
    await fails(/train-.* does not have the SHA-256 under which it is stored, and HF_HUB_OFFLINE forbids/, 1, 'RTE');
    delete process.env.HF_HUB_OFFLINE;
    assert.equal((await get('RTE')).code, 0);
    assert.deepEqual(readFileSync(cached), whole);
  });

  it('stopped while it writes, it leaves nothing of the file', async function () {
    this.timeout(60_000);
    const stop = new AbortController(), train = hubFiles('wikitext-103-raw').slice(0, 1);
    const watch = setInterval(() => { if (there().some((name) => name.endsWith('.tmp'))) stop.abort(); }, 1);
    const error = await getData(train, { out, signal: stop.signal, onNote: () => undefined }).catch((e: unknown) => e);
    clearInterval(watch);
    assertSentence(error, 'cancelled', /stopped: run the command again/);
    assert.deepEqual(there(), []);
  });

  it('a stopped get leaves whole files or none, and the same command goes on', async function () {
    this.timeout(60_000);
    server.plan('GET', DEV, { kind: 'stall' });
    const args = ['data', 'get', 'RTE', '--out', out];
    let stopped = false;
    const watch = setInterval(() => { if (server.seen.some(({ host, path }) => host === 'storage' && path.includes(DEV))) stop?.(); }, 20);
    let stop: (() => void) | undefined;
    const ended = await spawnZsaq(args, undefined, (child) => { stop = () => { if (!stopped) child.kill('SIGINT'); stopped = true; }; });
    clearInterval(watch);
    assert.equal(ended.code, 130, ended.stderr);
    assert.match(ended.stderr, /the download was cancelled: run the command again, it goes on where it stopped\n$/);
    assert.deepEqual(there(), ['glue/RTE/train.tsv', 'hub.json']);
    server.seen.length = 0;
    assert.equal((await get('RTE')).code, 0);
    assert(server.seen.some(({ range }) => range === 'bytes=10-'), 'the rest only');
    assert(!gets().some((path) => path.includes(TRAIN)));
  });
});
