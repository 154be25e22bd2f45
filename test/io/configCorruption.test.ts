import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ZsaqError } from '../../src/core/error';
import { Stream } from '../../src/core/random';
import { readJson } from '../../src/io/file';
import { modelFromConfig } from '../../src/models/registry';
import { damage, damageJson, put } from './damage';
import { scratch } from './helpers';

const MODELS = join(__dirname, '..', 'fixtures', 'models');
const FAMILIES = readdirSync(MODELS, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
const TOTAL = 3000, SLACK = 32 * 2 ** 20;

describe('config.json with wounds', () => {
  const at = scratch();

  it(`${TOTAL} times, over ${FAMILIES.length} models: a model or one sentence, within twice the file's memory`, function () {
    this.timeout(60_000);
    const texts = FAMILIES.map((name) => readFileSync(join(MODELS, name, 'config.json'), 'utf8'));
    const seen = { refused: 0, accepted: 0 };
    for (let run = 0; run < TOTAL; run++) {
      const random = new Stream('config.json', run), which = run % FAMILIES.length, seed = `seed config.json ${run} (${FAMILIES[which]})`;
      const bytes = Math.floor(run / FAMILIES.length) % 2 ? Buffer.from(damageJson(texts[which], random)) : damage(Buffer.from(texts[which]), random);
      put(at('config.json'), bytes);
      const before = process.memoryUsage();
      try {
        const config = readJson(at('config.json'));
        assert(typeof config === 'object' && config !== null && !Array.isArray(config) || ++seen.refused);
        if (typeof config !== 'object' || config === null || Array.isArray(config)) continue; // openPretrained refuses it
        const model = modelFromConfig(config as Record<string, unknown>);
        for (const name of model.paramNames) assert(model.shapes[name].every((side) => Number.isSafeInteger(side) && side > 0), `${seed}: ${name} [${model.shapes[name]}]`);
        seen.accepted++;
      } catch (error) {
        assert(error instanceof ZsaqError, `${seed}: ${error instanceof Error ? error.stack : String(error)}\n${bytes.toString()}`);
        assert(!error.message.includes('\n') && error.message.length < 1500, `${seed}: ${error.message}`);
        seen.refused++;
      }
      const after = process.memoryUsage(), taken = after.arrayBuffers - before.arrayBuffers + Math.max(0, after.heapUsed - before.heapUsed);
      assert(taken <= 2 * bytes.length + SLACK, `${seed}: took ${taken} bytes for a file of ${bytes.length}`);
    }
    assert(seen.refused > TOTAL / 4 && seen.accepted > TOTAL / 20, JSON.stringify(seen));
  });
});
