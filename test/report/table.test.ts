import assert from 'node:assert/strict';
import fc from 'fast-check';
import { cellText, displayWidth, toCsv, toHtml, toLatex, toMarkdown, toText, type Table } from '../../src/report/table';

const table: Table = {
  title: 'SST-2 at W2A8',
  columns: [{ name: 'method' }, { name: 'accuracy', unit: '%', digits: 1 }, { name: 'bytes' }],
  rows: [['full precision', 87.42, 90868376], ['QAT, random "tokens"', 'diverged', null], ['=SUM(A1)|<b>_x_', 85.96, 7012]],
  note: 'preset smoke & 5% of the data',
};

const wide: Table = { columns: [{ name: '模型' }, { name: 'n' }], rows: [['日本語', 1], ['e\u0301e\u0301', 22], ['👍 ok', 333]] };

describe('report/table', () => {
  it('writes aligned text for a terminal', () => {
    assert.equal(toText(table), [
      'SST-2 at W2A8',
      'method                accuracy (%)     bytes',
      '────────────────────────────────────────────',
      'full precision                87.4  90868376',
      'QAT, random "tokens"      diverged         –',
      '=SUM(A1)|<b>_x_               86.0      7012',
      '────────────────────────────────────────────',
      'preset smoke & 5% of the data',
      '',
    ].join('\n'));
  });

  it('aligns wide, combining and emoji characters', () => {
    assert.equal(toText(wide), ['模型      n', '───────────', '日本語    1', 'e\u0301e\u0301       22', '👍 ok   333', ''].join('\n'));
    assert.deepEqual(['a', 'é', 'e\u0301', '語', '👩‍👩‍👧', '\u200b', 'ﾊ', 'ハ'].map(displayWidth), [1, 1, 1, 2, 2, 0, 1, 2]);
  });

  it('writes Markdown', () => {
    assert.equal(toMarkdown(table), [
      '**SST-2 at W2A8**', '',
      '| method | accuracy (%) | bytes |', '| --- | ---: | ---: |',
      '| full precision | 87.4 | 90868376 |', '| QAT, random "tokens" | diverged | – |', '| =SUM(A1)\\|\\<b\\>\\_x\\_ | 86.0 | 7012 |',
      '', 'preset smoke &amp; 5% of the data', '',
    ].join('\n'));
  });

  it('writes CSV with whole numbers and no formulas', () => {
    const signed = ['-1.50', '+0.07', '-0.65 to +0.34', '+10.60 (+9.40 to +11.73)'], formulas = ['-A1', '+1+A1', '-1 to SUM(A1)', '@x'];
    assert.equal(toCsv({ columns: [{ name: 'x' }], rows: [...signed, ...formulas].map((x) => [x]) }), ['x', ...signed, ...formulas.map((x) => `'${x}`), ''].join('\r\n'));
    assert.equal(toCsv(table), ['method,accuracy (%),bytes', 'full precision,87.42,90868376', '"QAT, random ""tokens""",diverged,', "'=SUM(A1)|<b>_x_,85.96,7012", ''].join('\r\n'));
  });

  it('writes LaTeX', () => {
    assert.equal(toLatex(table), [
      '\\begin{table}', '\\centering', '\\caption{SST-2 at W2A8}', '\\begin{tabular}{lrr}', '  \\toprule', '  method & accuracy (\\%) & bytes \\\\', '  \\midrule',
      '  full precision & 87.4 & 90868376 \\\\', '  QAT, random "tokens" & diverged & -- \\\\', '  =SUM(A1)\\textbar{}\\textless{}b\\textgreater{}\\_x\\_ & 86.0 & 7012 \\\\', '  \\bottomrule',
      '\\end{tabular}', '\\par\\small preset smoke \\& 5\\% of the data', '\\end{table}', '',
    ].join('\n'));
  });

  it('writes HTML in which everything is text', () => {
    assert.equal(toHtml({ columns: [{ name: '<i>' }, { name: 'n', digits: 2 }], rows: [['<script>"\'&', 1.005]], note: 'a<b' }), [
      '<table>', '<thead><tr><th scope="col" style="text-align:left">&lt;i&gt;</th><th scope="col" style="text-align:right">n</th></tr></thead>', '<tbody>',
      '<tr><td style="text-align:left">&lt;script&gt;&quot;&#39;&amp;</td><td style="text-align:right">1.00</td></tr>', '</tbody>', '</table>', '<p>a&lt;b</p>', '',
    ].join('\n'));
  });

  it('says what is not a number', () => {
    const column = { name: 'x' };
    assert.deepEqual([null, undefined, NaN, Infinity, -Infinity, 3, 0.1234567891, 1e21].map((v) => cellText(v, column)), ['–', '–', 'NaN', '∞', '−∞', '3', '0.123457', '1e+21']);
  });

  it('refuses a row of another length', () => {
    for (const write of [toText, toMarkdown, toCsv, toLatex, toHtml]) {
      assert.throws(() => write({ title: 'T', columns: [{ name: 'a' }, { name: 'b' }], rows: [[1, 2], [1]] }), { name: 'ZsaqError', message: 'row 2 of the table T has 1 cells for 2 columns: give one for each' });
    }
  });

  it('keeps every row on one line and every column in place, whatever the text', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.double()), { minLength: 1, maxLength: 5 }), (rows) => {
      const any: Table = { columns: [{ name: 'text' }, { name: 'n' }], rows };
      const lines = toText(any).split('\n').slice(0, -1);
      assert.equal(lines.length, rows.length + 2);
      const width = displayWidth(lines[1]);
      for (const line of lines.slice(2)) assert.equal(displayWidth(line), width, JSON.stringify(line));
      assert.equal(toMarkdown(any).split('\n').length, rows.length + 3);
      assert.ok(!/<(?!\/?(table|thead|tbody|tr|th|td)\b)/.test(toHtml(any)));
    }));
  });

  it('writes CSV that reads back', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.string(), fc.string()), { minLength: 1, maxLength: 4 }), (rows) => {
      const read = readCsv(toCsv({ columns: [{ name: 'a' }, { name: 'b' }], rows }));
      const isFormula = (text: string): boolean => /^[=@\t\r]|^[+-](?!\d)/.test(text) || (/^[+-]/.test(text) && /[^\d.+\-() ]/.test(text.replaceAll(' to ', '')));
      assert.deepEqual(read, [['a', 'b'], ...rows.map((row) => row.map((text) => (isFormula(text) ? `'${text}` : text)))]);
    }));
  });
});

/** RFC 4180, read one character at a time. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  let cell = '', quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') { cell += '"'; i++; } else if (c === '"') quoted = false; else cell += c;
    } else if (c === '"') quoted = true;
    else if (c === ',') { rows[rows.length - 1].push(cell); cell = ''; } else if (c === '\r' && text[i + 1] === '\n') { rows[rows.length - 1].push(cell); cell = ''; rows.push([]); i++; } else cell += c;
  }
  rows.pop();
  return rows;
}
