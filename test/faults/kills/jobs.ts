import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pocketModelPath, pocketTask, pocketText } from '../../../datasets';
import { openPretrained } from '../../../src/io/pretrained';
import { HubServer } from '../../io/hubServer';
import { Copy } from '../../scripts/fakes';
import { madeIn } from '../made';
import { sufferScript, sufferZsaq, suffer, type Ended, type Fault } from '../suffer';

/** What is killed: one command in a folder of its own, `run/` of which it writes. */
export interface Job {
  name: string;
  /** of so many kills in all, how many are this job's */
  share: number;
  /** loads TensorFlow: seconds instead of tenths */
  heavy: boolean;
  begin(): Promise<void>;
  run(fault: Omit<Fault, 'roots'>): Promise<Ended>;
  /** what is there, without times */
  made(): Record<string, string>;
  /** how far the work on the disk is; it may never fall */
  progress(): number;
  /** back to the beginning */
  clear(): void;
  end(): Promise<void>;
}

const WRITER = join(__dirname, 'writer.ts');

/** A job with a folder, in which `prepare` puts what is only read. */
function job(name: string, share: number, heavy: boolean, run: (at: (...parts: string[]) => string, fault: Fault) => Promise<Ended>, o: { prepare?(at: (...parts: string[]) => string): void | Promise<void>; progress?(dir: string): number; without?: RegExp } = {}): Job {
  let root = '';
  const at = (...parts: string[]): string => join(root, ...parts);
  return {
    name, share, heavy,
    async begin() {
      root = mkdtempSync(join(tmpdir(), 'zsaq-kills-'));
      await o.prepare?.(at);
    },
    run: (fault) => run(at, { ...fault, roots: [at('run')] }),
    made: () => madeIn(at('run'), o.without),
    progress: () => o.progress?.(at('run')) ?? 0,
    clear: () => rmSync(at('run'), { recursive: true, force: true }),
    async end() { rmSync(root, { recursive: true, force: true }); },
  };
}

/** The newest checkpoint's step; past all of them once the metrics are there. */
function stepOf(dir: string): number {
  if (existsSync(join(dir, 'metrics.json'))) return Infinity;
  const folder = join(dir, 'checkpoints');
  return existsSync(folder) ? Math.max(0, ...readdirSync(folder).map((file) => Number(/^step-(\d+)\.safetensors$/.exec(file)?.[1] ?? 0))) : 0;
}

/** Bytes that have arrived. */
function bytesIn(dir: string): number {
  return existsSync(dir) ? Object.keys(madeIn(dir)).filter((file) => file.includes('/snapshots/')).length : 0;
}

const bert = pocketModelPath('pocket-bert'), generator = pocketModelPath('pocket-generator');

function download(): Job {
  const server = new HubServer(), tiny = openPretrained(bert), content = (name: string, n: number): Buffer => Buffer.alloc(n, name);
  tiny.close();
  const base = job('download', 40, false, (at, fault) => sufferScript(WRITER, ['download', at('run')], fault, { env: { HF_ENDPOINT: server.endpoint, HF_HUB_OFFLINE: '' } }), {
    progress: bytesIn, without: /(^|\/)\.locks\//,
    async prepare() {
      await server.start();
      server.repositories = { 'someone/tiny': { files: {
        'config.json': { content: Buffer.from('{"model_type":"bert"}') }, 'model.safetensors': { content: content('w', 300_000), large: true }, 'tokenizer.json': { content: content('t', 90_000) }, 'vocab.txt': { content: content('v', 5000) },
      } } };
    },
  });
  return { ...base, async end() { await server.stop(); await base.end(); } };
}

/** The set-up in a copy of the project, with stand-ins for npm, python3 and g++. */
function setup(): Job {
  let copy: Copy;
  return {
    name: 'set-up', share: 40, heavy: false,
    async begin() { copy = new Copy(); },
    async run(fault) {
      const full: Fault = { ...fault, roots: [copy.file('node_modules'), copy.file('.venv'), copy.file('.cache')], script: 'index.cjs' };
      return suffer([copy.file('scripts', 'setup', 'index.cjs')], full, { bare: true, env: { PATH: copy.tools, HOME: copy.root, FAKE_CALLS: copy.file('calls') } });
    },
    made: () => copy.made(),
    progress: () => 0,
    clear: () => { for (const name of ['node_modules', '.venv', '.cache']) rmSync(copy.file(name), { recursive: true, force: true }); },
    async end() { copy.dispose(); },
  };
}

const tinyData = (at: (...parts: string[]) => string): void => {
  mkdirSync(at('data', 'glue', 'SST-2'), { recursive: true });
  mkdirSync(at('data', 'ptb'), { recursive: true });
  const rows = (split: 'train' | 'dev', n: number) => ['sentence\tlabel', ...pocketTask('pocket-sentiment', split, n).examples.map((e) => `${e.text}\t${e.label}`)];
  writeFileSync(at('data', 'glue', 'SST-2', 'train.tsv'), `${rows('train', 96).join('\n')}\n`);
  writeFileSync(at('data', 'glue', 'SST-2', 'dev.tsv'), `${rows('dev', 16).join('\n')}\n`);
  for (const [name, split] of [['train', 'train'], ['valid', 'dev'], ['test', 'test']] as const) writeFileSync(at('data', 'ptb', `${name}.txt`), `${pocketText('reports', split, 2000).map(withUnknowns).join('\n')}\n`);
};

/** PTB is told by its share of unknown words. */
const withUnknowns = (line: string): string => line.split(' ').map((word, i) => (i % 25 ? word : '<unk>')).join(' ');

/** Every job, those that start in a moment first. */
export function jobs(): Job[] {
  return [
    job('run folder', 60, false, (at, fault) => sufferScript(WRITER, ['run', at('run')], fault), { progress: stepOf }),
    job('model folder', 30, false, (at, fault) => sufferScript(WRITER, ['model', at('run')], fault)),
    download(),
    setup(),
    job('quantize', 45, true, (at, fault) => sufferZsaq(['quantize', '--model', bert, '--generator', generator, '--bits', 'W2A8', '--preset', 'smoke', '--set', 'steps=24', '--set', 'checkpointSeconds=0', '--out', at('run')], fault), { progress: stepOf }),
    job('finetune', 25, true, (at, fault) => sufferZsaq(['finetune', '--model', bert, '--task', 'SST-2', '--data', at('data'), '--epochs', '1', '--batch', '16', '--checkpoint-seconds', '0', '--out', at('run')], fault), { progress: stepOf, prepare: tinyData }),
    job('pretrain', 20, true, (at, fault) => sufferZsaq(['pretrain', '--text', 'ptb', '--data', at('data'), '--tokenizer', generator, '--size', '1M', '--steps', '3', '--batch', '2', '--checkpoint-seconds', '0', '--out', at('run')], fault), { progress: stepOf, prepare: tinyData }),
    job('export', 20, true, (at, fault) => sufferZsaq(['export', '--model', at('full'), '--format', 'onnx-exact', '--out', at('run', 'export')], fault), {
      prepare: (at) => { cpSync(bert, at('full'), { recursive: true }); mkdirSync(at('run')); },
    }),
    job('reproduce', 20, true, (at, fault) => sufferZsaq(['reproduce', 'control', '--only', 'qatRandom seed 0', '--preset', 'smoke', '--results', at('run', 'results'), '--work', at('run', 'work')], fault), {
      progress: (dir) => (existsSync(join(dir, 'results', 'cells')) ? readdirSync(join(dir, 'results', 'cells')).filter((f) => f.endsWith('.json')).length : 0), without: /(^|\/)logs\//,
    }),
  ];
}

