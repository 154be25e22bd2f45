// What networks do: connections that break, servers that fail, lie or fall silent, and a cache that cannot be written.
import { writeFileSync } from 'node:fs';
import { difference, madeIn } from '../made';
import { HubServer, type Mishap } from '../../io/hubServer';
import { inPlace, unlikeSentence, type FaultCase } from './place';

const FILE = 'model.safetensors', MANY = 40, CONTENT = Buffer.alloc(50_000, 'w');

/** A download during which every request for the weights goes wrong; afterwards the hub is well again. */
function mishap(kind: string, what: Mishap, pattern: RegExp, env: NodeJS.ProcessEnv = {}, heavy = false, method: 'GET' | 'HEAD' = 'GET'): FaultCase {
  return {
    kind, heavy,
    inject: () => inPlace(async (p) => {
      const server = new HubServer();
      await server.start();
      try {
        server.repositories = { 'someone/tiny': { files: { 'config.json': { content: Buffer.from('{"model_type":"bert"}') }, [FILE]: { content: CONTENT, large: true } } } };
        const hub = { HF_ENDPOINT: server.endpoint, HF_HUB_OFFLINE: '', ...env };
        server.plan(method, FILE, ...Array.from({ length: MANY }, () => ({ ...what })));
        const wrong = unlikeSentence(await p.run({}, 'download', hub), pattern);
        if (wrong) return wrong;
        if (Object.keys(madeIn(p.dir())).some((name) => name.endsWith(`/${FILE}`))) return 'a file that did not arrive is in the cache';
        server.plan(method, FILE);
        const ended = await p.run({}, 'download', hub), weights = Object.entries(madeIn(p.dir())).find(([name]) => /\/blobs\/[0-9a-f]{64}$/.test(name));
        if (ended.code !== 0) return `afterwards it does not go on: ${ended.stderr}`;
        return weights && weights[0].endsWith(weights[1]) ? undefined : 'afterwards the weights do not have their hash';
      } finally {
        await server.stop();
      }
    }),
  };
}

export const NETWORK: readonly FaultCase[] = [
  mishap('connection that breaks', { kind: 'drop', after: 0 }, /cannot|connection|reach/i),
  mishap('wrong checksum', { kind: 'garble' }, /arrives with another SHA-256/),
  mishap('server that fails', { kind: 'status', status: 500 }, /500/),
  mishap('server that falls silent', { kind: 'stall' }, /does not answer|silent|answer/, { HF_HUB_ETAG_TIMEOUT: '1' }, true, 'HEAD'),
  {
    kind: 'cache that cannot be written',
    inject: () => inPlace(async (p) => {
      const server = new HubServer();
      await server.start();
      try {
        server.repositories = { 'someone/tiny': { files: { 'config.json': { content: Buffer.from('{}') } } } };
        writeFileSync(p.dir(), 'a file');
        const before = madeIn(p.root), wrong = unlikeSentence(await p.run({}, 'download', { HF_ENDPOINT: server.endpoint, HF_HUB_OFFLINE: '' }), /cannot/);
        return wrong ?? difference(madeIn(p.root), before);
      } finally {
        await server.stop();
      }
    }),
  },
];
