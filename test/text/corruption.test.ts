import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ZsaqError } from '../../src/core/error';
import { Stream } from '../../src/core/random';
import { loadTokenizer } from '../../src/text/tokenizer';
import { damage, damageJson, put } from '../io/damage';
import { FOLDERS } from './smallFolders';

const RUNS = 500, TEXTS = ['Hello, the world! é 中 😀', '', 'the <mask> [SEP] ##a \u0000'], SLACK = 16 * 2 ** 20;

describe('tokenizers from damaged files', () => {
  let dir = '';
  beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'zsaq-wounds-')); });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('are wounded 7000 times', () => assert.equal(Object.values(FOLDERS).reduce((n, files) => n + Object.keys(files).length, 0) * RUNS, 7000));

  for (const [name, files] of Object.entries(FOLDERS)) {
    it(`${name}: each of ${Object.keys(files).join(', ')} is refused in one sentence or read, within twice its memory`, function () {
      this.timeout(60_000);
      for (const [file, text] of Object.entries(files)) put(join(dir, file), Buffer.from(text));
      loadTokenizer(dir);
      const total = Object.values(files).reduce((n, text) => n + text.length, 0);
      for (const [file, text] of Object.entries(files)) {
        const seen = { refused: 0, accepted: 0 };
        for (let run = 0; run < RUNS; run++) {
          const random = new Stream(`${name} ${file}`, run), seed = `seed "${name} ${file}" ${run}`;
          const bytes = run % 2 && file.endsWith('.json') ? Buffer.from(damageJson(text, random)) : damage(Buffer.from(text), random);
          put(join(dir, file), bytes);
          const before = process.memoryUsage();
          try {
            const tokenizer = loadTokenizer(dir);
            for (const one of TEXTS) tokenizer.decode(tokenizer.encodePair(one, TEXTS[0], 16).ids);
            seen.accepted++;
          } catch (error) {
            assert(error instanceof ZsaqError, `${seed}: ${error instanceof Error ? error.stack : String(error)}`);
            assert(!error.message.includes('\n') && error.message.length < 1500, `${seed}: ${error.message}`);
            seen.refused++;
          }
          const after = process.memoryUsage(), taken = after.arrayBuffers - before.arrayBuffers + Math.max(0, after.heapUsed - before.heapUsed);
          assert(taken <= 2 * (total + bytes.length) + SLACK, `${seed}: took ${taken} bytes for files of ${total}`);
        }
        put(join(dir, file), Buffer.from(text));
        assert(seen.refused + seen.accepted === RUNS && seen.accepted > 0 && (seen.refused > 0 || file === 'vocab.txt'), `${name} ${file}: ${JSON.stringify(seen)}`);
      }
    });
  }
});
