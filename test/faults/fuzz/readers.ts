// Everything that reads what others may have written, and the inputs that it gets.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadTask, loadText } from '../../../datasets';
import { readFetched } from '../../../datasets/fetched';
import { readResult, changedSetting } from '../../../reproductions/cells/result';
import { RunFolder } from '../../../src/commands/runFolder';
import { ready } from '../../../src/core/backend';
import { tensorCount } from '../../../src/core/memory';
import type { Stream } from '../../../src/core/random';
import { dispose } from '../../../src/core/tree';
import { checkExport, writeManifest } from '../../../src/export/manifest';
import { loadRunnable } from '../../../src/export/packed';
import { loadCheckpoint, saveCheckpoint } from '../../../src/io/checkpoint';
import { readJson } from '../../../src/io/file';
import { openParquet } from '../../../src/io/parquet';
import { openPretrained } from '../../../src/io/pretrained';
import { openSafetensors } from '../../../src/io/safetensors';
import { openTorchBin } from '../../../src/io/torchBin';
import type { TensorFile } from '../../../src/io/tensor';
import { modelFromConfig } from '../../../src/models/registry';
import { loadTokenizer } from '../../../src/text/tokenizer';
import { saveRounded } from '../../export/helpers';
import { put } from '../../io/damage';
import { FOLDERS } from '../../text/smallFolders';
import { wounded } from './inputs';

/** A reader: `input` makes one for it, `read` gives it to the reader, which may only return or throw a ZsaqError. */
export interface Reader {
  name: string;
  /** of so many inputs in all, how many are this reader's */
  share: number;
  begin?(dir: string): void | Promise<void>;
  input(random: Stream, run: number): Buffer;
  read(input: Buffer, dir: string): void | Promise<void>;
  /** bytes of the other files that the reader reads along, and of tables that do not grow with the input */
  beside?: number;
  /** of processor time, where the work does not come from the input */
  seconds?: number;
}

const FIXTURES = join(__dirname, '..', '..', 'fixtures');
const fixture = (...parts: string[]): Buffer => readFileSync(join(FIXTURES, ...parts));

function readAll(file: TensorFile): void {
  try {
    for (const name of file.names) file.read(name);
  } finally {
    file.close();
  }
}

/** A file of a fixture, wounded. */
function file(name: string, share: number, seeds: readonly Buffer[], at: string, read: (path: string, dir: string) => void | Promise<void>, begin?: (dir: string) => void): Reader {
  return {
    name, share, begin, input: (random, run) => wounded(seeds[run % seeds.length], random),
    read(input, dir) {
      mkdirSync(dirname(join(dir, at)), { recursive: true });
      put(join(dir, at), input);
      return read(join(dir, at), dir);
    },
  };
}

