import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ZsaqError } from '../../src/core/error';
import { Stream } from '../../src/core/random';
import { openParquet, type ParquetRow } from '../../src/io/parquet';
import { damage, put } from './damage';
import { assertSentence, scratch } from './helpers';

const FIXTURES = join(__dirname, '..', 'fixtures', 'datasets');

async function rowsOf(path: string, columns: string[]): Promise<{ groups: number[]; rows: ParquetRow[] }> {
  const file = await openParquet(path), groups: number[] = [], rows: ParquetRow[] = [];
  try {
    for await (const group of file.read(columns)) {
      groups.push(group.length);
      rows.push(...group);
    }
    assert.equal(rows.length, file.rows);
    return { groups, rows };
  } finally {
    file.close();
  }
}

describe('io/parquet', () => {
  const at = scratch();
  const train = join(FIXTURES, 'rte', 'train-00000-of-00001.parquet');

  it('reads what pyarrow wrote: text with quotes, accents, emoji and a line separator, integers, a group at a time', async () => {
    const { groups, rows } = await rowsOf(train, ['sentence1', 'label', 'idx']);
    assert.deepEqual(groups, [1000, 1000, 490]);
    assert.deepEqual(rows.slice(0, 2), [{ sentence1: 'The cat sat on the mat.', label: 0n, idx: 0 }, { sentence1: 'It rained all day.', label: 1n, idx: 1 }]);
    assert.deepEqual([rows[2].sentence1, rows[3].sentence1, rows[4].sentence1], ['Nobody saw the "grey" fox.', 'Zwölf Äpfel 🍎 und\u2028drei Birnen', '']);
    assert.equal(rows[2489].idx, 2489);
    const scores = await rowsOf(join(FIXTURES, 'stsb', 'validation-00000-of-00001.parquet'), ['label']);
    assert.deepEqual(scores.rows.map(({ label }) => label), [Math.fround(3.8), 0, 5]);
  });

  it('names the columns that there are', async () => {
    const file = await openParquet(train);
    assert.deepEqual(file.columns, ['sentence1', 'sentence2', 'label', 'idx']);
    assertSentence(await file.read(['text']).next().catch((e: unknown) => e), 'missing', /no column "text" but "sentence1", "sentence2", "label", "idx"/);
    file.close();
    file.close();
  });

  it('refuses what is no Parquet file', async () => {
    for (const text of ['', 'PAR1', 'PAR1PAR1', '<html>not found</html>', 'version https://git-lfs.github.com/spec/v1\n']) {
      writeFileSync(at('x'), text);
      assertSentence(await openParquet(at('x')).catch((e: unknown) => e), 'format', /x is not a whole Parquet file \(.*\): remove it and fetch it again/);
    }
    assertSentence(await openParquet(at('nowhere')).catch((e: unknown) => e), 'missing', /there is no file/);
  });

  it('1000 wounds end in rows or a ZsaqError', async function () {
    this.timeout(60_000);
    const whole = readFileSync(join(FIXTURES, 'rte', 'validation-00000-of-00001.parquet'));
    const seen = { refused: 0, accepted: 0 };
    for (let run = 0; run < 1000; run++) {
      const bytes = damage(whole, new Stream('parquet', run));
      put(at('x'), bytes);
      try {
        await rowsOf(at('x'), ['sentence1', 'sentence2', 'label', 'idx']);
        seen.accepted++;
      } catch (error) {
        assert(error instanceof ZsaqError, `seed parquet ${run}: ${error instanceof Error ? error.stack : String(error)}`);
        assert(!error.message.includes('\n'), `seed parquet ${run}: ${error.message}`);
        seen.refused++;
      }
    }
    assert(seen.refused > 300 && seen.accepted > 0, JSON.stringify(seen)); // wounds in the text itself cannot be seen: the hub's SHA-256 is for those
  });
});