const CONFIGS = readdirSync(join(FIXTURES, 'models'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => fixture('models', name, 'config.json'));
const INDEX = Buffer.from(JSON.stringify({ metadata: { total_size: 24 }, weight_map: { a: 'model-00001-of-00001.safetensors', b: 'model-00001-of-00001.safetensors' } }));
const SST2 = Buffer.from('sentence\tlabel\na fine film\t1\na dull one\t0\n'), RTE = Buffer.from('index\tsentence1\tsentence2\tlabel\n0\tit rains\tit is wet\tentailment\n1\tit rains\tit is dry\tnot_entailment\n');
const RECORD = Buffer.from(JSON.stringify({ 'glue/RTE/dev.tsv': { dataset: 'nyu-mll/glue', revision: 'main', commit: 'a'.repeat(40), parts: ['rte/x.parquet'], rows: 3, bytes: 40, sha256: 'b'.repeat(64) } }));
const RESULTS = join(__dirname, '..', '..', '..', 'reproductions', 'results', 'cells');
/** A run of equal rows takes a few bytes of a file, and comes out as rows: the largest of these has 300,000. */
const PARQUET_ROWS = 24 * 2 ** 20;
const PARQUET = readdirSync(join(FIXTURES, 'datasets'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.parquet')).map((name) => fixture('datasets', name)).filter((bytes) => bytes.length < 20_000);

function tokenizer(name: string, share: number): Reader {
  const whole = FOLDERS[name], names = Object.keys(whole);
  return {
    name: `tokenizer, ${name}`, share, beside: Object.values(whole).reduce((n, text) => n + text.length, 0),
    input: (random, run) => Buffer.concat([Buffer.from([run % names.length]), wounded(Buffer.from(whole[names[run % names.length]]), random)]),
    begin(dir) { for (const [at, text] of Object.entries(whole)) put(join(dir, at), Buffer.from(text)); },
    read(input, dir) {
      const at = names[(input[0] ?? 0) % names.length];
      put(join(dir, at), input.subarray(1));
      try {
        const read = loadTokenizer(dir);
        for (const text of ['Hello, the world! é 中 😀', '', 'the <mask> [SEP] ##a \0']) read.decode(read.encodePair(text, 'hello', 16).ids);
      } finally {
        put(join(dir, at), Buffer.from(whole[at]));
      }
    },
  };
}

/** Readers of files. */
export const FILE_READERS: readonly Reader[] = [
  file('safetensors', 14, [fixture('io', 'dtypes.safetensors'), fixture('io', 'written-dtypes.safetensors')], 'x.safetensors', (path) => readAll(openSafetensors(path))),
  file('PyTorch zip', 12, ['zip.bin', 'nested.bin', 'expanded.bin', 'module-state.bin', 'compressed.bin', 'hostile.bin'].map((name) => fixture('io', name)), 'x.bin', (path) => readAll(openTorchBin(path))),
  file('PyTorch legacy', 8, [fixture('io', 'old.bin'), fixture('io', 'protocol4.bin')], 'x.bin', (path) => readAll(openTorchBin(path))),
  file('config.json', 8, CONFIGS, 'config.json', (path) => {
    const config = readJson(path);
    if (typeof config === 'object' && config !== null && !Array.isArray(config)) modelFromConfig(config as Record<string, unknown>);
  }),
  file('shard index', 6, [INDEX], 'model.safetensors.index.json', (_, dir) => openPretrained(dir).close(), (dir) => {
    put(join(dir, 'config.json'), Buffer.from('{"model_type":"bert"}'));
    put(join(dir, 'model-00001-of-00001.safetensors'), fixture('io', 'dtypes.safetensors'));
  }),
  ...Object.keys(FOLDERS).map((name) => tokenizer(name, 4)),
  file('TSV', 8, [SST2], 'glue/SST-2/dev.tsv', (_, dir) => { loadTask('SST-2', 'dev', dir); }),
  file('TSV of pairs', 6, [RTE], 'glue/RTE/dev.tsv', (_, dir) => { loadTask('RTE', 'dev', dir); }),
  file('running text', 4, [Buffer.from(' the <unk> of a N day \n it <unk> \n'.repeat(40))], 'ptb/test.txt', (_, dir) => { loadText('ptb', 'test', dir); }),
  { beside: PARQUET_ROWS, ...file('Parquet', 5, PARQUET, 'x.parquet', async (path) => {
    const open = await openParquet(path);
    try {
      for await (const rows of open.read(open.columns)) if (rows.length > 1e6) throw new Error('rows without end');
    } finally {
      open.close();
    }
  }) },
  {
    name: 'checkpoint', share: 6,
    input(random) {
      return wounded(checkpoint, random);
    },
    begin(dir) {
      saveCheckpoint(join(dir, 'c'), { step: 2, state: { history: [1, 2], stream: 'x' }, tensors: { w: { dtype: 'float32', shape: [2, 3], data: Float32Array.of(1, -0, NaN, 1e-40, Infinity, 6) } } });
      checkpoint = readFileSync(join(dir, 'c', 'step-0000000002.safetensors'));
    },
    read(input, dir) {
      put(join(dir, 'c', 'step-0000000002.safetensors'), input);
      const found = loadCheckpoint(join(dir, 'c'));
      if (found && (found.step !== 2 || JSON.stringify(found.state) !== '{"history":[1,2],"stream":"x"}')) throw new Error('a changed checkpoint was accepted');
    },
  },
  file('result', 6, readdirSync(RESULTS).filter((name) => name.endsWith('.json')).slice(0, 6).map((name) => readFileSync(join(RESULTS, name))), 'r.json', (path) => { changedSetting(readResult(path)); }),
  {
    name: 'export manifest', share: 6,
    begin(dir) {
      mkdirSync(join(dir, 'e', 'onnx'), { recursive: true });
      put(join(dir, 'e', 'onnx', 'model.onnx'), Buffer.from('weights'));
      put(join(dir, 'e', 'config.json'), Buffer.from('{}'));
      writeManifest(join(dir, 'e'), { format: 'onnx-exact', family: 'bert', bits: 'W2A8', model: 'onnx/model.onnx', agreement: { tolerance: 1e-4, noise: 0 }, sizes: { weights: 1, theory: 1, linear: 1, linearFull: 1, bitsPerParameter: 2 } });
      manifest = readFileSync(join(dir, 'e', 'zsaq-export.json'));
    },
    input: (random) => wounded(manifest, random),
    read(input, dir) { put(join(dir, 'e', 'zsaq-export.json'), input); checkExport(join(dir, 'e')); },
  },
  {
    name: 'packed model', share: 2, beside: 4 * 2 ** 20,
    async begin(dir) {
      await ready();
      await saveRounded(join(dir, 'p'), join(FIXTURES, 'models', 'bert-classifier'), 2);
      packed = ['config.json', 'model.safetensors'].map((name) => readFileSync(join(dir, 'p', name)));
    },
    input: (random, run) => Buffer.concat([Buffer.from([run % 2]), wounded(packed[run % 2], random)]),
    async read(input, dir) {
      const which = (input[0] ?? 0) % 2, path = join(dir, 'p', ['config.json', 'model.safetensors'][which]), before = tensorCount();
      put(path, input.subarray(1));
      try {
        dispose((await loadRunnable(join(dir, 'p'))).params);
      } finally {
        put(path, packed[which]);
      }
      if (tensorCount() !== before) throw new Error('tensors are left');
    },
  },
  file('run settings', 3, [Buffer.from('{"method":"samSga","settings":{"steps":3,"beta":0.1},"seed":0}')], 'run/config.json', (_, dir) => RunFolder.open(join(dir, 'run'), { method: 'samSga' }).close()),
  file('record of fetched files', 3, [RECORD], 'hub.json', (_, dir) => { readFetched(dir); }),
];

let checkpoint: Buffer, manifest: Buffer, packed: Buffer[];
